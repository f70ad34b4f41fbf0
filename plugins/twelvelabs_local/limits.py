"""Rate limits and the limit of concurrent indexing, which ``/_local/limits`` switches on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from threading import Lock
from typing import Annotated

from pydantic import BeforeValidator

from twelvelabs_local.api.parameters import at_least
from twelvelabs_local.api.request_model import RequestModel

MINUTE = 60
DAY = 86_400
_MINUTES_KEPT = 120


class Category(StrEnum):
    """The categories of requests; the endpoints of a category share its limit."""

    INDEX = "index"
    UPLOAD = "upload"
    SEARCH = "search"
    ANALYZE = "analyze"
    EMBED = "embed"


_CATEGORIES: Mapping[str, Category] = {
    "/tasks": Category.INDEX,
    "/assets": Category.UPLOAD,
    "/assets/multipart-uploads": Category.UPLOAD,
    "/search": Category.SEARCH,
    "/search-v2": Category.SEARCH,
    "/search/combined": Category.SEARCH,
    "/analyze": Category.ANALYZE,
    "/analyze/tasks": Category.ANALYZE,
    "/analyze/batches": Category.ANALYZE,
    "/gist": Category.ANALYZE,
    "/summarize": Category.ANALYZE,
    "/generate": Category.ANALYZE,
    "/embed": Category.EMBED,
    "/embed/tasks": Category.EMBED,
    "/embed-v2": Category.EMBED,
    "/embed-v2/tasks": Category.EMBED,
}


def category_of(method: str, path: str) -> Category | None:
    """Return the category of a request, or None.

    :param path: below the version.
    """
    if method != "POST":
        return None
    indexed = path.startswith("/indexes/") and path.endswith("/indexed-assets")
    return Category.INDEX if indexed else _CATEGORIES.get(path)


Count = Annotated[int, at_least(0)]


class RequestLimit(RequestModel):
    """Requests of one category; None is no limit."""

    per_minute: Count | None = None
    per_day: Count | None = None

    def windows(self) -> dict[int, int]:
        """Return seconds of a window to its limit, the shortest first."""
        both = {MINUTE: self.per_minute, DAY: self.per_day}
        return {seconds: limit for seconds, limit in both.items() if limit is not None}


class Limits(RequestModel):
    """What an account may do.

    :param requests: category to its limit.
    :param concurrent_indexing: how many videos may be indexed at once; None is no limit.
    """

    requests: dict[Annotated[Category, BeforeValidator(Category)], RequestLimit] = {}
    concurrent_indexing: Count | None = None


@dataclass(frozen=True)
class Window:
    """The usage of a category in one window.

    :param seconds: how long the window is.
    :param reset_at: epoch seconds of its end.
    """

    seconds: int
    limit: int
    used: int
    reset_at: int

    @property
    def exceeded(self) -> bool:
        """Whether there were too many requests."""
        return self.used > self.limit

    def headers(self) -> dict[str, str]:
        """Return the rate-limit headers, in both of the service's spellings."""
        left, reset = str(max(0, self.limit - self.used)), str(self.reset_at)
        return {
            "X-Ratelimit-Limit": str(self.limit),
            "X-Ratelimit-Remaining": left,
            "X-Ratelimit-Used": str(min(self.used, self.limit)),
            "X-Ratelimit-Reset": reset,
            "X-RateLimit-Request-Remaining": left,
            "X-RateLimit-Request-Reset": reset,
        }


@dataclass(frozen=True)
class Minute:
    """The requests of one minute.

    :param begin: epoch seconds.
    :param accepted: requests within the limits.
    :param refused: requests over the limits.
    """

    begin: int
    accepted: int = 0
    refused: int = 0


class LimitBook:
    """The limits in force and their usage.

    :param clock: epoch seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._used: dict[tuple[Category, int, int], int] = {}
        self._minutes: dict[Category, dict[int, Minute]] = {}
        self.limits = Limits()

    def set(self, limits: Limits) -> None:
        """Replace the limits and reset their usage."""
        with self._lock:
            self.limits, self._used, self._minutes = limits, {}, {}

    def spend(self, category: Category) -> Window | None:
        """Count a request and return the exceeded window, else the one with the least left; None without a limit.

        A rejected request counts in no window.
        """
        with self._lock:
            windows = self._windows(category, 1)
            exceeded = next((window for window in windows if window.exceeded), None)
            if exceeded is None:
                for window in windows:
                    self._used[self._key(category, window.seconds)] = window.used
            if windows:
                self._note(category, refused=exceeded is not None)
        return exceeded or min(windows, key=lambda window: window.limit - window.used, default=None)

    def used(self) -> dict[str, dict[str, int]]:
        """Return the usage: category to window (``per_minute``, ``per_day``) to requests."""
        names = {MINUTE: "per_minute", DAY: "per_day"}
        with self._lock:
            return {
                category.value: {names[window.seconds]: window.used for window in self._windows(category, 0)}
                for category in self.limits.requests
            }

    def minutes(self) -> dict[str, list[dict[str, int]]]:
        """Return the requests of the latest minutes: category to minutes, the oldest first."""
        with self._lock:
            return {
                category.value: [asdict(one) for one in counted.values()] for category, counted in self._minutes.items()
            }

    def _note(self, category: Category, refused: bool) -> None:
        minutes = self._minutes.setdefault(category, {})
        begin = math.floor(self._clock() / MINUTE) * MINUTE
        minute = minutes.setdefault(begin, Minute(begin))
        minutes[begin] = Minute(begin, minute.accepted + (not refused), minute.refused + refused)
        while len(minutes) > _MINUTES_KEPT:
            del minutes[next(iter(minutes))]

    def _windows(self, category: Category, more: int) -> list[Window]:
        limit = self.limits.requests.get(category, RequestLimit())
        found = []
        for seconds, most in limit.windows().items():
            key = self._key(category, seconds)
            found.append(Window(seconds, most, self._used.get(key, 0) + more, (key[2] + 1) * seconds))
        return found

    def _key(self, category: Category, seconds: int) -> tuple[Category, int, int]:
        return category, seconds, math.floor(self._clock() / seconds)
