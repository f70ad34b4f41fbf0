"""Rate limiting shared by all callers of an account in this process.

The counters of the service are those of :class:`RateCategory`; requests without a counter (reads) are held back
only after a refusal.
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

WORTH_SAYING = 5.0
"""Seconds; a longer wait gets a line in the log."""


class Pace:
    """What this process knows of one counter of one account; any thread and any event loop may use it.

    :param counted: False for what counts against no limit: only refusals say something.
    :param clock: epoch seconds.
    """

    def __init__(self, counted: bool = True, clock: Callable[[], float] = time.time) -> None:
        self._counted = counted
        self._clock = clock
        self._lock = Lock()
        self._budget = Budget()

    def pauses(self, what: str, until: float | None = None) -> Iterator[float]:
        """Yield the seconds to sleep, again and again, until it is this caller's turn, which is taken then.

        :param what: the call, for the log.
        :param until: epoch seconds at which the caller has no more time: no pause goes beyond, and the turn is its own.
        """
        waited = 0.0
        while pause := self._take(waited, until):
            if pause > WORTH_SAYING:
                log.warning("%s waits %.0f s for its turn: the service's rate limit is reached", what, pause)
            waited += pause
            yield pause

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Send one request whose turn was taken; what its answer says is learned, a refusal too."""
        turn = Turn(self, self._clock())
        try:
            yield turn
        except TwelveLabsRateLimitError as error:
            wait = error.retry_after
            self._learn(lambda budget, now: pacing.refused(budget, wait, now))
            raise
        finally:
            self._learn(lambda budget, now: pacing.returned(budget))

    def heard(self, status: int, headers: Mapping[str, str], sent_at: float) -> None:
        """Learn from the head of an answer (header names in any case)."""
        told = rate_limit_from({name.lower(): value for name, value in headers.items()})
        if self._counted:
            self._learn(lambda budget, now: pacing.informed(budget, told, now))
        if status < HTTPStatus.BAD_REQUEST:
            self._learn(lambda budget, now: pacing.accepted(budget, sent_at))

    def _take(self, waited: float, until: float | None) -> float:
        """Take a turn and return 0, or return the seconds after which to ask again."""
        with self._lock:
            now = self._clock()
            self._budget = pacing.at(self._budget, now)
            wait = pacing.wait_before(self._budget, now)
            left = MOST_WAITED - waited if until is None else min(MOST_WAITED - waited, until - now)
            if 0 < wait <= PATIENCE and left > 0:
                # A little later, and not all at once.
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

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from the head of the answer."""
        self.pace.heard(status, headers, self.sent_at)


_paces: dict[tuple[str, str, RateCategory], Pace] = {}
_making = Lock()


def pace_of(call: Call[Any], endpoint: Endpoint) -> Pace:
    """Return the pace that all calls of an account and a category share; the key itself is not kept."""
    key = (endpoint.origin, _digest(endpoint), call.category)
    with _making:
        if key not in _paces:
            _paces[key] = Pace(call.category is not RateCategory.NONE)
        return _paces[key]


def forget_paces() -> None:
    """Forget all that was learned in this process."""
    with _making:
        _paces.clear()


def _digest(endpoint: Endpoint) -> str:
    return sha256(endpoint.api_key.encode()).hexdigest()[:16]
