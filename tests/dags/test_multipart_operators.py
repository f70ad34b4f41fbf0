"""Multipart uploads of operators, and their continuation after a kill."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import SAMPLE, Account, Connect
from tests.dags.test_asset_operators import create
from tests.engine.client import Api, until
from tests.engine.multipart import CHUNK, padded
from tests.engine_process import PLUGINS, running_engine
from tests.task_context import TaskStateStore, task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.api import assets
from twelvelabs_provider.api.errors import TwelveLabsTransientError
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.storage.source import Source

if TYPE_CHECKING:
    from fsspec.implementations.memory import MemoryFileSystem

    from tests.engine_process import Engine

pytestmark = pytest.mark.engine

MIB = 1 << 20


@pytest.mark.parametrize("where", ["local", "file", "memory"])
def test_file_is_uploaded_in_parts(
    connect: Connect, clip: Path, tmp_path: Path, where: str, memory_store: MemoryFileSystem
) -> None:
    video = padded(clip, tmp_path / f"parts-{where}.mp4", 11 * MIB)
    memory_store.pipe_file(f"/bucket/{video.name}", video.read_bytes())
    source = {"local": str(video), "file": video.as_uri(), "memory": f"memory://bucket/{video.name}"}[where]
    result, _ = run_to_end(create(source, method="multipart"), task_context())
    assert (result["method"], result["size"], result["filename"]) == ("multipart", 11 * MIB, video.name)
    assert list(tmp_path.iterdir()) == [video], "no copy was made"


def test_large_video_is_indexed_from_parts(connect: Connect, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "UPLOADS", replace(assets.UPLOADS, max_direct=100_000))
    index_id = account.create_index("from parts")
    operator = TwelveLabsIndexVideoOperator(
        task_id="t",
        source=str(SAMPLE),
        index_id=index_id,
        user_metadata='{"take": 2}',
        if_indexed="reindex",
        poll_interval=0.2,
    )
    result, _ = run_to_end(operator, task_context())
    assert account.get(f"/v1.3/assets/{result['asset_id']}")["method"] == "multipart"
    video = account.get(f"/v1.3/indexes/{index_id}/videos/{result['video_id']}")
    assert video["user_metadata"].pop("airflow_source").startswith("source-")
    assert video["user_metadata"] == {"take": 2}


KILLED = """
import json, sys, time
from pathlib import Path
from types import SimpleNamespace
from twelvelabs_provider.operators.assets import TwelveLabsCreateAssetOperator
from twelvelabs_provider.storage.source import Source

video, memory, chunk, allowed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
real = Source.open_range

def open_range(self, start, size):
    while start >= allowed * chunk:
        time.sleep(60)
    return real(self, start, size)

class Memory(dict):
    def set(self, key, value):
        self[key] = value
        memory.write_text(json.dumps(self))

Source.open_range = open_range
ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, max_tries=0, try_number=1)
ti.xcom_push = lambda key, value: None
operator = TwelveLabsCreateAssetOperator(task_id="t", source=video, method="multipart")
operator.execute({"ti": ti, "task_state_store": Memory()})
"""


def test_killed_upload_resumes_with_the_missing_parts(clip: Path, tmp_path: Path, connect: Connect) -> None:
    """Thirty parts, of which twelve go up before the worker is killed without a word."""
    video = padded(clip, tmp_path / "killed.mp4", 30 * CHUNK)
    kept = tmp_path / "memory.json"
    with running_engine(tmp_path / "engine", env={"TWELVELABS_LOCAL_CHUNK_BYTES": str(CHUNK)}) as engine:
        connect(host=engine.base_url, password=engine.api_key)
        worker = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(video), str(kept), str(CHUNK), "12"],
            env={**os.environ, "PYTHONPATH": str(PLUGINS)},
        )
        try:
            until(lambda: _arrived(engine) == 12 and _reported(engine) >= 10, 300)
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        reported = _reported(engine)
        assert reported == 10
        context = task_context(TaskStateStore(json.loads(kept.read_text())))
        context["ti"].try_number = 2
        result, _ = run_to_end(create(video, method="multipart"), context)
        assert result["size"] == 30 * CHUNK
        assert _links_used(engine) == 12 + (30 - reported)
        assert Api(engine).get("/assets/multipart-uploads")["data"] == []
        assert Api(engine).get("/assets")["page_info"]["total_results"] == 1


def _ask(engine: Engine, sql: str) -> int:
    with sqlite3.connect(engine.data_dir / "engine.sqlite3", timeout=30) as db:
        found = int(db.execute(sql).fetchone()[0])
    db.close()
    return found


def _arrived(engine: Engine) -> int:
    return _ask(engine, "SELECT count(*) FROM upload_chunks")


def _reported(engine: Engine) -> int:
    return _ask(engine, "SELECT count(*) FROM upload_chunks WHERE status = 'completed'")


def _links_used(engine: Engine) -> int:
    return _ask(engine, "SELECT count(*) FROM used_links")


def test_file_that_changes_during_the_upload(
    connect: Connect, account: Account, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = padded(clip, tmp_path / "changing.mp4", 6 * MIB)
    real = Source.open_range

    def change(self: Source, start: int, size: int) -> Any:
        video.touch()
        return real(self, start, size)

    monkeypatch.setattr(Source, "open_range", change)
    memory = TaskStateStore()
    with pytest.raises(TwelveLabsTransientError, match="changed while it was sent"):
        create(video, method="multipart").execute(task_context(memory))
    assert memory.jobs() == {}
    assert account.get("/v1.3/assets", filename="changing.mp4")["data"] == []
