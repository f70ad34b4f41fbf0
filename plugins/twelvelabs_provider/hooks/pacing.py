"""Rate limiting shared by all callers of an account in this process.

The service counts requests per :class:`RateCategory`; requests without a counter (reads) wait only after a refusal.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from threading import Lock
from typing import Any

from twelvelabs_provider.api import pacing
from twelvelabs_provider.api.call import Call, RateCategory
from twelvelabs_provider.api.endpoint import Endpoint
from twelvelabs_provider.api.errors import TwelveLabsRateLimitError
from twelvelabs_provider.api.pacing import MOST_WAITED, PATIENCE, Budget
from twelvelabs_provider.api.retry import rate_limit_from

log = logging.getLogger(__name__)

LOGGED_WAIT = 5.0
"""Seconds; a longer wait is logged."""


class Pace:
    """Rate limit of one category of one account, as this process knows it; safe for threads and event loops.

    :param counted: False for requests that count against no limit: only refusals are recorded.
    :param clock: epoch seconds.
    """

    def __init__(self, counted: bool = True, clock: Callable[[], float] = time.time) -> None:
        self._counted = counted
        self._clock = clock
        self._lock = Lock()
        self._budget = Budget()

    def pauses(self, what: str, until: float | None = None) -> Iterator[float]:
        """Yield the seconds to sleep until the rate limit allows the request, and then reserve it.

        :param what: the call, for the log.
        :param until: epoch seconds; the request is allowed then at the latest.
        """
        waited = 0.0
        while pause := self._take(waited, until):
            if pause > LOGGED_WAIT:
                log.warning("Rate limit reached: %s waits %.0f s", what, pause)
            waited += pause
            yield pause

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Send one reserved request, and record the rate limit of its response, also of a refusal."""
        turn = Turn(self, self._clock())
        try:
            yield turn
        except TwelveLabsRateLimitError as error:
            wait = error.retry_after
            self._learn(lambda budget, now: pacing.refused(budget, wait, now))
            raise
        finally:
            self._learn(lambda budget, now: pacing.returned(budget))

    def learn(self, status: int, headers: Mapping[str, str], sent_at: float) -> None:
        """Record the rate limit of a response (header names in any case)."""
        limit = rate_limit_from({name.lower(): value for name, value in headers.items()})
        if self._counted:
            self._learn(lambda budget, now: pacing.informed(budget, limit, now))
        if status < HTTPStatus.BAD_REQUEST:
            self._learn(lambda budget, now: pacing.accepted(budget, sent_at))

    def _take(self, waited: float, until: float | None) -> float:
        """Reserve a request and return 0, or return the seconds until the next try."""
        with self._lock:
            now = self._clock()
            self._budget = pacing.at(self._budget, now)
            wait = pacing.wait_before(self._budget, now)
            left = MOST_WAITED - waited if until is None else min(MOST_WAITED - waited, until - now)
            if 0 < wait <= PATIENCE and left > 0:
                # Jitter: callers that wait for the same moment do not send at once.
                return min(wait + random.random(), left)
            self._budget = pacing.taken(self._budget)
            return 0.0

    def _learn(self, change: Callable[[Budget, float], Budget]) -> None:
        with self._lock:
            now = self._clock()
            self._budget = change(pacing.at(self._budget, now), now)


@dataclass(frozen=True)
class Turn:
    """One request in flight.

    :param sent_at: epoch seconds.
    """

    pace: Pace
    sent_at: float

    def learn(self, status: int, headers: Mapping[str, str]) -> None:
        """Record the rate limit of the response."""
        self.pace.learn(status, headers, self.sent_at)


_paces: dict[tuple[str, str, RateCategory], Pace] = {}
_making = Lock()


def pace_of(call: Call[Any], endpoint: Endpoint) -> Pace:
    """Return the pace that all calls of an account and a category share; the key is not stored."""
    key = (endpoint.origin, _digest(endpoint), call.category)
    with _making:
        if key not in _paces:
            _paces[key] = Pace(call.category is not RateCategory.NONE)
        return _paces[key]


def forget_paces() -> None:
    """Forget all rate limits of this process."""
    with _making:
        _paces.clear()


def _digest(endpoint: Endpoint) -> str:
    return sha256(endpoint.api_key.encode()).hexdigest()[:16]
