"""Sources replaced during an upload: neither billed nor reused as other content."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.dags.bulk_runs import outcome_rows
from tests.dags.conftest import Account, Connect, billed
from tests.dags.test_asset_operators import create
from tests.dags.test_index_videos_operator import Runs
from tests.dags.test_signed_uploads import bucket
from tests.dags.test_spending import indexed
from tests.engine.videos import make_video
from tests.task_context import task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.hooks import twelvelabs as hooks_twelvelabs
from twelvelabs_provider.jobs import asset_upload as jobs_asset_upload
from twelvelabs_provider.jobs import source_upload
from twelvelabs_provider.storage.source import resolve_source

__all__ = ["bucket"]

pytestmark = pytest.mark.engine

GENERATIONS = ("v1.3", "v1.2", "v1.1")
FIRST, SECOND = 6, 8
"""Seconds of the two contents."""


@dataclass
class Contents:
    """Two contents, and what puts either of them where the source lies."""

    first: Path
    second: Path
    source: str
    put: Callable[[Path], None]

    def replace_before(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        """Put the second content in place once, just before a function is called."""
        call, waiting = getattr(owner, name), [self.second]

        def replaced(*arguments: Any, **fields: Any) -> Any:
            if waiting:
                self.put(waiting.pop())
            return call(*arguments, **fields)

        monkeypatch.setattr(owner, name, replaced)


@pytest.fixture(scope="module")
def two_clips(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two videos of different lengths; the second one is larger, so that it would be cut at the size of the first."""
    folder = tmp_path_factory.mktemp("contents")
    first = Path(shutil.copy(clip, folder / "first.mp4"))
    second = make_video(folder / "second.mp4", ("AUTUMN", "INVOICE 17"), seconds=SECOND)
    tail = max(0, first.stat().st_size - second.stat().st_size) + 64
    second.write_bytes(second.read_bytes() + (tail + 8).to_bytes(4, "big") + b"free" + bytes(tail))
    return first, second


@pytest.fixture
def local(two_clips: tuple[Path, Path], tmp_path: Path, connect: Connect) -> Contents:
    """A local file."""
    place = tmp_path / "talk.mp4"

    def put(content: Path) -> None:
        shutil.copy(content, tmp_path / "new")
        os.utime(tmp_path / "new", (1_700_000_000 if content is two_clips[0] else 1_700_000_060,) * 2)
        (tmp_path / "new").replace(place)

    put(two_clips[0])
    return Contents(*two_clips, str(place), put)


@pytest.fixture
def stored(two_clips: tuple[Path, Path], bucket: str) -> Contents:
    """An object of a bucket, which the service fetches by a link."""
    from airflow.sdk import ObjectStoragePath

    # One engine serves all tests, and it would know the object of another one.
    source = f"{bucket}/{uuid4().hex}/talk.mp4"

    def put(content: Path) -> None:
        ObjectStoragePath(source).write_bytes(content.read_bytes())

    put(two_clips[0])
    return Contents(*two_clips, source, put)


def is_in_order(contents: Contents, index_id: str, account: Account) -> None:
    """Each content is indexed and billed once, whatever happened before."""
    before = billed(account)
    second = indexed(index_id, contents.source, run_id="second")
    assert round(second["duration"]) == SECOND and not second["reused"]
    contents.put(contents.first)
    first = indexed(index_id, contents.source, run_id="first")
    assert round(first["duration"]) == FIRST and not first["reused"]
    assert billed(account) == before + 2
    contents.put(contents.second)
    again = indexed(index_id, contents.source, run_id="again")
    assert again["reused"] and again["video_id"] == second["video_id"]


