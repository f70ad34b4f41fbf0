"""Deduplication by content: across runs, indexes, and lost responses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import Account, Connect, Faults, billed
from tests.task_context import TaskStateStore, task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.api.errors import TwelveLabsTransientError
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.deduplication import SOURCE_MARK
from twelvelabs_provider.operators.assets import TwelveLabsCreateAssetOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator

pytestmark = pytest.mark.engine

GENERATIONS = ("v1.3", "v1.2", "v1.1")


@pytest.fixture
def films(clip: Path, tmp_path: Path) -> list[Path]:
    """Two files whose content the engine has cached."""
    paths = [tmp_path / "monday.mp4", tmp_path / "tuesday.mp4"]
    for path in paths:
        shutil.copy(clip, path)
    return paths


def index_video(index_id: str, source: Path | str, **fields: Any) -> TwelveLabsIndexVideoOperator:
    usual = {"poll_interval": 0.2, "deferrable": True, **fields}
    return TwelveLabsIndexVideoOperator(task_id="t", index_id=index_id, source=str(source), **usual)


def indexed(index_id: str, source: Path | str, run_id: str = "run", **fields: Any) -> dict[str, Any]:
    """Return the result of one task of a run."""
    memory = fields.pop("memory", None)
    result, _ = run_to_end(index_video(index_id, source, **fields), task_context(memory, run_id=run_id))
    return dict(result)


@pytest.mark.parametrize("api_version", GENERATIONS)
def test_backfill_of_the_same_files_bills_once(
    api_version: str, connect: Connect, account: Account, films: list[Path]
) -> None:
    connect(api_version)
    index_id = account.create_index(f"backfill {api_version}")
    before = billed(account)
    first = [indexed(index_id, film, "may") for film in films]
    held = account.holdings()[0]
    second = [indexed(index_id, film, "june") for film in films]
    assert [one["video_id"] for one in second] == [one["video_id"] for one in first]
    assert [one["reused"] for one in first + second] == [False, False, True, True]
    assert set(second[0]) == set(first[0])
    assert billed(account) == before + 2
    assert account.holdings()[0] == held, "nothing was uploaded"


@pytest.mark.parametrize("api_version", GENERATIONS)
def test_changed_content_is_indexed(api_version: str, connect: Connect, account: Account, films: list[Path]) -> None:
    connect(api_version)
    index_id = account.create_index(f"changed {api_version}")
    first = indexed(index_id, films[0])
    shutil.move(films[1], films[0])
    second = indexed(index_id, films[0], "later")
    assert second["video_id"] != first["video_id"] and not second["reused"]


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_if_indexed_replaces_or_refuses_an_indexed_video(
    api_version: str, connect: Connect, account: Account, films: list[Path]
) -> None:
    connect(api_version)
    index_id, before = account.create_index(f"policies {api_version}"), billed(account)
    first = indexed(index_id, films[0])
    with pytest.raises(TwelveLabsInputError, match=f"has video {first['video_id']} of the same content"):
        indexed(index_id, films[0], "second", if_indexed="fail")
    assert billed(account) == before + 1
    third = indexed(index_id, films[0], "third", if_indexed="reindex")
    assert third["video_id"] != first["video_id"] and not third["reused"]
    assert billed(account) == before + 2
    with pytest.raises(TwelveLabsInputError, match="if_indexed='overwrite' is not one of reuse, reindex, fail"):
        indexed(index_id, films[0], "fourth", if_indexed="overwrite")


def test_second_index_is_billed_without_a_second_upload(connect: Connect, account: Account, films: list[Path]) -> None:
    before = billed(account)
    first = indexed(account.create_index("one index"), films[0])
    held = account.holdings()[0]
    second = indexed(account.create_index("another index"), films[0], "later")
    assert second["asset_id"] == first["asset_id"] and second["video_id"] != first["video_id"]
    assert not second["reused"]
    assert (billed(account), account.holdings()[0]) == (before + 2, held)


def test_existing_asset_is_indexed_without_upload(connect: Connect, account: Account, films: list[Path]) -> None:
    create = TwelveLabsCreateAssetOperator(task_id="a", source=str(films[0]), poll_interval=0.2)
    asset, _ = run_to_end(create, task_context())
    result = indexed(account.create_index("asset first"), films[0])
    assert (result["asset_id"], result["reused"]) == (asset["asset_id"], False)


def test_metadata_is_set_on_a_reused_video(connect: Connect, account: Account, films: list[Path]) -> None:
    index_id = account.create_index("metadata")
    first = indexed(index_id, films[0], user_metadata={"take": 1, "scene": "a"})
    assert indexed(index_id, films[0], "later", user_metadata={"take": 2})["reused"]
    metadata = account.get(f"/v1.3/indexes/{index_id}/videos/{first['video_id']}")["user_metadata"]
    assert metadata.pop(SOURCE_MARK).startswith("source-")
    assert metadata == {"take": 2, "scene": "a"}


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_without_waiting_a_reused_video_returns_its_job(
    api_version: str, connect: Connect, account: Account, films: list[Path]
) -> None:
    connect(api_version)
    index_id = account.create_index(f"no wait {api_version}")
    first = indexed(index_id, films[0])
    handed = indexed(index_id, films[0], "later", wait_for_completion=False)
    assert (handed["video_id"], handed["reused"]) == (first["video_id"], True)
    assert handed["job_id"]


def test_clear_bills_nothing(connect: Connect, account: Account, films: list[Path]) -> None:
    index_id, memory, before = account.create_index("cleared"), TaskStateStore(), billed(account)
    for max_tries in (2, 3):
        context = task_context(memory, max_tries=max_tries)
        result, _ = run_to_end(index_video(index_id, films[0]), context)
        assert result["reused"] == (max_tries == 3)
    assert billed(account) == before + 1


@pytest.mark.parametrize(("reuse", "same"), [("always", True), ("retry", False), ("never", False)])
def test_reuse_decides_what_happens_after_a_clear(
    reuse: Any, same: bool, connect: Connect, account: Account, films: list[Path]
) -> None:
    index_id, memory = account.create_index(f"reuse {reuse}"), TaskStateStore()
    ids = []
    for max_tries in (2, 3):
        operator = index_video(index_id, films[0], reuse=reuse, if_indexed="reindex")
        ids.append(run_to_end(operator, task_context(memory, max_tries=max_tries))[0]["video_id"])
    assert (ids[0] == ids[1]) == same


@pytest.mark.parametrize("api_version", ["v1.2", "v1.1"])
def test_indexing_is_found_after_a_lost_response(
    api_version: str, connect: Connect, account: Account, films: list[Path], faults: Faults
) -> None:
    connect(api_version)
    index_id, before = account.create_index(f"lost {api_version}"), billed(account)
    faults("/tasks")
    assert indexed(index_id, films[0])["video_id"]
    assert billed(account) == before + 1


def test_retry_sends_an_upload_that_never_arrived(
    connect: Connect, account: Account, films: list[Path], faults: Faults
) -> None:
    connect("v1.2")
    index_id, memory, before = account.create_index("never arrived"), TaskStateStore(), billed(account)
    faults("/tasks", "status", status=502)
    with pytest.raises(TwelveLabsTransientError, match="A retry searches again"):
        indexed(index_id, films[0], memory=memory)
    assert indexed(index_id, films[0], memory=memory)["video_id"]
    assert billed(account) == before + 1


def test_failed_video_is_not_reused(
    connect: Connect, account: Account, films: list[Path], site: Callable[[Path], str]
) -> None:
    index_id = account.create_index("failed")
    broken = films[0].with_name("broken.mp4")
    broken.write_bytes(films[0].read_bytes()[:500])
    url = site(broken)
    with pytest.raises(Exception, match="ended as 'failed'"):
        indexed(index_id, url)
    shutil.copy(films[1], broken)
    assert not indexed(index_id, url, "later")["reused"]
