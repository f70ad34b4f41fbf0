"""How long to wait and when to look again: arithmetic that worker, sensor and triggerer share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SHORTEST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
# Seconds that Airflow's own limit of a deferral lies behind our deadline: it is for a triggerer that stopped running.
BACKSTOP = 300.0
# The pause grows with the wait: a job of ten minutes is noticed a minute late at most, one of a minute after 5 s.
_SHARE_OF_WAIT = 0.1
# The service speaks of 30 to 40 % of a video's length for indexing, and analyses are quicker: a look before this share
# of it would most likely find nothing.
_SHARE_OF_VIDEO = 0.1
_JITTER = 0.1
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
    duration: float | None = None,
) -> float:
    """Return the seconds until the next look at a job, never past its deadline.

    :param started_at: epoch seconds of the submission.
    :param poll_interval: seconds between looks; None lets the pause grow from 5 to 60 seconds.
    :param jitter: a random number from 0 to 1, drawn by the caller, so that many waits do not look at once.
    :param duration: seconds of the video, where they are known; without ``poll_interval`` they put off the first look.
    """
    waited = now - started_at
    interval = poll_interval if poll_interval and poll_interval > 0 else grown_pause(waited, duration)
    pause = interval * (1 - _JITTER + 2 * _JITTER * jitter)
    return max(0.0, min(pause, deadline - now))


def grown_pause(waited: float, duration: float | None = None) -> float:
    """Return the seconds between looks after a wait of some seconds: from 5 to 60.

    :param duration: seconds of the video, where they are known: before a tenth of them, but a minute at most, has
        passed, nothing is to be expected.
    """
    first = max(0.0, (duration or 0.0) * _SHARE_OF_VIDEO)
    left = min(first, LONGEST_PAUSE) - max(0.0, waited)
    return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, waited * _SHARE_OF_WAIT, left))


def clock_text(epoch: float) -> str:
    """Return a moment for people, in UTC; a moment outside the calendar becomes its first or last second."""
    within = min(_LAST_MOMENT, max(0.0, epoch)) if epoch == epoch else 0.0
    return datetime.fromtimestamp(within, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
