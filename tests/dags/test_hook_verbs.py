"""The verbs of the hook against the embedded engine: videos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.sdk import ObjectStoragePath

from tests.dags.conftest import Account, Connect, Faults, billed
from tests.engine.images import make_image
from tests.engine.multipart import padded
from tests.engine.suspended_worker import suspended_worker
from twelvelabs_provider.api import assets
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsUnsupportedError
from twelvelabs_provider.api.filters import VideoFilter
from twelvelabs_provider.api.jobs import JobKind
from twelvelabs_provider.api.models import Model
from twelvelabs_provider.api.submitted_job import Job
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsJobFailedError,
    TwelveLabsJobTimeoutError,
)
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

if TYPE_CHECKING:
    from fsspec.implementations.memory import MemoryFileSystem

    from tests.conftest import Library
    from tests.engine_process import Engine

pytestmark = pytest.mark.engine


@pytest.fixture
def hook(connect: Connect) -> TwelveLabsHook:
    """The hook of v1.3."""
    return TwelveLabsHook()


def test_upload_a_file(hook: TwelveLabsHook, clip: Path) -> None:
    for source in (str(clip), clip, clip.as_uri(), ObjectStoragePath(clip.as_uri())):
        asset = hook.upload(source)
        assert (asset.status, asset.filename, asset.method) == ("ready", clip.name, "direct")
    named = hook.upload(clip, filename="ours.mp4", user_metadata={"team": "a"})
    assert (named.filename, dict(named.user_metadata)) == ("ours.mp4", {"team": "a"})


def test_upload_a_url(hook: TwelveLabsHook, clip: Path, site: Callable[[Path], str]) -> None:
    asset = hook.upload(site(clip), wait_for_completion=False)
    ready = hook.wait_for(asset, poll_interval=0.2)
    assert (ready.id, ready.status, ready.method) == (asset.id, "ready", "url")


@pytest.mark.parametrize("where", ["local", "memory"])
def test_upload_a_large_file_in_parts(
    where: str,
    hook: TwelveLabsHook,
    clip: Path,
    tmp_path: Path,
    memory_store: MemoryFileSystem,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(assets, "UPLOADS", replace(assets.UPLOADS, max_direct=100_000))
    video = padded(clip, tmp_path / f"parts-{where}.mp4", 11 << 20)
    memory_store.pipe_file(f"/bucket/{video.name}", video.read_bytes())
    asset = hook.upload(video if where == "local" else f"memory://bucket/{video.name}")
    assert (asset.status, asset.filename, asset.method) == ("ready", video.name, "multipart")
    assert asset.size == video.stat().st_size


def test_files_that_cannot_be_uploaded(
    hook: TwelveLabsHook, account: Account, tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = account.holdings()
    (tmp_path / "empty.mp4").touch()
    for source, said in ((tmp_path / "none.mp4", "no file"), (tmp_path / "empty.mp4", "empty"), (tmp_path, "folder")):
        with pytest.raises(TwelveLabsInputError, match=said):
            hook.upload(source)
    monkeypatch.setenv("AIRFLOW__TWELVELABS__LOCAL_SOURCES", str(tmp_path))
    with pytest.raises(TwelveLabsInputError, match=r"outside \[twelvelabs\] local_sources"):
        hook.upload(clip)
    monkeypatch.setattr(assets, "UPLOADS", replace(assets.UPLOADS, max_direct=1, max_multipart=1))
    monkeypatch.setenv("AIRFLOW__TWELVELABS__LOCAL_SOURCES", "")
    with pytest.raises(TwelveLabsInputError, match="at most 1 by any route"):
        hook.upload(clip)
    assert account.holdings() == before


def test_a_file_that_is_no_video_fails_its_wait(hook: TwelveLabsHook, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"not a video" * 1000)
    with pytest.raises(TwelveLabsJobFailedError, match=r"^asset \w+ ended as 'failed': "):
        hook.upload(tmp_path / "broken.mp4")


def test_index_a_video_and_read_it(hook: TwelveLabsHook, account: Account, clip: Path) -> None:
    index_id, before = account.create_index("verbs"), billed(account)
    job = hook.index_video(index_id, clip, user_metadata={"team": "a"})
    video = hook.wait_for(job, poll_interval=0.2)
    assert (video.status, video.filename) == ("ready", clip.name)
    assert dict(hook.get_video(index_id, video.id).user_metadata)["team"] == "a"
    assert [one.id for one in hook.list_videos(index_id)] == [video.id]
    assert list(hook.list_videos(index_id, where=VideoFilter(filename="other.mp4"))) == []
    assert hook.wait_for(job).id == video.id, "a finished job can be waited for again"
    assert billed(account) == before + 1


def test_an_asset_is_indexed_once(hook: TwelveLabsHook, account: Account, faults: Faults, clip: Path) -> None:
    index_id, asset, before = account.create_index("once"), hook.upload(clip), billed(account)
    faults("/indexes/*/indexed-assets", times=1)
    with pytest.raises(TwelveLabsAmbiguousError):
        hook.index_video(index_id, asset)
    job = hook.index_video(index_id, asset.id)
    assert hook.index_video(index_id, asset) == job
    assert hook.wait_for(job, poll_interval=0.2).asset_id == asset.id
    assert hook.index_video(index_id, asset) == job
    assert billed(account) == before + 1


def test_older_generations_index_a_file(connect: Connect, account: Account, clip: Path) -> None:
    connect("v1.2")
    hook = TwelveLabsHook()
    models = [Model("marengo2.6", ("visual", "text_in_video")), Model("pegasus1.1", ("visual", "conversation"))]
    index_id = hook.execute(hook.api.create_index("verbs 1.2", models))
    job = hook.index_video(index_id, clip)
    video = hook.wait_for(job, poll_interval=0.2)
    assert (job.kind, video.filename) == ("indexing_task", clip.name)
    assert "WINTER" in {row.value for row in hook.text_in_video(index_id, video.id)}
    assert hook.analyze(video.id, "What is shown?")
    with pytest.raises(TwelveLabsUnsupportedError, match="uploads and indexes a video in one request"):
        hook.upload(clip)


def test_a_wait_ends_at_its_deadline_and_can_be_repeated(
    hook: TwelveLabsHook, account: Account, engine: Engine, sample: Path
) -> None:
    asset, index_id = hook.upload(sample), account.create_index("deadline")
    with suspended_worker(engine):
        job = hook.index_video(index_id, asset)
        with pytest.raises(TwelveLabsJobTimeoutError, match=r"is still '\w+' after 0 s; it continues"):
            hook.wait_for(job, timeout=0)
    assert hook.wait_for(job, poll_interval=0.2).id == job.id


def test_a_wait_outlasts_an_outage(hook: TwelveLabsHook, account: Account, faults: Faults, clip: Path) -> None:
    job = hook.index_video(account.create_index("outage"), clip)
    faults("/indexes/*/indexed-assets/*", "status", 4, method="GET", status=503)
    assert hook.wait_for(job, poll_interval=0.2).status == "ready"


def test_a_kind_that_the_hook_does_not_wait_for(hook: TwelveLabsHook) -> None:
    with pytest.raises(TwelveLabsInputError, match="does not know entity e1"):
        hook.wait_for(Job(JobKind.ENTITY, "e1", "collection"))


def test_search_is_billed_when_its_first_clip_is_wanted(
    hook: TwelveLabsHook, library: Library, account: Account
) -> None:
    before = billed(account, "search")
    found = hook.search(library.index_id, "garden", search_options=["visual", "transcription"], max_results=1)
    assert billed(account, "search") == before
    (match,) = found
    assert match.video_id == library.video_id and 0 <= match.start < match.end
    assert billed(account, "search") == before + 1
    assert list(hook.search(library.index_id, "garden", filter={"id": ["none"]})) == []


def test_search_by_image(hook: TwelveLabsHook, library: Library, tmp_path: Path) -> None:
    image = make_image(tmp_path / "garden.png", "GARDEN")
    assert {match.video_id for match in hook.search(library.index_id, query_images=[image])} <= {library.video_id}


def test_transcription(hook: TwelveLabsHook, library: Library) -> None:
    rows = hook.transcription(library.index_id, library.video_id)
    assert "morning" in " ".join(row.value for row in rows).lower()
    assert rows[1:] and hook.transcription(library.index_id, library.video_id, start=rows[1].start) != rows
