"""States of tasks, printed as they change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from demo.airflow_api import FINAL_RUN_STATES, AirflowApi, TaskState

POLL_SECONDS = 1.0
NOTES = {
    "deferred": "the triggerer waits for it; no worker is held",
    "upstream_failed": "not run, because a task before it failed",
}


@dataclass
class StateLog:
    """Turns the states seen at each poll into lines about what has changed.

    :param reason: says why a task failed
    """

    reason: Callable[[TaskState], str]
    seen: dict[str, TaskState] = field(default_factory=dict)

    def changes(self, tasks: Iterable[TaskState], elapsed: float) -> list[str]:
        """Return a line for each task whose state is not the one of the previous call.

        :param tasks: the states now
        :param elapsed: seconds since the run began
        """
        lines = []
        for task in tasks:
            before = self.seen.get(task.label)
            self.seen[task.label] = task
            # A task without a state is not scheduled yet.
            if task.state != "none" and (before is None or before.state != task.state):
                lines.append(state_line(task, elapsed))
                if task.state == "up_for_retry":
                    lines.append(f"{'':12}it failed and will be tried again: {self.reason(task)}")
        return lines


def state_line(task: TaskState, elapsed: float) -> str:
    """Return one line about a task's state."""
    note = NOTES.get(task.state, "")
    return f"  {elapsed:6.1f} s  {task.label:<36} {task.state}{f' ({note})' if note else ''}"


def follow(
    api: AirflowApi,
    dag_id: str,
    run_id: str,
    check: Callable[[], None],
    reason: Callable[[TaskState], str],
    say: Callable[[str], None] = print,
) -> tuple[str, list[TaskState]]:
    """Show the run's tasks until it ends.

    :param check: called at each poll; raises if a process that the run needs has ended
    :param reason: says why a task failed
    :param say: takes each line
    :return: the run's state and the last states of its tasks
    """
    log, started = StateLog(reason), time.monotonic()
    while True:
        check()
        state = api.run_state(dag_id, run_id)
        tasks = api.task_states(dag_id, run_id)
        for line in log.changes(tasks, time.monotonic() - started):
            say(line)
        if state in FINAL_RUN_STATES:
            return state, tasks
        time.sleep(POLL_SECONDS)
