"""Polls of bulk indexing on a worker: refusals, and jobs of other tasks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.job_server import Job, JobServer
from tests.unit.scripted_server import KEY, Reply, Request, Step, connection_text, forget_proxies
from twelvelabs_provider.exceptions import TwelveLabsUnreachableError
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.jobs import outage
from twelvelabs_provider.jobs.bulk_indexing.pipeline import IndexingPipeline
from twelvelabs_provider.jobs.bulk_indexing.state import IndexingState, Stage, VideoState
from twelvelabs_provider.jobs.bulk_indexing.steps import Steps
from twelvelabs_provider.jobs.bulk_indexing.via_assets import AssetPipeline
from twelvelabs_provider.jobs.bulk_indexing.via_tasks import TaskPipeline
from twelvelabs_provider.jobs.checkpoint import Checkpoint
from twelvelabs_provider.jobs.job import JobKind

FIREWALL = Reply(b"<html>Forbidden</html>", status=403)
HOUR = 3600.0
WAYS: list[tuple[type[IndexingPipeline], JobKind]] = [
    (AssetPipeline, JobKind.INDEXED_ASSET),
    (TaskPipeline, JobKind.INDEXING_TASK),
]
by_way = pytest.mark.parametrize(("way", "kind"), WAYS, ids=["assets", "tasks"])


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[JobServer]:
    monkeypatch.setattr(outage, "SHORTEST_PAUSE", 0.01)
    forget_proxies(monkeypatch)
    with JobServer() as server:
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(server.origin, max_attempts=1))
        yield server


def work_on(way: type[IndexingPipeline], folder: Path, *entries: VideoState) -> IndexingPipeline:
    now = time.time()
    state = IndexingState("me", 1, now, now + HOUR, "i1", entries={entry.uri: entry for entry in entries})
    checkpoint = Checkpoint(str(folder), "i1/indexing/t-1", IndexingState)
    checkpoint.begin(state)
    hook = TwelveLabsHook()
    steps = Steps(hook, "i1", "key", {}, None, with_subtitles=False)
    return way(hook, steps, checkpoint, state, {}, 5, None, lambda _: None)


def own(job_id: str = "v1") -> VideoState:
    return VideoState("a", Stage.RUNNING, job_id=job_id, video_id=job_id, at=time.time())


def is_list(request: Request) -> bool:
    return request.path.endswith(("/indexed-assets", "/tasks"))


@by_way
def test_a_short_refusal_is_tolerated(
    jobs: JobServer, tmp_path: Path, way: type[IndexingPipeline], kind: JobKind
) -> None:
    jobs.add(kind, Job("v1", time.time(), status="ready"))
    left = iter(range(7))
    jobs.always = lambda _: FIREWALL if next(left, None) is not None else None
    work = work_on(way, tmp_path, own())
    assert work.advance() is None
    assert work.state.entries["a"].stage is Stage.INDEXED


@by_way
def test_after_a_refused_list_each_job_is_read(
    jobs: JobServer, tmp_path: Path, way: type[IndexingPipeline], kind: JobKind
) -> None:
    jobs.add(kind, Job("v1", time.time(), status="ready"), Job("v2", time.time()))
    jobs.always = lambda request: FIREWALL if is_list(request) else None
    work = work_on(way, tmp_path, own(), VideoState("b", Stage.RUNNING, job_id="v2", video_id="v2", at=time.time()))
    wait = work.advance()
    assert wait is not None and wait.job_ids == ("v2",)
    assert work.state.entries["a"].stage is Stage.INDEXED


@by_way
def test_a_long_refusal_fails_the_task_retryably(
    jobs: JobServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: type[IndexingPipeline], kind: JobKind
) -> None:
    monkeypatch.setattr(outage, "LONGEST_REFUSAL", 0.0)
    jobs.always = lambda _: FIREWALL
    work = work_on(way, tmp_path, own())
    with pytest.raises(TwelveLabsUnreachableError, match="refused"):
        work.advance()
    assert work.state.entries["a"].stage is Stage.RUNNING, "a retry attaches to it"


@by_way
def test_the_connection_is_read_again(
    jobs: JobServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: type[IndexingPipeline], kind: JobKind
) -> None:
    """A wrong host answers 404 to everything; the connection is mended meanwhile."""
    jobs.add(kind, Job("v1", time.time(), status="ready"))
    with JobServer() as other:

        def refuse(_: Request) -> Step:
            monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(jobs.origin, key=KEY))
            return Reply(b"<html>", status=404)

        other.always = refuse
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(other.origin, max_attempts=1))
        work = work_on(way, tmp_path, own())
        assert work.advance() is None
    assert work.state.entries["a"].stage is Stage.INDEXED


@by_way
def test_a_wait_reaches_back_to_the_creation_of_the_job_of_another_task(
    jobs: JobServer, tmp_path: Path, way: type[IndexingPipeline], kind: JobKind
) -> None:
    created = time.time() - HOUR
    jobs.add(kind, Job("v1", created))
    jobs.add(kind, Job("v2", time.time()))
    shared = VideoState("a", Stage.RUNNING, job_id="v1", video_id="v1", shared=True)
    young = VideoState("b", Stage.RUNNING, job_id="v2", video_id="v2", at=time.time())
    wait = work_on(way, tmp_path, shared, young).advance()
    assert wait is not None and wait.started_at == pytest.approx(created)
    assert wait.youngest_at > created + HOUR / 2, "the pace of the polls suits the young job"


def test_a_wait_reaches_back_to_the_creation_of_an_asset(jobs: JobServer, tmp_path: Path) -> None:
    created = time.time() - HOUR
    jobs.add(JobKind.ASSET, Job("s1", created))
    wait = work_on(AssetPipeline, tmp_path, VideoState("a", Stage.ASSET, asset_id="s1", borrowed=True)).advance()
    assert wait is not None and (wait.kind, wait.job_ids) == (JobKind.ASSET, ("s1",))
    assert wait.started_at == pytest.approx(created)
