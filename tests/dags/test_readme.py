"""Code of the README works unchanged."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.dags.conftest import ROOT
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.generations import dialect_for
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.version import ApiVersion
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

CODE = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_hook_calls_of_the_readme_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def execute(_: TwelveLabsHook, call: Call[Any], **__: Any) -> Page[Any]:
        sent.append(call.name)
        return Page((), 1, 1, 0)

    monkeypatch.setattr(TwelveLabsHook, "execute", execute)
    monkeypatch.setattr(TwelveLabsHook, "api", dialect_for(ApiVersion.V1_3))
    exec(compile(CODE[2], "README.md", "exec"), {})
    assert sent == ["POST /knowledge-stores", "GET /indexes/665f.../videos"]


def test_first_dag_of_the_readme_can_be_loaded() -> None:
    code = CODE[0]
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    dag = names["transcribe"]()
    assert [task.task_id for task in dag.tasks] == ["index", "transcribe"]
    assert dag.task_dict["transcribe"].upstream_task_ids == {"index"}


def test_archive_dag_of_the_readme_can_be_loaded() -> None:
    names: dict[str, Any] = {}
    exec(compile(CODE[1], "README.md", "exec"), names)
    tasks = names["archive"]().task_dict
    assert {name: task.upstream_task_ids for name, task in tasks.items()} == {
        "discover": set(), "index": {"discover"}, "extract": {"index"},
    }  # fmt: skip


def test_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets and targets <= rules
