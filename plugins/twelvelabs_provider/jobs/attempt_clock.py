"""Start time of a task attempt, from which its deadline counts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

_STATE_KEY = "twelvelabs_quota"


class AttemptClock:
    """Start time of the current attempt, the same before and after a wait for a quota.

    A retry has a start time of its own.
    """

    def __init__(self) -> None:
        # The attempt, and the epoch seconds at which it started.
        self._fixed: tuple[int, float] | None = None

    def fixed_start(self, context: Context) -> float | None:
        """Return the start time (epoch seconds) if :meth:`fix` was called in this attempt, else None."""
        return self._fixed[1] if self._fixed and self._fixed[0] == attempt_number(context) else None

    def known_start(self, context: Context) -> float | None:
        """Return the start time (epoch seconds) as this process, the task state or Airflow knows it, else None."""
        candidates = (self.fixed_start(context), _stored_start(context), _airflow_start(context))
        return next((start for start in candidates if start is not None), None)

    def fix(self, context: Context, start: float | None = None) -> float:
        """Fix and return the start time (epoch seconds) of this attempt.

        :param start: the time from the trigger event; None uses the known time, or now.
        """
        known = self.known_start(context) if start is None else float(start)
        fixed = time.time() if known is None else known
        self._fixed = (attempt_number(context), fixed)
        return fixed

    def store(self, context: Context) -> float:
        """Fix the start time, keep it in the task state too (Airflow 3.3+), and return it.

        The trigger event, which carries the time as well, can be lost.
        """
        start, state = self.fix(context), _state(context)
        if state is not None:
            state.set(_STATE_KEY, {"try_number": attempt_number(context), "begun_at": start})
        return start


def attempt_number(context: Context) -> int:
    """Return the number of the current attempt, 1 for the first."""
    return int(getattr(context["ti"], "try_number", 1) or 1)


def _state(context: Context) -> Any:
    return context.get("task_state_store")


def _airflow_start(context: Context) -> float | None:
    """Return Airflow's start date of the attempt, which it keeps over deferrals."""
    start = getattr(context["ti"], "start_date", None)
    return float(start.timestamp()) if start else None


def _stored_start(context: Context) -> float | None:
    state = _state(context)
    stored = None if state is None else state.get(_STATE_KEY)
    if not isinstance(stored, Mapping) or stored.get("try_number") != attempt_number(context):
        return None
    start = stored.get("begun_at")
    return float(start) if isinstance(start, int | float) else None
