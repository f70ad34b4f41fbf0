"""The examples of docs/hook.md against the embedded engine, as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import ROOT, Account, Connect, billed, load_dag
from tests.dags.test_dags import states
from twelvelabs_provider import read_catalog, read_rows
from twelvelabs_provider.hooks.model_verbs import ModelVerbs
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.hooks.video_verbs import VideoVerbs

if TYPE_CHECKING:
    from tests.conftest import Library

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]

PAGE = (ROOT / "docs" / "hook.md").read_text()
*EXAMPLES, DAG = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_run_in_their_order(
    connect: Connect, account: Account, library: Library, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index_id, hook = account.create_index("hook.md"), TwelveLabsHook()
    hook.wait_for(hook.index_video(index_id, library.asset_id), poll_interval=0.2)
    assert len(EXAMPLES) == 5 and all(len(code.splitlines()) <= 10 for code in EXAMPLES)
    names: dict[str, Any] = {"index": index_id, "asset": library.asset_id}
    printed = []
    for code in EXAMPLES:
        exec(compile(code.replace("talk.mp4", str(clip)), "hook.md", "exec"), names)
        printed.append(capsys.readouterr().out)
    assert {video.filename for video in hook.list_videos(index_id)} == {clip.name, "sample.mp4"}
    assert "sample.mp4" in printed[1]
    assert "garden" in printed[2].lower() and printed[3].strip()
    assert re.search(r"^\d+ [1-9]\d*$", printed[4], re.MULTILINE)


def test_the_dag_of_the_page_bills_a_video_once(
    connect: Connect, account: Account, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    output, index_id, before = tmp_path / "out", account.create_index("talks"), billed(account)
    code = DAG.replace("talk.mp4", str(sample))
    (tmp_path / "talks.py").write_text(f"INDEX, OUTPUT = {index_id!r}, {str(output)!r}\n{code}")
    run = load_dag("talks", tmp_path / "talks.py").test()
    assert str(run.state) == "success", states(run)
    (entry,) = read_catalog(output, kind="talk")
    assert "garden" in " ".join(row["text"] for row in read_rows(entry))
    assert billed(account) == before + 1


def test_the_table_lists_every_verb() -> None:
    listed = set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE))
    verbs = {name for kind in (VideoVerbs, ModelVerbs) for name in vars(kind) if not name.startswith("_")}
    assert listed == verbs
