"""What the README tells people to write works as it stands."""

from __future__ import annotations

import re

from tests.dags.conftest import ROOT


def test_the_first_dag_is_a_dag() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    dag = names["transcribe"]()  # type: ignore[operator]
    assert [task.task_id for task in dag.tasks] == ["index", "transcribe"]
    assert dag.task_dict["transcribe"].upstream_task_ids == {"index"}


def test_every_make_target_that_it_names_exists() -> None:
    targets = set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets and targets <= rules
