"""``dags/search_digest.py``: each digest lists only new hits, also in a repeated run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pendulum
import pytest

from tests.dags.conftest import Account, Connect, load_dag
from tests.dags.test_dags import states

if TYPE_CHECKING:
    from tests.conftest import Library

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]

GARDEN = {"name": "garden", "query": "garden"}
CHILDREN = {"name": "children", "query": "children"}


def digest(output: Path, day: int, *searches: dict[str, str]) -> Path:
    """Run the DAG for a day and return the folder of its digest."""
    moment = pendulum.datetime(2026, 3, day, 6)
    conf = {"searches": list(searches), "index_name": "library", "output_path": str(output)}
    run = load_dag("search_digest").test(logical_date=moment, run_after=moment, run_conf=conf)
    assert str(run.state) == "success", states(run)
    return output / "search_digest" / f"202603{day:02}T060000"


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_digest_lists_new_matches(connect: Connect, library: Library, account: Account, tmp_path: Path) -> None:
    first = digest(tmp_path, 2, GARDEN)
    found = rows(first / "new.jsonl")
    assert found and {row["search"] for row in found} == {"garden"}
    assert {row["video_id"] for row in found} == {library.video_id}
    assert library.video_id in (first / "digest.md").read_text()
    assert f"/videos/{library.video_id}" in (first / "digest.html").read_text()
    manifest = json.loads((first / "new.manifest.json").read_text())
    assert {file["format"] for file in manifest["files"]} == {"jsonl", "parquet"}

    second = digest(tmp_path, 4, GARDEN, CHILDREN)
    assert {row["search"] for row in rows(second / "new.jsonl")} == {"children"}
    assert len(rows(second / "seen.jsonl")) == len(found) + len(rows(second / "new.jsonl"))

    before = account.get("/_local/billing")
    assert rows(digest(tmp_path, 4, GARDEN, CHILDREN) / "new.jsonl") == rows(second / "new.jsonl"), "run once more"
    assert account.get("/_local/billing") == before, "the published results are not billed again"

    between = digest(tmp_path, 3, GARDEN)
    assert "Nothing new" in (between / "digest.md").read_text()
    assert rows(between / "seen.jsonl") == rows(first / "seen.jsonl")
