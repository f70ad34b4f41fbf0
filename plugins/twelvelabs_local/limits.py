"""The service's limits, which are off until ``/_local/limits`` switches them on: windows of requests, and the plan."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any

from twelvelabs_local.errors import invalid, unknown

MINUTE = 60
DAY = 86_400
_MINUTES_KEPT = 120


class Category(StrEnum):
    """The counters that the service has; the endpoints of one share it."""

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
    """Return the counter that a request counts against, or None.

    :param path: below the version.
    """
    if method != "POST":
        return None
    indexed = path.startswith("/indexes/") and path.endswith("/indexed-assets")
    return Category.INDEX if indexed else _CATEGORIES.get(path)


@dataclass(frozen=True)
class RequestLimit:
    """Requests of one category; None is no limit."""

    per_minute: int | None = None
    per_day: int | None = None

    def windows(self) -> dict[int, int]:
        """Return seconds of a window to its limit, the shortest first."""
        both = {MINUTE: self.per_minute, DAY: self.per_day}
        return {seconds: limit for seconds, limit in both.items() if limit is not None}


@dataclass(frozen=True)
class Limits:
    """What an account may do.

    :param requests: category to its limit.
    :param concurrent_indexing: videos that may be on their way into an index at once; None is no limit.
    """

    requests: Mapping[Category, RequestLimit] = field(default_factory=dict)
    concurrent_indexing: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what :func:`read_limits` takes."""
        requests = {category.value: asdict(limit) for category, limit in self.requests.items()}
        return {"requests": requests, "concurrent_indexing": self.concurrent_indexing}


@dataclass(frozen=True)
class Window:
    """Where a category stands in one window.

    :param seconds: how long the window is.
    :param reset_at: epoch seconds of its end.
    """

    seconds: int
    limit: int
    used: int
    reset_at: int

    @property
    def exceeded(self) -> bool:
        """Whether there was one request too many."""
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
    """What came in one minute.

    :param begin: epoch seconds.
    :param accepted: requests within the limits.
    :param refused: requests that were too many.
    """

    begin: int
    accepted: int = 0
    refused: int = 0


class LimitBook:
    """The limits in force and what has been used of them.

    :param clock: epoch seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._used: dict[tuple[Category, int, int], int] = {}
        self._minutes: dict[Category, dict[int, Minute]] = {}
        self.limits = Limits()

    def set(self, limits: Limits) -> None:
        """Put limits in force; nothing of them is used yet."""
        with self._lock:
            self.limits, self._used, self._minutes = limits, {}, {}

    def spend(self, category: Category) -> Window | None:
        """Count a request and return the window that is exceeded, else the one with the least left; None without limit.

        A request that is refused counts in no window.
        """
        with self._lock:
            windows = self._windows(category, 1)
            told = next((window for window in windows if window.exceeded), None)
            if told is None:
                for window in windows:
                    self._used[self._key(category, window.seconds)] = window.used
            if windows:
                self._note(category, refused=told is not None)
        return told or min(windows, key=lambda window: window.limit - window.used, default=None)

    def used(self) -> dict[str, dict[str, int]]:
        """Return what has been used: category to window (``per_minute``, ``per_day``) to requests."""
        names = {MINUTE: "per_minute", DAY: "per_day"}
        with self._lock:
            return {
                category.value: {names[window.seconds]: window.used for window in self._windows(category, 0)}
                for category in self.limits.requests
            }

    def minutes(self) -> dict[str, list[dict[str, int]]]:
        """Return how many requests came in each of the latest minutes: category to minutes, the oldest first."""
        with self._lock:
            return {category.value: [asdict(one) for one in told.values()] for category, told in self._minutes.items()}

    def _note(self, category: Category, refused: bool) -> None:
        told = self._minutes.setdefault(category, {})
        begin = math.floor(self._clock() / MINUTE) * MINUTE
        minute = told.setdefault(begin, Minute(begin))
        told[begin] = Minute(begin, minute.accepted + (not refused), minute.refused + refused)
        while len(told) > _MINUTES_KEPT:
            del told[next(iter(told))]

    def _windows(self, category: Category, more: int) -> list[Window]:
        limit = self.limits.requests.get(category, RequestLimit())
        found = []
        for seconds, most in limit.windows().items():
            key = self._key(category, seconds)
            found.append(Window(seconds, most, self._used.get(key, 0) + more, (key[2] + 1) * seconds))
        return found

    def _key(self, category: Category, seconds: int) -> tuple[Category, int, int]:
        return category, seconds, math.floor(self._clock() / seconds)


def read_limits(given: Mapping[str, Any]) -> Limits:
    """Return limits that were asked for.

    :raises ServiceError: for the first thing that is wrong with them.
    """
    if extra := set(given) - {"requests", "concurrent_indexing"}:
        raise unknown(sorted(extra))
    requests = given.get("requests") or {}
    if not isinstance(requests, dict):
        raise invalid("requests", "It must be an object of categories.")
    return Limits(
        {_category(name): _request_limit(name, limit) for name, limit in requests.items()},
        _count("concurrent_indexing", given.get("concurrent_indexing")),
    )


def _category(name: str) -> Category:
    if name not in set(Category):
        raise invalid("requests", f"There is no category {name!r}; they are {', '.join(Category)}.")
    return Category(name)


def _request_limit(name: str, given: Any) -> RequestLimit:
    if not isinstance(given, dict):
        raise invalid(f"requests.{name}", "It must be an object with per_minute, per_day or both.")
    if extra := set(given) - {"per_minute", "per_day"}:
        raise unknown([f"requests.{name}.{part}" for part in sorted(extra)])
    return RequestLimit(**{part: _count(f"requests.{name}.{part}", value) for part, value in given.items()})


def _count(name: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise invalid(name, f"It is {value!r}; it must be a whole number from 0, or null for no limit.")
    return value
