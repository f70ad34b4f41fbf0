"""Progress of a run: one line per state change."""

from __future__ import annotations

from demo.airflow_api import TaskState
from demo.progress import StateLog, state_line


def task(state: str, map_index: int = 0, task_id: str = "index_video") -> TaskState:
    return TaskState(task_id, map_index, state, try_number=1)


def state_log() -> StateLog:
    return StateLog(lambda task: f"why {task.label} failed")


def test_state_is_shown_once_per_change() -> None:
    log = state_log()
    assert len(log.changes([task("queued")], 1.0)) == 1
    assert log.changes([task("queued")], 2.0) == []
    assert [line.split()[-1] for line in log.changes([task("running")], 3.0)] == ["running"]


def test_a_task_without_a_state_is_not_shown() -> None:
    log = state_log()
    assert log.changes([task("none")], 1.0) == []
    assert len(log.changes([task("running")], 2.0)) == 1


def test_the_branches_of_a_mapped_task_have_their_own_lines() -> None:
    lines = state_log().changes([task("running", 0), task("success", 1), task("running", -1, "create_index")], 1.0)
    assert [line.split()[2:] for line in lines] == [
        ["index_video[0]", "running"],
        ["index_video[1]", "success"],
        ["create_index", "running"],
    ]


def test_returning_state_is_shown_again() -> None:
    log = state_log()
    changes = [log.changes([task(state)], 1.0) for state in ("running", "deferred", "running")]
    assert [len(lines) for lines in changes] == [1, 1, 1]


def test_line_has_the_time_and_explains_deferred() -> None:
    line = state_line(task("deferred"), 12.34)
    assert line.startswith("    12.3 s  index_video[0]")
    assert "no worker" in line
    assert state_line(task("success"), 0.0).endswith("success")


def test_a_task_up_for_retry_is_shown_with_its_reason() -> None:
    lines = state_log().changes([task("up_for_retry")], 1.0)
    assert lines[0].endswith("up_for_retry")
    assert "why index_video[0] failed" in lines[1]
