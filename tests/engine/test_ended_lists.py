"""The lists by which many waits are served at once, against the engine: each finds a job that has ended."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Library
from tests.engine.client import Api
from tests.engine_process import Engine
from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook
from twelvelabs_provider.jobs.ended import EndedJobs, Wanted
from twelvelabs_provider.jobs.job import JobKind

Begin = Callable[[Api, Library, Path], str]


def task(api: Api, library: Library, clip: Path) -> str:
    return str(api.task(api.create_index("ended lists"), clip)["_id"])


def analysis(api: Api, library: Library, clip: Path) -> str:
    video = {"type": "asset_id", "asset_id": library.asset_id}
    return str(api.expect(202, "POST", "/analyze/tasks", json={"video": video, "prompt": "What is said?"})["task_id"])


def batch(api: Api, library: Library, clip: Path) -> str:
    item = {"video": {"type": "asset_id", "asset_id": library.asset_id}, "custom_id": "a"}
    body = {
        "model_name": "pegasus1.5",
        "analysis_mode": "general",
        "defaults": {"prompt": {"input_text": "What is said?"}},
        "requests": [item],
    }
    return str(api.expect(201, "POST", "/analyze/batches", json=body)["batch_id"])


def embedding(api: Api, library: Library, clip: Path) -> str:
    source = {"media_source": {"asset_id": api.asset(clip)}}
    body = {"input_type": "video", "model_name": "marengo3.0", "video": source}
    return str(api.expect(202, "POST", "/embed-v2/tasks", json=body)["_id"])


KINDS: list[tuple[JobKind, Begin]] = [
    (JobKind.INDEXING_TASK, task),
    (JobKind.INDEXED_ASSET, lambda _, library, __: library.video_id),
    (JobKind.ASSET, lambda _, library, __: library.asset_id),
    (JobKind.ANALYSIS_TASK, analysis),
    (JobKind.ANALYSIS_BATCH, batch),
    (JobKind.EMBEDDING_TASK, embedding),
]


@pytest.mark.parametrize(("kind", "begin"), [pytest.param(*case, id=case[0].value) for case in KINDS])
def test_a_job_that_ended_is_found(
    engine: Engine, library: Library, clip: Path, kind: JobKind, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api(engine)
    asked_at = time.time() - 3600
    job_id = begin(api, library, clip)
    connection = {"conn_type": "twelvelabs", "password": api.engine.api_key, "host": api.engine.base_url}
    monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", json.dumps(connection))
    index_id = library.index_id if kind is JobKind.INDEXED_ASSET else None

    async def found() -> None:
        jobs = EndedJobs(kind, index_id, asked_at)
        async with TwelveLabsAsyncHook() as hook, asyncio.timeout(120):
            while job_id not in jobs.found:
                await jobs.look(hook, Wanted(asked_at, {job_id: asked_at}))
                await asyncio.sleep(0.1)

    asyncio.run(found())
