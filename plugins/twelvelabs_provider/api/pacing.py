"""Rate-limit budget: requests left in the window, and the wait before the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from twelvelabs_provider.api.retry import RateLimit

PATIENCE = 90.0
"""Seconds; instead of a longer wait, the request is sent and the service decides."""

MOST_WAITED = 900.0
"""Seconds that one call waits in total."""

LOOK = 1.0
"""Seconds between checks while all requests of a new window are in flight."""

_SAME_WINDOW = 1.5
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class Budget:
    """State of one rate limit of the service.

    :param limit: requests of a whole window; None until a response says it.
    :param remaining: requests left in this window; None without a limit.
    :param reset_at: epoch seconds of the window's end; None until a response of this window says it.
    :param in_flight: requests without a response yet.
    :param closed_at: epoch seconds of the last refusal.
    :param closed_until: epoch seconds before which nothing is sent after a refusal.
    :param refusals: in a row.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_at: float | None = None
    in_flight: int = 0
    closed_at: float = 0.0
    closed_until: float = 0.0
    refusals: int = 0


def at(budget: Budget, now: float) -> Budget:
    """Return the budget at a moment: a new window starts full after the end of the old one.

    Requests in flight may be counted in the new window.
    """
    if budget.reset_at is None or now < budget.reset_at:
        return budget
    left = None if budget.limit is None else max(0, budget.limit - budget.in_flight)
    return replace(budget, remaining=left, reset_at=None)


def wait_before(budget: Budget, now: float) -> float:
    """Return the seconds to wait before a request may be sent.

    :param budget: as it stands at ``now``; see :func:`at`.
    """
    closed = max(0.0, budget.closed_until - now)
    if budget.remaining is None or budget.remaining > 0:
        return closed
    if budget.reset_at is not None:
        return max(closed, budget.reset_at - now)
    return max(closed, LOOK) if budget.in_flight else closed


def taken(budget: Budget) -> Budget:
    """Return the budget after a request was sent."""
    left = None if budget.remaining is None else max(0, budget.remaining - 1)
    return replace(budget, remaining=left, in_flight=budget.in_flight + 1)


def returned(budget: Budget) -> Budget:
    """Return the budget after a request has ended, with or without success."""
    return replace(budget, in_flight=max(0, budget.in_flight - 1))


def informed(budget: Budget, response: RateLimit, now: float) -> Budget:
    """Return the budget after the headers of a response; its request still counts as in flight.

    Within a window the smaller number counts, because a response does not know of later requests. In a new window the
    requests in flight are subtracted, because they may not be counted yet.
    """
    if response.remaining is None or response.reset_at is None or response.reset_at <= now:
        # Without headers there is no limit, except for a window that is still open.
        return budget if budget.reset_at is not None else replace(budget, remaining=None)
    limit = response.limit if response.limit is not None else max(budget.limit or 0, response.remaining + 1)
    ours = budget.remaining
    if ours is None or limit != budget.limit or not _is_same(budget.reset_at, response.reset_at):
        ours = response.remaining - max(0, budget.in_flight - 1)
    return replace(budget, limit=limit, remaining=max(0, min(ours, response.remaining)), reset_at=response.reset_at)


def refused(budget: Budget, wait: float | None, now: float) -> Budget:
    """Return the budget after a 429: closed for all callers.

    :param wait: seconds that the service asks for; without, the pause doubles with every refusal in a row.
    """
    pause = wait if wait is not None else min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(budget.refusals, 10))
    closed_until = max(budget.closed_until, now + pause)
    return replace(budget, closed_at=now, closed_until=closed_until, refusals=budget.refusals + 1)


def accepted(budget: Budget, sent_at: float) -> Budget:
    """Return the budget after a success; a request sent before the last refusal does not count."""
    return budget if sent_at <= budget.closed_at else replace(budget, closed_until=0.0, refusals=0)


def _is_same(ours: float | None, response: float) -> bool:
    return ours is None or abs(ours - response) <= _SAME_WINDOW
