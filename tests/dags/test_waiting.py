"""Waits of every job: deferred, on the worker, after a retry, and after a clear."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.dags.conftest import SAMPLE, Account, Connect, billed
from tests.engine.videos import padded_copy
from tests.task_context import TaskStateStore, task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.exceptions import (
    TwelveLabsJobFailedError,
    TwelveLabsJobTimeoutError,
    TwelveLabsWatchedJobFailedError,
)
from twelvelabs_provider.operators.extract import TwelveLabsExtractTextInVideoOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.sensors.indexing import TwelveLabsIndexingSensor
from twelvelabs_provider.version_compat import AirflowSensorTimeout, TaskDeferred

pytestmark = pytest.mark.engine


def index_video(index_id: str, **fields: Any) -> TwelveLabsIndexVideoOperator:
    """Return an operator that indexes the sample."""
    usual = {"source": str(SAMPLE), "deferrable": True, "poll_interval": 0.5}
    return TwelveLabsIndexVideoOperator(task_id="t", index_id=index_id, **{**usual, **fields})


@pytest.fixture
def new_video(clip: Path, tmp_path: Path) -> Path:
    """A video that is new to the engine: reading it takes seconds."""
    return padded_copy(clip, tmp_path / "new.mp4")


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_worker_and_triggerer_have_the_same_outcome(
    api_version: str, deferrable: bool, connect: Connect, account: Account, new_video: Path
) -> None:
    connect(api_version)
    index_id = account.create_index(f"same-{api_version}-{deferrable}")
    operator = index_video(index_id, source=str(new_video), deferrable=deferrable)
    result, deferrals = run_to_end(operator, task_context())
    assert (deferrals > 0) == deferrable
    assert set(result) == {
        "index_id", "video_id", "asset_id", "duration", "source_uri", "filename", "transcription_used", "reused",
    }  # fmt: skip
    assert result["source_uri"] == f"file://{new_video}"
    assert result["duration"] == pytest.approx(6, abs=0.5)
    assert account.get(f"/v1.3/indexes/{index_id}/videos/{result['video_id']}")["_id"] == result["video_id"]
    assert operator.playground_url and operator.playground_url.endswith(result["video_id"])


def test_retry_attaches_and_bills_once(connect: Connect, account: Account, new_video: Path) -> None:
    index_id = account.create_index("retry")
    memory = TaskStateStore()
    before, assets = billed(account), account.holdings()[0]
    first = index_video(index_id, source=str(new_video))
    with pytest.raises(TaskDeferred):
        first.execute(task_context(memory))
    assert first.playground_url, "the link is there while the task is deferred"
    result, _ = run_to_end(index_video(index_id, source=str(new_video)), task_context(memory))
    assert result["video_id"]
    assert billed(account) == before + 1
    assert account.holdings()[0] == assets + 1, "uploaded once"


def test_clear_submits_again(connect: Connect, account: Account) -> None:
    index_id = account.create_index("clear")
    memory = TaskStateStore()
    again = partial(index_video, index_id, if_indexed="reindex")
    first, _ = run_to_end(again(), task_context(memory, max_tries=2))
    second, _ = run_to_end(again(), task_context(memory, max_tries=3))
    assert first["video_id"] != second["video_id"]


def test_a_job_unknown_to_the_service_is_submitted_again(connect: Connect, account: Account) -> None:
    index_id = account.create_index("forgotten")
    memory = TaskStateStore()
    first, _ = run_to_end(index_video(index_id), task_context(memory))
    path = f"/v1.3/indexes/{index_id}/videos/{first['video_id']}"
    requests.delete(account.engine.base_url + path, headers=account.headers, timeout=30).raise_for_status()
    second, _ = run_to_end(index_video(index_id), task_context(memory))
    assert second["video_id"] != first["video_id"]


@pytest.mark.parametrize("deferrable", [True, False])
def test_job_continues_after_the_deadline(
    deferrable: bool, connect: Connect, account: Account, new_video: Path
) -> None:
    index_id = account.create_index(f"deadline-{deferrable}")
    memory = TaskStateStore()
    fields = {"source": str(new_video), "deferrable": deferrable}
    with pytest.raises(TwelveLabsJobTimeoutError, match="a retry attaches"):
        run_to_end(index_video(index_id, timeout=0.5, **fields), task_context(memory))
    before = billed(account)
    result, _ = run_to_end(index_video(index_id, timeout=600, **fields), task_context(memory))
    assert result["video_id"]
    assert billed(account) == before + 1
    assert account.get(f"/v1.3/indexes/{index_id}/videos")["page_info"]["total_results"] == 1


def test_analysis_is_found_by_its_idempotency_key(connect: Connect, account: Account, tmp_path: Path) -> None:
    index_id = account.create_index("analysis")
    video, _ = run_to_end(index_video(index_id), task_context(run_id="index"))
    before = billed(account, "analysis")

    def extract() -> TwelveLabsExtractTextInVideoOperator:
        return TwelveLabsExtractTextInVideoOperator(
            task_id="t", index_id=index_id, video_id=video["video_id"], output_path=str(tmp_path), deferrable=True,
            poll_interval=0.2,
        )  # fmt: skip

    first, _ = run_to_end(extract(), task_context())
    second, _ = run_to_end(extract(), task_context())
    assert first == second
    assert first["rows"] > 0
    assert billed(account, "analysis") == before + 1


@pytest.fixture
def indexed(connect: Connect, account: Account, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A video that is indexed."""
    result, _ = run_to_end(index_video(account.create_index(request.node.name)), task_context())
    return dict(result)


