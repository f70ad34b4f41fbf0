"""Indexing of many videos in one task: each is billed once, has a row, and fails alone."""

from __future__ import annotations

import errno
import json
import re
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

import pytest
import requests

from tests.dags.bulk_runs import BulkRuns, WorkerDeath, die_after, outcome_rows
from tests.dags.conftest import Account, Connect, Faults, billed
from tests.engine.videos import padded_copy
from twelvelabs_provider.api.errors import TwelveLabsTransientError
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsJobTimeoutError,
    TwelveLabsPartialFailureError,
    TwelveLabsQuotaUsedUpError,
    TwelveLabsUnreachableError,
    TwelveLabsVideosFailedError,
)
from twelvelabs_provider.hooks import pacing
from twelvelabs_provider.hooks.multipart import MultipartSender
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.jobs import bulk_pipeline, checkpoint
from twelvelabs_provider.jobs.asset_upload import AssetUpload
from twelvelabs_provider.jobs.bulk_indexing import pipeline, steps
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator
from twelvelabs_provider.storage.source import Source, resolve_source
from twelvelabs_provider.storage.source_content import Content

pytestmark = pytest.mark.engine

GENERATIONS = ("v1.3", "v1.2", "v1.1")
Films = Callable[..., list[Path]]


@pytest.fixture
def films(clip: Path, tmp_path: Path) -> Films:
    """Return a function that copies a video, which the engine has read already, except for the ``new`` ones."""

    def make(number: int, new: int = 0) -> list[Path]:
        folder = tmp_path / "films"
        folder.mkdir(exist_ok=True)
        paths = [Path(shutil.copy(clip, folder / f"film {at:02}.mp4")) for at in range(number)]
        for path in paths[:new]:
            padded_copy(path, path)
        return paths

    return make


class Runs(BulkRuns):
    """Runs of the operator with its usual arguments."""

    def __init__(self, output: Path, index_id: str, **fields: Any) -> None:
        super().__init__(self.operator)
        self.output = output
        self.fields = {"index_id": index_id, "poll_interval": 0.2, "deferrable": True, "max_concurrent": 4, **fields}

    def operator(self, videos: Any, **fields: Any) -> TwelveLabsIndexVideosOperator:
        """Return the operator for some videos and changed arguments."""
        given = {**self.fields, **fields}
        return TwelveLabsIndexVideosOperator(task_id="t", videos=videos, output_path=str(self.output), **given)


@pytest.fixture
def runs(account: Account, tmp_path: Path, request: pytest.FixtureRequest) -> Runs:
    """An index of its own."""
    return Runs(tmp_path / "out", account.create_index(request.node.name))


def outcome_of(output: Path) -> list[dict[str, Any]]:
    """Return the rows that a failed task published."""
    (path,) = output.rglob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def chunk(path: Path, videos: list[Any]) -> str:
    """Write a list as ``TwelveLabsDiscoverVideosOperator`` does."""
    path.write_text("".join(json.dumps(one if isinstance(one, dict) else {"uri": str(one)}) + "\n" for one in videos))
    return str(path)


def in_index(account: Account, index_id: str) -> int:
    return int(account.get(f"/v1.3/indexes/{index_id}/videos")["page_info"]["total_results"])


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("api_version", GENERATIONS)
def test_mixed_sources_are_indexed(
    api_version: str, deferrable: bool, connect: Connect, account: Account, films: Films, runs: Runs, tmp_path: Path
) -> None:
    connect(api_version)
    good = films(22, new=2)
    corrupt = tmp_path / "corrupt.mp4"
    corrupt.write_bytes(good[0].read_bytes()[:700])
    single = TwelveLabsIndexVideoOperator(
        task_id="one", index_id=runs.fields["index_id"], source=str(good[3]), poll_interval=0.2, deferrable=False
    )
    earlier = single.execute(runs.context())
    before = billed(account)
    listed = [*good, corrupt, tmp_path / "missing.mp4", good[5]]
    result = runs.run(chunk(tmp_path / "chunk.jsonl", listed), fields={"deferrable": deferrable, "max_failed": 2})
    found = outcome_rows(result)
    assert [row["uri"] for row in found] == [f"file://{path}" for path in listed]
    assert Counter(row["outcome"] for row in found) == {"indexed": 21, "reused": 2, "failed": 2}
    assert {name: result[name] for name in ("videos", "indexed", "reused", "failed")} == {
        "videos": 25, "indexed": 21, "reused": 2, "failed": 2,
    }  # fmt: skip
    assert found[3]["outcome"] == "reused" and found[3]["video_id"] == earlier["video_id"]
    assert found[24]["video_id"] == found[5]["video_id"]
    assert {row["error_type"] for row in found[22:24]} == {"TwelveLabsInputError"}
    assert "damaged" in found[22]["reason"] and "does not exist" in found[23]["reason"]
    assert billed(account) == before + 21
    assert result["minutes"] == pytest.approx(21 * 0.1, abs=0.01)
    assert len({row["video_id"] for row in found if row["video_id"]}) == 22
    assert in_index(account, runs.fields["index_id"]) == 22
    assert (runs.deferrals > 0) == deferrable
    assert all(len(json.dumps(payload)) < 2000 for payload in runs.payloads)
    again = runs.run(chunk(tmp_path / "chunk.jsonl", listed), fields={"max_failed": "10%"}, run_id="another run")
    assert (again["indexed"], again["reused"]) == (0, 23)
    assert billed(account) == before + 21


