"""Deadlines and pauses between polls, the same on the worker and in the triggerer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from twelvelabs_provider.api.jobs import LONGEST_PAUSE, SHORTEST_PAUSE, pause_after

__all__ = [
    "BACKSTOP", "LONGEST_PAUSE", "SHORTEST_PAUSE", "clip_text", "clock_text", "deadline_from", "duration_text",
    "pause_after", "pause_before_poll",
]  # fmt: skip

# Seconds by which Airflow's timeout of a deferral exceeds our deadline; it only serves if the triggerer has stopped.
BACKSTOP = 300.0
_LAST_MOMENT = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


def deadline_from(now: float, timeout: float, execution_timeout: timedelta | None) -> float:
    """Return the deadline of a wait in epoch seconds.

    :param timeout: seconds that the job may take.
    :param execution_timeout: the task's execution_timeout, which Airflow does not apply while the task is deferred.
    """
    limits = [timeout] + ([execution_timeout.total_seconds()] if execution_timeout else [])
    return now + min(limits)


def pause_before_poll(
    now: float,
    started_at: float,
    deadline: float,
    poll_interval: float | None,
    jitter: float,
    polled_at: float | None = None,
) -> float:
    """Return the seconds until the next poll of a job, never past its deadline.

    :param started_at: epoch seconds of the submission.
    :param poll_interval: seconds between polls; None lets the pause grow from 5 to 60 seconds.
    :param jitter: a random number from 0 to 1, drawn by the caller, so that many waits do not poll at once.
    :param polled_at: epoch seconds at which the job was last seen running; None for now.
    """
    seen = now if polled_at is None else min(polled_at, now)
    due = seen + pause_after(seen - started_at, poll_interval, jitter)
    return max(0.0, min(due, deadline) - now)


def clock_text(epoch: float) -> str:
    """Return a time as text in UTC, to the minute; a time outside the calendar becomes its first or last minute."""
    within = min(_LAST_MOMENT, max(0.0, epoch)) if epoch == epoch else 0.0
    return datetime.fromtimestamp(within, UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration_text(seconds: float) -> str:
    """Return a duration as text, rounded for people: ``84 s``, ``10 min``, ``6.5 h``."""
    if seconds < 120:
        return f"{max(0.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def clip_text(seconds: float) -> str:
    """Return a position in a video as text: ``0:01``, ``1:02:03``."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
