"""Playground link, for the vendor's host only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twelvelabs_provider.links import TwelveLabsPlaygroundLink, video_url
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.sensors.indexing import TwelveLabsIndexingSensor

KEY: Any = None
TASKS = [
    TwelveLabsIndexVideoOperator(task_id="t", index_id="i", source="s"),
    TwelveLabsIndexingSensor(task_id="s", index_id="i", video_id="v"),
]


def link(task: Any, url: str | None) -> str:
    """Return the link of a task that works on a page."""
    task.playground_url = url
    task.__dict__.pop("hook", None)
    return TwelveLabsPlaygroundLink().get_link(task, ti_key=KEY)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
@pytest.mark.parametrize(
    ("host", "is_vendor"),
    [
        (None, True),
        ("", True),
        ("https://api.twelvelabs.io", True),
        ("API.TwelveLabs.io.", True),
        ("https://api.twelvelabs.io:443/", True),
        ("http://127.0.0.1:8000", False),
        ("https://engine.example", False),
        ("https://twelvelabs.io.example", False),
        ("https://nottwelvelabs.io", False),
    ],
)
def test_playground_link_exists_for_the_vendors_host_only(
    host: str | None, is_vendor: bool, task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "twelvelabs", "password": "tlk_0KEY0OF0THIS0TEST", "host": host}
    monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", json.dumps(connection))
    assert link(task, video_url("i", "v")) == (video_url("i", "v") if is_vendor else "")
    assert link(task, None) == ""


def test_unreadable_connection_has_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", "{")
    assert link(TASKS[0], video_url("i", "v")) == ""