DEATHS = {
    "after an upload": (AssetUpload, "run", 3),
    "after an indexing was asked for": (steps, "index_asset", 3),
    "after a checkpoint": (checkpoint.Checkpoint, "write", 4),
    "after a later checkpoint": (checkpoint.Checkpoint, "write", 9),
    "after a look": (bulk_pipeline, "states_of", 4),
    "before the outcome": (pipeline.IndexingPipeline, "advance", 1),
}


@pytest.mark.parametrize("death", DEATHS)
def test_worker_death_bills_nothing_twice(
    death: str, account: Account, connect: Connect, films: Films, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, before = list(map(str, films(12))), billed(account)
    assets = account.holdings()[0]
    with monkeypatch.context() as patch:
        die_after(patch, *DEATHS[death])
        with pytest.raises(WorkerDeath):
            runs.run(listed)
    result = runs.run(listed, try_number=2)
    assert (result["indexed"] + result["reused"], result["failed"]) == (12, 0)
    assert billed(account) == before + 12
    assert in_index(account, runs.fields["index_id"]) == 12
    assert account.holdings()[0] == assets + 12, "uploaded once"


@pytest.mark.parametrize("api_version", ["v1.2", "v1.1"])
def test_worker_death_bills_nothing_twice_in_older_generations(
    api_version: str, account: Account, connect: Connect, films: Films, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(api_version)
    listed, before = list(map(str, films(10))), billed(account)
    with monkeypatch.context() as patch:
        die_after(patch, steps.Steps, "submit", 3)
        with pytest.raises(WorkerDeath):
            runs.run(listed)
    # A clear finds what is under way too: the checkpoint contains it.
    result = runs.run(listed, try_number=2, max_tries=3)
    assert (result["indexed"] + result["reused"], result["failed"]) == (10, 0)
    assert billed(account) == before + 10


FAULTS = {
    "lost indexing": ({"path": "*/indexed-assets", "times": 3, "every": 2}, "v1.3"),
    "lost upload": ({"path": "/assets", "times": 3, "every": 2}, "v1.3"),
    "lost task": ({"path": "/tasks", "times": 3, "every": 2}, "v1.2"),
    "server error": ({"path": "*", "action": "status", "status": 502, "probability": 0.3, "seed": 3}, "v1.3"),
    "too many requests": (
        {"path": "*/indexed-assets", "action": "status", "status": 429, "times": 4, "every": 2, "reset_after": 2},
        "v1.3",
    ),
    "reset": ({"path": "*", "action": "reset", "times": 6, "every": 3}, "v1.3"),
    "looks": ({"method": "GET", "path": "*", "action": "status", "status": 503, "probability": 0.2, "seed": 5}, "v1.3"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_lost_responses_bill_each_video_once(
    name: str, account: Account, connect: Connect, films: Films, runs: Runs, faults: Faults
) -> None:
    rule, api_version = FAULTS[name]
    connect(api_version)
    listed, before = list(map(str, films(12))), billed(account)
    faults(**{"times": None, **rule})
    for try_number in (1, 2, 3):
        try:
            result = runs.run(listed, try_number=try_number)
            break
        except (TwelveLabsVideosFailedError, TwelveLabsTransientError, TwelveLabsUnreachableError):
            assert try_number < 3
    assert (result["indexed"] + result["reused"], result["failed"]) == (12, 0)
    assert billed(account) == before + 12
    assert in_index(account, runs.fields["index_id"]) == 12


def test_clear_indexes_only_videos_missing_in_the_index(
    account: Account, connect: Connect, films: Films, runs: Runs, tmp_path: Path
) -> None:
    listed, before = films(8), billed(account)
    missing = tmp_path / "films" / "late.mp4"
    with pytest.raises(TwelveLabsPartialFailureError, match="1 of 9 videos failed, and max_failed allows 0"):
        runs.run([*map(str, listed), str(missing)])
    outcome = runs.pushed["return_value"]
    assert (outcome["indexed"], outcome["failed"]) == (8, 1)
    assert Path(outcome["outcome"].removeprefix("file://")).exists() and runs.pushed["outcome"] == outcome["outcome"]
    assert Counter(row["outcome"] for row in outcome_of(runs.output)) == {"indexed": 8, "failed": 1}
    shutil.copy(listed[0], missing)
    result = runs.run([*map(str, listed), str(missing)], max_tries=3)
    assert (result["indexed"], result["reused"], result["failed"]) == (1, 8, 0)
    assert billed(account) == before + 9


def test_retry_indexes_only_retryable_failures(
    account: Account, connect: Connect, films: Films, runs: Runs, faults: Faults
) -> None:
    listed, before = list(map(str, films(6))), billed(account)
    faults("/assets", "status", status=500, times=2 * 3, after=3)
    with pytest.raises(TwelveLabsVideosFailedError, match="A retry processes only those that may succeed"):
        runs.run(listed, fields={"max_concurrent": 1})
    assert runs.pushed["return_value"]["failed"] >= 1, "pushed before a failure that is retried too"
    left = Counter(row["outcome"] for row in outcome_of(runs.output))
    assert left["failed"] >= 1 and left["indexed"] == 6 - left["failed"]
    result = runs.run(listed, try_number=2)
    assert (result["indexed"], result["reused"], result["failed"]) == (6, 0, 0)
    assert billed(account) == before + 6


def test_max_concurrent_limits_running_jobs(
    account: Account, connect: Connect, films: Films, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{account.engine.base_url}/_local/limits"
    troubles: list[BaseException] = []
    monkeypatch.setattr(pipeline.IndexingPipeline, "_handle_error", lambda self, key, error: troubles.append(error))
    requests.put(url, headers=account.headers, json={"concurrent_indexing": 3}, timeout=30).raise_for_status()
    try:
        result = runs.run(list(map(str, films(6, new=3))), fields={"max_concurrent": 3})
    finally:
        requests.delete(url, headers=account.headers, timeout=30).raise_for_status()
    assert result["indexed"] == 6 and not troubles


def test_videos_in_progress_of_other_tasks_are_waited_for(
    account: Account, connect: Connect, films: Films, runs: Runs
) -> None:
    """The plan's limit counts over all tasks: who is refused comes again, and fails nothing."""
    url = f"{account.engine.base_url}/_local/limits"
    requests.put(url, headers=account.headers, json={"concurrent_indexing": 1}, timeout=30).raise_for_status()
    try:
        result = runs.run(list(map(str, films(3, new=2))), fields={"deferrable": False})
    finally:
        requests.delete(url, headers=account.headers, timeout=30).raise_for_status()
    assert (result["indexed"], result["failed"]) == (3, 0)


def test_total_over_the_cost_limit_is_refused_before_any_upload(
    account: Account, connect: Connect, films: Films, runs: Runs
) -> None:
    listed, before = list(map(str, films(10))), account.holdings()
    with pytest.raises(TwelveLabsInputError, match=r"about 1\.00 minutes, but max_billable_minutes allows 0\.95"):
        runs.run(listed, fields={"max_billable_minutes": 0.95})
    assert account.holdings() == before
    assert runs.run(listed, fields={"max_billable_minutes": "1"})["indexed"] == 10


def test_url_over_the_limit_fails_alone_when_its_duration_is_known(
    account: Account, connect: Connect, films: Films, runs: Runs, site: Callable[[Path], str]
) -> None:
    listed, before = [site(path).replace(" ", "%20") for path in films(3)], billed(account)
    result = runs.run(listed, fields={"max_billable_minutes": 0.25, "max_failed": None})
    assert (result["indexed"], result["failed"]) == (2, 1)
    assert billed(account) == before + 2


def protected(path: Path) -> Path:
    """Mark a video as encrypted: no decoder reads it, its header tells its length."""
    content = path.read_bytes()
    at = max(content.rfind(b"avc1"), content.rfind(b"mp4v"))
    path.write_bytes(content[:at] + b"encv" + content[at + 4 :])
    return path


@pytest.mark.parametrize("api_version", GENERATIONS)
def test_video_without_decoder_fails_alone(
    api_version: str, account: Account, connect: Connect, films: Films, runs: Runs
) -> None:
    connect(api_version)
    listed = films(3)
    protected(listed[1])
    result = runs.run(list(map(str, listed)), fields={"max_billable_minutes": 30, "max_failed": 1})
    assert [row["outcome"] for row in outcome_rows(result)] == ["indexed", "failed", "indexed"]


@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
@pytest.mark.parametrize("limit", [None, 30])
def test_unreadable_video_fails_alone(
    limit: int | None, api_version: str, times: int, account: Account, connect: Connect, films: Films, runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    connect(api_version)
    listed, resolve = films(3), resolve_source
    first = runs.run([str(listed[1])], run_id="before")
    errors = iter([OSError(errno.EIO, "Input/output error")] * times)

    def failing(uri: str, **options: Any) -> Any:
        if uri == str(listed[1]) and (error := next(errors, None)):
            raise error
        return resolve(uri, **options)

    monkeypatch.setattr(steps, "resolve_source", failing)
    result = runs.run(list(map(str, listed)), fields={"max_billable_minutes": limit, "max_failed": 1})
    found = outcome_rows(result)
    assert [found[0]["outcome"], found[2]["outcome"]] == ["indexed", "indexed"]
    if times == 1:
        assert found[1]["outcome"] == "reused" and found[1]["video_id"] == outcome_rows(first)[0]["video_id"]
    else:
        assert found[1]["outcome"] == "failed" and "Input/output error" in found[1]["reason"]


@pytest.mark.parametrize("api_version", ["v1.2", "v1.1"])
def test_unknown_duration_under_a_limit_fails_alone_without_assets(
    api_version: str, account: Account, connect: Connect, films: Films, runs: Runs, site: Callable[[Path], str]
) -> None:
    connect(api_version)
    listed, before = films(2), billed(account)
    given = [str(listed[0]), site(listed[1]).replace(" ", "%20")]
    result = runs.run(given, fields={"max_billable_minutes": 1, "max_failed": 1})
    assert [row["outcome"] for row in outcome_rows(result)] == ["indexed", "failed"]
    assert "Length is unknown" in outcome_rows(result)[1]["reason"]
    assert billed(account) == before + 1


def test_deadline_publishes_outcomes_and_a_retry_continues(
    account: Account, connect: Connect, films: Films, runs: Runs
) -> None:
    listed, before = list(map(str, films(6, new=6))), billed(account)
    with pytest.raises(TwelveLabsJobTimeoutError, match="a retry continues from there"):
        runs.run(listed, fields={"timeout": 2.0, "max_concurrent": 2})
    assert len(outcome_of(runs.output)) == 6
    assert runs.run(listed, try_number=2)["indexed"] == 6
    assert billed(account) == before + 6


def test_indexed_videos_can_be_refused_or_indexed_again(
    account: Account, connect: Connect, films: Films, runs: Runs
) -> None:
    listed, before = list(map(str, films(3))), billed(account)
    first = outcome_rows(runs.run(listed[:2], run_id="first"))
    result = runs.run(listed, run_id="second", fields={"if_indexed": "fail", "max_failed": 2})
    assert (result["indexed"], result["failed"]) == (1, 2)
    assert f"has video {first[0]['video_id']} of the same content" in outcome_rows(result)[0]["reason"]
    assert billed(account) == before + 3
    result = runs.run(listed, run_id="third", fields={"if_indexed": "reindex"})
    assert (result["indexed"], result["reused"]) == (3, 0)
    assert billed(account) == before + 6


def test_assets_of_the_same_content_are_indexed_only(
    account: Account, connect: Connect, films: Films, runs: Runs
) -> None:
    listed = list(map(str, films(3)))
    runs.run(listed)
    held = account.holdings()[0]
    other = Runs(runs.output, account.create_index("another index of many"))
    assert other.run(listed)["indexed"] == 3
    assert account.holdings()[0] == held


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_subtitles_are_sent_in_generations_that_accept_them(
    api_version: str, account: Account, connect: Connect, films: Films, runs: Runs, tmp_path: Path
) -> None:
    connect(api_version)
    subtitle = tmp_path / "film.srt"
    subtitle.write_text("1\n00:00:00,000 --> 00:00:02,000\nGood morning\n")
    (film, other) = films(2)
    listed = [{"uri": str(film), "subtitle": str(subtitle)}, {"uri": str(other), "version": "x", "size": 1}]
    if api_version == "v1.3":
        with pytest.raises(Exception, match="takes no transcript with a video"):
            runs.run(listed, fields={"unsupported_transcription": "fail"})
    result = runs.run(listed)
    assert result["indexed"] == 2
    if api_version == "v1.2":
        video_id = outcome_rows(result)[0]["video_id"]
        said = account.get(f"/v1.2/indexes/{runs.fields['index_id']}/videos/{video_id}/transcription")["data"]
        assert [one["value"] for one in said] == ["Good morning"]


def test_empty_list_has_an_empty_outcome(account: Account, connect: Connect, runs: Runs, tmp_path: Path) -> None:
    blank = tmp_path / "blank.jsonl"
    blank.write_text("\n")
    empty_lists: tuple[Any, ...] = ([], "[]", str(blank), str(tmp_path / "nothing*.mp4"))
    for empty in empty_lists:
        result = runs.run(empty)
        assert (result["videos"], result["indexed"], outcome_rows(result)) == (0, 0, [])


def test_pattern_index_name_and_json_text(account: Account, connect: Connect, films: Films, runs: Runs) -> None:
    films(3)
    result = runs.run(str(runs.output.parent / "films" / "*.mp4"), fields={"max_concurrent": "2"})
    assert result["indexed"] == 3
    name = account.get(f"/v1.3/indexes/{runs.fields['index_id']}")["index_name"]
    listed = json.dumps([row["uri"] for row in outcome_rows(result)])
    assert runs.run(listed, run_id="2", fields={"index_id": None, "index_name": name})["reused"] == 3


@pytest.mark.parametrize(
    ("videos", "fields", "said"),
    [
        ({"name": "a.mp4"}, {}, "has no uri"),
        (7, {}, "videos=7 is int"),
        (None, {}, "needs a value"),
        ("[broken", {}, "not JSON"),
        (["a.mp4"] * 5001, {}, "more than 5,000"),
        (["a.mp4"], {"max_concurrent": 0}, "max_concurrent=0 must be a whole number from 1 to 100"),
        (["a.mp4"], {"max_failed": "many"}, "max_failed"),
        (["a.mp4"], {"if_indexed": "overwrite"}, "is not one of reuse, reindex, fail"),
        (["a.mp4"], {"index_id": None, "index_name": "no such index"}, "Index .no such index. does not exist"),
        (["a.mp4"], {"index_id": ""}, "index_id"),
        (["a.mp4"], {"method": "by post"}, "is not one of auto, direct, url, multipart"),
        (["a.mp4"], {"user_metadata": {"duration": 1}}, "keeps this name for itself"),
    ],
    ids=str,
)
def test_invalid_arguments_are_refused_before_any_request(
    videos: Any, fields: dict[str, Any], said: str, account: Account, connect: Connect, runs: Runs
) -> None:
    before = account.holdings()
    with pytest.raises(TwelveLabsInputError, match=said):
        runs.run(videos, fields=fields)
    assert account.holdings() == before


def test_invalid_line_of_a_list_is_named(account: Account, connect: Connect, runs: Runs, tmp_path: Path) -> None:
    path = tmp_path / "chunk.jsonl"
    path.write_text('{"uri": "a.mp4"}\n{"uri": ')
    with pytest.raises(TwelveLabsInputError, match="Line 2 of the list of videos"):
        runs.run(str(path))
    with pytest.raises(TwelveLabsInputError, match="does not exist"):
        runs.run(str(tmp_path / "none.jsonl"))


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return what counts the requests of workers from now on, by method and path without ids."""
    asked: Counter[str] = Counter()
    original = TwelveLabsHook._send

    def send(self: TwelveLabsHook, call: Any, form: Any, **options: Any) -> Any:
        asked[f"{call.method.value} {re.sub('/[0-9a-f]{24}', '', call.path)}"] += 1
        return original(self, call, form, **options)

    monkeypatch.setattr(TwelveLabsHook, "_send", send)
    return asked


def test_two_requests_per_video_and_few_more(
    account: Account, connect: Connect, films: Films, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = list(map(str, films(60)))
    with monkeypatch.context() as patch:
        asked = counted(patch)
        assert runs.run(listed, fields={"max_concurrent": 20})["indexed"] == 60
    assert asked["POST /assets"] == asked["POST /indexes/indexed-assets"] == 60
    looks = sum(number for what, number in asked.items() if what.startswith("GET"))
    assert looks <= 60, asked
    with monkeypatch.context() as patch:
        asked = counted(patch)
        assert runs.run(listed, run_id="another")["reused"] == 60
    # the index, and the two pages of what is in it
    assert sum(asked.values()) == 3, asked


def test_large_files_are_uploaded_in_parts(
    account: Account, connect: Connect, films: Films, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, before = list(map(str, films(3))), billed(account)
    with monkeypatch.context() as patch:
        die_after(patch, MultipartSender, "send", 2)
        with pytest.raises(WorkerDeath):
            runs.run(listed, fields={"max_concurrent": 1, "method": "multipart"})
    result = runs.run(listed, try_number=2, fields={"max_concurrent": 1, "method": "multipart"})
    assert (result["indexed"], result["failed"]) == (3, 0)
    assert billed(account) == before + 3


class Held:
    """An upload that has begun and stays in flight until it is released."""

    def __init__(self) -> None:
        self.begun, self.released = Event(), Event()

    def source(self, source: Source) -> Source:
        def opened() -> BinaryIO:
            stream = source.open()
            read = stream.read
            held = SimpleNamespace(close=stream.close, seek=stream.seek, tell=stream.tell)

            def after_release(size: int = -1) -> bytes:
                self.begun.set()
                self.released.wait(60)
                return read(size)

            held.read = after_release
            return cast("BinaryIO", held)

        def opened_range(start: int, size: int) -> BinaryIO:
            stream = opened()
            stream.seek(start)
            return stream

        assert source.content is not None
        unchanged = source.content.current_fingerprint
        content = SimpleNamespace(open=opened, open_range=opened_range, current_fingerprint=unchanged, can_sign=False)
        return replace(source, content=cast("Content", content))


@pytest.mark.parametrize("method", ["direct", "multipart"])
def test_upload_thread_stops_when_its_task_has_ended(
    method: str, account: Account, connect: Connect, films: Films, runs: Runs, faults: Faults,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    listed, before, assets = list(map(str, films(2))), billed(account), account.holdings()[0]
    earlier = {one["_id"] for one in account.get("/v1.3/assets")["data"]}
    held, upload = Held(), AssetUpload.run
    monkeypatch.setattr(bulk_pipeline, "LONGEST_STOP", 0.1)

    def run(self: Any, *arguments: Any, **fields: Any) -> str:
        if "00" in self.source.filename:
            return upload(replace(self, source=held.source(self.source)), *arguments, **fields)
        assert held.begun.wait(60)
        faults("/assets*", action="status", status=429, retry_after=7200)
        return upload(self, *arguments, **fields)

    fields = {"deferrable": False, "on_quota": "fail", "method": method}
    with monkeypatch.context() as patch:
        patch.setattr(AssetUpload, "run", run)
        with pytest.raises(TwelveLabsQuotaUsedUpError):
            runs.run(listed, fields=fields)
    (file,) = runs.output.rglob("*.checkpoint.json")
    left, uploads = file.read_bytes(), [one for one in threading.enumerate() if one.name.startswith("twelvelabs")]
    assert uploads, "one is in flight"
    held.released.set()
    for thread in uploads:
        thread.join(60)
        assert not thread.is_alive()
    assert file.read_bytes() == left, "the checkpoint belongs to the next attempt"
    made = [one for one in account.get("/v1.3/assets")["data"] if one["_id"] not in earlier]
    assert not [one for one in made if one["filename"] == "film 00.mp4" and one["status"] == "ready"]
    pacing.forget_paces()
    result = runs.run(listed, try_number=2, fields=fields)
    assert (result["indexed"], result["failed"]) == (2, 0)
    assert billed(account) == before + 2
    assert account.holdings()[0] <= assets + 2 + (method == "multipart")
