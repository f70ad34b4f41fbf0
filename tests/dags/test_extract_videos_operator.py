"""Results of many videos in one task: each is billed once, each video has its row, and a retry continues."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.dags.bulk_runs import BulkRuns, WorkerDeath, die_after, outcome_rows
from tests.dags.conftest import Account, Connect, Faults, billed
from tests.engine.suspended_worker import suspended_worker
from tests.engine.videos import padded_copy
from tests.engine_process import Engine
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsJobTimeoutError,
    TwelveLabsPartialFailureError,
    TwelveLabsVideosFailedError,
)
from twelvelabs_provider.jobs import bulk_pipeline, checkpoint
from twelvelabs_provider.jobs.analysis_submission import AnalysisSubmission
from twelvelabs_provider.jobs.bulk_extraction import pipeline
from twelvelabs_provider.jobs.bulk_extraction.steps import Steps
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.extract import (
    TwelveLabsExtractTextInVideoOperator,
    TwelveLabsExtractTranscriptionOperator,
)
from twelvelabs_provider.operators.extract_videos import KINDS, TwelveLabsExtractVideosOperator
from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator
from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator
from twelvelabs_provider.version_compat import TaskDeferred

pytestmark = pytest.mark.engine

ALL_KINDS = [kind for kind in KINDS if kind != "analysis"]
Indexed = Callable[..., dict[str, Any]]


@pytest.fixture
def indexed(clip: Path, connect: Connect, account: Account, tmp_path: Path, request: pytest.FixtureRequest) -> Indexed:
    """Return a function that indexes copies of a video, and returns the result of the task."""

    def index(number: int, *more: Path, api_version: str = "v1.3") -> dict[str, Any]:
        connect(api_version)
        folder = tmp_path / "films"
        folder.mkdir(exist_ok=True)
        # Another content for each: one that is indexed twice is one video.
        films = [padded_copy(clip, folder / f"film {at:02}.mp4", at.to_bytes(4, "big")) for at in range(number)]
        operator = TwelveLabsIndexVideosOperator(
            task_id="index", index_id=account.create_index(request.node.name, api_version),
            videos=[*map(str, films), *map(str, more)], max_failed=None, output_path=str(tmp_path / "out"),
            poll_interval=0.2, deferrable=False, max_concurrent=8,
        )  # fmt: skip
        return dict(operator.execute(BulkRuns(lambda: None).context(run_id="indexing")))

    return index


@pytest.fixture
def runs(tmp_path: Path) -> BulkRuns:
    """Runs of the operator."""

    def make(videos: Any, **fields: Any) -> TwelveLabsExtractVideosOperator:
        given = {"output_path": str(tmp_path / "out"), "poll_interval": 0.2, "deferrable": True, **fields}
        return TwelveLabsExtractVideosOperator(task_id="t", videos=videos, **given)

    return BulkRuns(make)


def published(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the manifests of a kind of result."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"out/*/*/{kind}*.manifest.json"))]


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_all_kinds_of_many_videos(
    api_version: str,
    deferrable: bool,
    connect: Connect,
    account: Account,
    indexed: Indexed,
    runs: BulkRuns,
    tmp_path: Path,
) -> None:
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"not a video" * 50)
    outcome = indexed(3, damaged, api_version=api_version)
    before = billed(account, "analysis")
    fields = {"deferrable": deferrable, "kinds": ALL_KINDS, "formats": ["jsonl", "srt", "json"]}
    result = runs.run(outcome, fields=fields)
    assert {name: result[name] for name in ("videos", "published", "reused", "failed", "not_indexed")} == {
        "videos": 4, "published": 3, "reused": 0, "failed": 0, "not_indexed": 1,
    }  # fmt: skip
    rows = outcome_rows(result)
    assert [row["outcome"] for row in rows] == ["published"] * 3 + ["not_indexed"]
    assert "not a video" in rows[3]["reason"]
    assert set(rows[0]["results"]) == set(ALL_KINDS)
    for kind in ALL_KINDS:
        found = published(tmp_path, kind)
        assert len(found) == 3, kind
        assert {one["source"]["uri"].rpartition("/")[2] for one in found} == {f"film {at:02}.mp4" for at in range(3)}
    assert {file["format"] for file in published(tmp_path, "chapters")[0]["files"]} == {"jsonl", "srt", "json"}
    assert {file["format"] for file in published(tmp_path, "gist")[0]["files"]} == {"jsonl", "json"}
    kinds_billed = len(ALL_KINDS) - (1 if api_version == "v1.3" else 2)
    assert billed(account, "analysis") - before == 3 * kinds_billed
    assert result["minutes"] == pytest.approx(3 * kinds_billed * 0.1, abs=0.05)

    held = billed(account, "analysis")
    again = runs.run(outcome, fields=fields, run_id="the next night")
    assert (again["published"], again["reused"], again["minutes"]) == (0, 3, 0)
    assert billed(account, "analysis") == held, "nothing is billed twice"


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_single_and_bulk_operators_reuse_each_others_results(
    api_version: str, account: Account, indexed: Indexed, runs: BulkRuns, tmp_path: Path
) -> None:
    row = outcome_rows(indexed(1, api_version=api_version))[0]
    prompt, mode = "What happens?", "async" if api_version == "v1.3" else "auto"
    where: dict[str, Any] = {
        "output_path": str(tmp_path / "out"),
        "index_id": row["index_id"],
        "video_id": row["video_id"],
    }
    wait: dict[str, Any] = {"poll_interval": 0.2, "deferrable": False}
    singles: list[Any] = [
        TwelveLabsExtractTranscriptionOperator(task_id="one", **where),
        TwelveLabsExtractTextInVideoOperator(task_id="one", **where, **wait),
        TwelveLabsSummarizeVideoOperator(task_id="one", kind="chapters", **where, **wait),
        TwelveLabsSummarizeVideoOperator(task_id="one", kind="titles", **where, **wait),
        TwelveLabsAnalyzeVideoOperator(task_id="one", prompt=prompt, mode=mode, **where, **wait),
    ]
    kinds = ["transcription", "text_in_video", "chapters", "titles", "analysis"]
    first, later = kinds[:3], kinds[3:]
    for operator in singles[:3]:
        operator.execute(runs.context(run_id="one"))
    held = billed(account, "analysis")
    result = runs.run([row], fields={"kinds": first})
    assert (result["reused"], billed(account, "analysis")) == (1, held)
    result = runs.run([row], fields={"kinds": later, "prompt": prompt}, run_id="other")
    assert (result["published"], billed(account, "analysis")) == (1, held + 2)
    for operator in singles[3:]:
        operator.execute(runs.context(run_id="one"))
    assert billed(account, "analysis") == held + 2, "the same question, the same place"


DEATHS = {
    "after a submission": (AnalysisSubmission, "submit", 2),
    "after a checkpoint": (checkpoint.Checkpoint, "write", 3),
    "after a later checkpoint": (checkpoint.Checkpoint, "write", 5),
    "after a poll": (bulk_pipeline, "states_of", 1),
    "after a result": (Steps, "_published", 4),
    "before the outcome": (pipeline.ExtractionPipeline, "advance", 1),
}


@pytest.mark.parametrize("cleared", [False, True])
@pytest.mark.parametrize("death", DEATHS)
def test_dead_worker_bills_nothing_twice(
    death: str, cleared: bool, account: Account, indexed: Indexed, runs: BulkRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, before = indexed(4), billed(account, "analysis")
    fields = {"kinds": ["transcription", "chapters"], "max_concurrent": 3, "deferrable": False}
    with monkeypatch.context() as patch:
        die_after(patch, *DEATHS[death])
        with pytest.raises(WorkerDeath):
            runs.run(outcome, fields=fields)
    result = runs.run(outcome, fields=fields, try_number=2, max_tries=3 if cleared else 2)
    assert (result["failed"], result["published"] + result["reused"]) == (0, 4)
    assert billed(account, "analysis") == before + 4


def test_wait_in_the_triggerer_resumes_from_the_checkpoint(
    account: Account, engine: Engine, indexed: Indexed, runs: BulkRuns
) -> None:
    outcome, before = indexed(3), billed(account, "analysis")
    with suspended_worker(engine), pytest.raises(TaskDeferred) as deferred:
        runs.make(outcome, kinds=["transcription", "topics"], max_concurrent=2).execute(runs.context())
    assert len(json.dumps(deferred.value.trigger.serialize()[1])) < 1000
    event = asyncio.run(anext(deferred.value.trigger.run()))
    resumed = runs.make(outcome, kinds=["transcription", "topics"], max_concurrent=2, deferrable=False)
    result = resumed.execute_complete(runs.context(), event=event.payload)
    assert (result["published"], billed(account, "analysis")) == (3, before + 3)


def test_lost_submission_is_found_again(account: Account, indexed: Indexed, runs: BulkRuns, faults: Faults) -> None:
    outcome, before = indexed(2), billed(account, "analysis")
    faults("/analyze/tasks", times=1)
    result = runs.run(outcome, fields={"kinds": "summary"})
    assert (result["published"], billed(account, "analysis")) == (2, before + 2)


def test_lost_answer_in_an_older_generation_is_not_requested_again(
    account: Account, indexed: Indexed, runs: BulkRuns, faults: Faults
) -> None:
    outcome, before = indexed(2, api_version="v1.2"), billed(account, "analysis")
    faults("/summarize", times=1)
    with pytest.raises(TwelveLabsPartialFailureError, match="1 of 2 videos failed"):
        runs.run(outcome, fields={"kinds": "summary"})
    assert billed(account, "analysis") == before + 2
    with pytest.raises(TwelveLabsPartialFailureError):
        runs.run(outcome, fields={"kinds": "summary"}, try_number=2)
    assert billed(account, "analysis") == before + 2
    pushed = outcome_rows(runs.pushed["return_value"])
    assert Counter(row["outcome"] for row in pushed) == {"published": 1, "failed": 1}


def test_failed_video_fails_alone_and_a_retry_continues(indexed: Indexed, runs: BulkRuns, faults: Faults) -> None:
    rows = outcome_rows(indexed(3))
    gone = {**rows[0], "video_id": "0" * 24, "uri": "s3://bucket/gone.mp4"}
    result = runs.run([gone, *rows], fields={"kinds": ["transcription"], "max_failed": "25%"})
    found = outcome_rows(result)
    assert [row["outcome"] for row in found] == ["failed", "published", "published", "published"]
    assert found[0]["results"]["transcription"]["error_type"] == "TwelveLabsNotFoundError"
    faults("/analyze/tasks", "status", times=None, status=500)
    with pytest.raises(TwelveLabsVideosFailedError, match="3 of 3 videos failed"):
        runs.run(rows, fields={"kinds": ["transcription", "titles"]}, run_id="second")
    found = outcome_rows(runs.pushed["return_value"])
    assert [row["results"]["transcription"]["outcome"] for row in found] == ["reused"] * 3


def test_retry_extracts_temporary_failures(account: Account, indexed: Indexed, runs: BulkRuns, faults: Faults) -> None:
    outcome, before = indexed(2), billed(account, "analysis")
    faults("/analyze/tasks", "status", times=12, status=500)
    fields = {"kinds": ["titles"]}
    with pytest.raises(TwelveLabsVideosFailedError):
        runs.run(outcome, fields=fields)
    result = runs.run(outcome, fields=fields, try_number=2)
    assert (result["published"], billed(account, "analysis")) == (2, before + 2)


def test_total_over_the_cost_limit_is_refused_before_any_request(
    account: Account, indexed: Indexed, runs: BulkRuns
) -> None:
    outcome, before = indexed(3), billed(account, "analysis")
    fields = {"kinds": ["transcription", "summary", "titles"], "max_billable_minutes": 0.1}
    with pytest.raises(TwelveLabsInputError, match="would bill about"):
        runs.run(outcome, fields=fields)
    assert billed(account, "analysis") == before
    assert runs.run(outcome, fields={**fields, "max_billable_minutes": 5}, try_number=2)["published"] == 3


def test_outcome_so_far_is_published_at_the_deadline(indexed: Indexed, runs: BulkRuns) -> None:
    outcome = indexed(2)
    with pytest.raises(TwelveLabsJobTimeoutError, match="at the deadline"):
        runs.run(outcome, fields={"kinds": ["summary"], "timeout": 0.001})
    assert {row["outcome"] for row in outcome_rows(runs.pushed["return_value"])} == {"failed"}
    assert runs.run(outcome, fields={"kinds": ["summary"]}, try_number=2)["published"] == 2


@pytest.mark.parametrize("form", ["result", "file", "ids", "rows", "json", "results"])
def test_forms_of_videos(form: str, indexed: Indexed, runs: BulkRuns) -> None:
    outcome = indexed(2)
    rows = outcome_rows(outcome)
    given: dict[str, Any] = {
        "result": outcome,
        "file": outcome["outcome"],
        "ids": [row["video_id"] for row in rows],
        "rows": [{"video_id": row["video_id"]} for row in rows],
        "json": json.dumps([outcome]),
        "results": [outcome, None, rows[0]],
    }
    fields = {"kinds": "transcription"}
    if form in ("ids", "rows"):
        with pytest.raises(TwelveLabsInputError, match="Index of video"):
            runs.run(given[form], fields=fields)
        fields["index_id"] = outcome["index_id"]
    assert runs.run(given[form], fields=fields)["published"] == 2


BAD_INPUT: dict[str, tuple[dict[str, Any], str]] = {
    "unknown kind": ({"kinds": ["subtitles"]}, "kinds='subtitles' is not one of transcription"),
    "analysis without a question": ({"kinds": ["analysis"]}, "give its question as prompt"),
    "format of no kind": ({"kinds": ["summary"], "formats": ["srt"]}, "formats has 'srt', which no kind"),
    "formats of another kind": (
        {"kinds": "summary", "formats": {"chapters": ["srt"]}},
        "'chapters', which is not among",
    ),
    "unreadable share": ({"kinds": "summary", "max_failed": "many"}, "max_failed"),
    "too many at once": ({"kinds": "summary", "max_concurrent": 1000}, "max_concurrent"),
    "videos that are not indexed": ({"kinds": "summary", "videos": [{"uri": "s3://b/a.mp4"}]}, "has no video_id"),
    "a path": ({"kinds": "summary", "videos": ["s3://b/a.mp4"]}, "names no indexed video"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_refused_before_any_request(case: str, connect: Connect, runs: BulkRuns) -> None:
    fields, message = BAD_INPUT[case]
    connect(host="http://127.0.0.1:9")
    videos = fields.get("videos") or [{"video_id": "v1", "index_id": "i1"}]
    given = {name: value for name, value in fields.items() if name != "videos"}
    with pytest.raises(TwelveLabsInputError, match=message):
        runs.run(videos, fields=given)


def test_no_videos_make_an_empty_outcome(connect: Connect, runs: BulkRuns) -> None:
    result = runs.run([], fields={"kinds": ["transcription"]})
    assert (result["videos"], outcome_rows(result)) == (0, [])