@pytest.mark.parametrize("api_version", GENERATIONS)
def test_file_replaced_before_the_upload(
    api_version: str, connect: Connect, account: Account, local: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(api_version)
    index_id, before = account.create_index(f"replaced {api_version}"), account.holdings()
    local.replace_before(monkeypatch, hooks_twelvelabs, "open_form")
    with pytest.raises(TwelveLabsSourceChangedError, match=r"talk\.mp4' changed while it was sent"):
        indexed(index_id, local.source)
    assert account.holdings() == before
    is_in_order(local, index_id, account)


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_file_overwritten_during_the_upload(
    api_version: str, connect: Connect, account: Account, local: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twelvelabs_provider.hooks.upload import SizedStream

    connect(api_version)
    index_id, before = account.create_index(f"overwritten {api_version}"), account.holdings()
    read = SizedStream.read
    overwritten: list[int] = []

    def reading(stream: SizedStream, size: int = -1) -> bytes:
        if stream.len and not overwritten:
            overwritten.append(Path(local.source).write_bytes(local.second.read_bytes()))
        return read(stream, size)

    monkeypatch.setattr(SizedStream, "read", reading)
    with pytest.raises(TwelveLabsSourceChangedError, match="changed while it was sent"):
        indexed(index_id, local.source)
    assert overwritten and account.holdings() == before


def test_object_replaced_before_the_service_fetches_it(
    account: Account, stored: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_id, before = account.create_index("replaced object"), account.holdings()
    stored.replace_before(monkeypatch, jobs_asset_upload, "signed_link")
    with pytest.raises(TwelveLabsSourceChangedError, match=r"talk\.mp4' changed while it was sent"):
        indexed(index_id, stored.source)
    assert account.holdings() == before, "the asset is deleted, and nothing is billed"
    is_in_order(stored, index_id, account)


def test_object_replaced_only_during_the_fetch_is_uploaded(
    account: Account, stored: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_id, before = account.create_index("replaced and restored"), billed(account)
    stored.replace_before(monkeypatch, jobs_asset_upload, "signed_link")
    resolve = resolve_source

    def restored(*arguments: Any, **fields: Any) -> Any:
        stored.put(stored.first)
        return resolve(*arguments, **fields)

    monkeypatch.setattr(source_upload, "resolve_source", restored)
    result = indexed(index_id, stored.source)
    assert round(result["duration"]) == FIRST
    assert account.get(f"/v1.3/assets/{result['asset_id']}")["method"] == "direct"
    assert billed(account) == before + 1


def test_object_deleted_before_indexing(account: Account, stored: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import ObjectStoragePath

    index_id, before = account.create_index("gone object"), account.holdings()
    resolve = resolve_source

    def removed(*arguments: Any, **fields: Any) -> Any:
        ObjectStoragePath(stored.source).unlink()
        return resolve(*arguments, **fields)

    monkeypatch.setattr(source_upload, "resolve_source", removed)
    with pytest.raises(TwelveLabsInputError, match="does not exist"):
        indexed(index_id, stored.source)
    assert account.holdings() == before


def test_indexing_task_of_a_replaced_object_sets_no_source_mark(
    connect: Connect, account: Account, stored: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twelvelabs_provider.jobs import indexing_submission

    connect("v1.2")
    index_id = account.create_index("replaced object of a task")
    stored.replace_before(monkeypatch, indexing_submission, "sent_by")
    indexed(index_id, stored.source, method="url")
    stored.put(stored.first)
    first = indexed(index_id, stored.source, run_id="first", method="url")
    assert round(first["duration"]) == FIRST and not first["reused"]


@pytest.mark.parametrize("kind", ["local", "stored"])
def test_asset_of_a_replaced_source(
    kind: str, account: Account, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents: Contents = request.getfixturevalue(kind)
    owner, name = (hooks_twelvelabs, "open_form") if kind == "local" else (jobs_asset_upload, "signed_link")
    contents.replace_before(monkeypatch, owner, name)
    before = account.holdings()
    with pytest.raises(TwelveLabsSourceChangedError, match="changed while it was sent"):
        run_to_end(create(contents.source), task_context())
    assert account.holdings() == before
    asset, _ = run_to_end(create(contents.source), task_context())
    assert round(asset["duration"]) == SECOND


@pytest.mark.parametrize("api_version", GENERATIONS)
@pytest.mark.parametrize("kind", ["local", "stored"])
def test_replaced_source_of_many_is_sent_again(
    kind: str, api_version: str, connect: Connect, account: Account, request: pytest.FixtureRequest, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    contents: Contents = request.getfixturevalue(kind)
    connect(api_version)
    linked = kind == "stored" and api_version == "v1.3"
    owner, name = (jobs_asset_upload, "signed_link") if linked else (hooks_twelvelabs, "open_form")
    index_id, before = account.create_index(f"many {kind} {api_version}"), billed(account)
    contents.replace_before(monkeypatch, owner, name)
    runs = Runs(tmp_path / "out", index_id)
    result = runs.run([contents.source])
    (row,) = outcome_rows(result)
    assert round(row["duration_seconds"]) == SECOND and billed(account) == before + 1
    contents.put(contents.first)
    (row,) = outcome_rows(runs.run([contents.source], run_id="first"))
    assert (row["outcome"], round(row["duration_seconds"])) == ("indexed", FIRST)
    contents.put(contents.second)
    (row,) = outcome_rows(runs.run([contents.source], run_id="again"))
    assert row["outcome"] == "reused"


def test_replaced_source_is_checked_by_its_new_duration(
    account: Account, local: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twelvelabs_provider.jobs.bulk_indexing.via_assets import AssetPipeline

    index_id, before = account.create_index("longer than it was"), billed(account)
    local.replace_before(monkeypatch, AssetPipeline, "_uploaded")
    runs = Runs(tmp_path / "out", index_id, max_billable_minutes=(FIRST + 1) / 60, max_failed=1)
    (row,) = outcome_rows(runs.run([local.source]))
    assert row["outcome"] == "failed" and "max_billable_minutes" in row["reason"]
    assert billed(account) == before
