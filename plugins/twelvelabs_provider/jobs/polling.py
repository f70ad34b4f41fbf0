"""How long to wait and when to look again: arithmetic that worker, sensor and triggerer share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# A job that ends t seconds after its submission is noticed within max(SHORTEST_PAUSE, t / 10), LONGEST_PAUSE at most.
SHORTEST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
# Seconds that Airflow's own limit of a deferral lies behind our deadline: it is for a triggerer that stopped running.
BACKSTOP = 300.0
_SHARE_OF_WAIT = 0.1
# A poll starts a little before it is due: the request takes time, and many waits must not poll at the same moment.
_EARLY = 0.05
_JITTER = 0.15
_LAST_MOMENT = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


def deadline_from(now: float, timeout: float, execution_timeout: timedelta | None) -> float:
    """Return the epoch seconds after which nobody waits any more.

    :param timeout: seconds that the job may take.
    :param execution_timeout: the task's own limit, which Airflow does not apply while a task is deferred.
    """
    limits = [timeout] + ([execution_timeout.total_seconds()] if execution_timeout else [])
    return now + min(limits)


def pause_before_look(
    now: float,
    started_at: float,
    deadline: float,
    poll_interval: float | None,
    jitter: float,
    looked_at: float | None = None,
) -> float:
    """Return the seconds until the next poll of a job, never past its deadline.

    :param started_at: epoch seconds of the submission.
    :param poll_interval: seconds between polls; None lets the pause grow from 5 to 60 seconds.
    :param jitter: a random number from 0 to 1, drawn by the caller, so that many waits do not poll at once.
    :param looked_at: epoch seconds at which the job was last seen running; None for now.
    """
    seen = now if looked_at is None else min(looked_at, now)
    due = seen + pause_after(seen - started_at, poll_interval, jitter)
    return max(0.0, min(due, deadline) - now)


def pause_after(waited: float, poll_interval: float | None, jitter: float) -> float:
    """Return the seconds from one poll to the next.

    :param waited: seconds from the submission of the youngest job to the poll.
    :param poll_interval: seconds between polls; None lets the pause grow from 5 to 60 seconds.
    :param jitter: a random number from 0 to 1.
    """
    interval = poll_interval if poll_interval and poll_interval > 0 else _grown(waited)
    return interval * (1 - _EARLY - _JITTER * jitter)


def _grown(waited: float) -> float:
    return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, waited * _SHARE_OF_WAIT))


def clock_text(epoch: float) -> str:
    """Return a moment for people, in UTC; a moment outside the calendar becomes its first or last second."""
    within = min(_LAST_MOMENT, max(0.0, epoch)) if epoch == epoch else 0.0
    return datetime.fromtimestamp(within, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