MODES: list[dict[str, Any]] = [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}]


@pytest.mark.parametrize("how", MODES, ids=str)
def test_sensor_outcome_is_equal_in_every_mode(how: dict[str, Any], indexed: dict[str, Any]) -> None:
    sensor = TwelveLabsIndexingSensor(
        task_id="s", index_id=indexed["index_id"], video_id=indexed["video_id"], poke_interval=0.2, **how
    )
    outcome, deferrals = run_to_end(sensor, task_context())
    assert deferrals == 0, "a job that is ready is never deferred"
    assert outcome == {
        "index_id": indexed["index_id"],
        "video_id": indexed["video_id"],
        "duration": indexed["duration"],
        "status": "ready",
    }


def task_created_elsewhere(account: Account, index_id: str, **video: Any) -> str:
    """Return the id of an indexing task that was made behind the provider's back."""
    form: dict[str, Any] = {
        "index_id": (None, index_id),
        **{name: (None, value) for name, value in video.items() if name != "file"},
    }
    if "file" in video:
        form["video_file"] = ("clip.mp4", video["file"])
    url = f"{account.engine.base_url}/v1.3/tasks"
    answer = requests.post(url, headers=account.headers, files=form, timeout=60)
    assert answer.ok, answer.text
    return str(answer.json()["_id"])


@pytest.mark.parametrize("how", MODES, ids=str)
@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_sensor_waits_for_a_task_created_elsewhere(
    api_version: str, how: dict[str, Any], connect: Connect, account: Account
) -> None:
    connect(api_version)
    index_id = account.create_index(f"other-{api_version}-{how}")
    task_id = task_created_elsewhere(account, index_id, file=SAMPLE.read_bytes())
    sensor = TwelveLabsIndexingSensor(task_id="s", indexing_task_id=task_id, poke_interval=0.5, **how)
    outcome, _ = run_to_end(sensor, task_context())
    assert outcome["status"] == "ready"
    assert outcome["index_id"] == index_id
    assert outcome["video_id"]


@pytest.mark.parametrize("how", MODES, ids=str)
def test_sensor_times_out(how: dict[str, Any], connect: Connect, account: Account, new_video: Path) -> None:
    index_id = account.create_index(f"late-{how}")
    task_id = task_created_elsewhere(account, index_id, file=new_video.read_bytes())
    sensor = TwelveLabsIndexingSensor(task_id="s", indexing_task_id=task_id, poke_interval=0.1, timeout=0.3, **how)
    with pytest.raises(AirflowSensorTimeout):
        run_to_end(sensor, task_context())


@pytest.fixture
def file_server(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the test's files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def broken_url(tmp_path: Path, file_server: str) -> str:
    """The address of a file that only looks like a video."""
    (tmp_path / "broken.mp4").write_bytes(SAMPLE.read_bytes()[:2000])
    return f"{file_server}/broken.mp4"


@pytest.mark.parametrize("how", MODES, ids=str)
def test_sensor_fails_with_the_job(how: dict[str, Any], connect: Connect, account: Account, broken_url: str) -> None:
    index_id = account.create_index(f"broken-{how}")
    task_id = task_created_elsewhere(account, index_id, video_url=broken_url)
    sensor = TwelveLabsIndexingSensor(task_id="s", indexing_task_id=task_id, poke_interval=0.2, **how)
    with pytest.raises(TwelveLabsWatchedJobFailedError, match=f"{task_id} ended as 'failed'"):
        run_to_end(sensor, task_context())


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_failed_job_names_its_reason_and_publishes_nothing(
    api_version: str, deferrable: bool, connect: Connect, account: Account, broken_url: str
) -> None:
    connect(api_version)
    index_id = account.create_index(f"failed-{api_version}-{deferrable}")
    before = account.holdings()[:2]
    memory = TaskStateStore()
    operator = index_video(index_id, source=broken_url, deferrable=deferrable)
    with pytest.raises(TwelveLabsJobFailedError, match=r"ended as 'failed': .*(broken|read)"):
        run_to_end(operator, task_context(memory))
    assert account.holdings()[:2] == before
    assert memory.jobs() == {}


def test_transcript_url_is_fetched_by_the_service(
    connect: Connect, account: Account, tmp_path: Path, file_server: str
) -> None:
    connect("v1.2")
    (tmp_path / "given.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nwords of the address\n")
    index_id = account.create_index("given by address")
    operator = index_video(index_id, transcription=f"{file_server}/given.srt", deferrable=False)
    result, _ = run_to_end(operator, task_context())
    assert result["transcription_used"]
    path = f"/v1.2/indexes/{index_id}/videos/{result['video_id']}/transcription"
    assert [row["value"] for row in account.get(path)["data"]] == ["words of the address"]
