"""Outcome of bulk extraction: one row per video.

A video that was not indexed does not count as failed: it failed the task that was to index it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twelvelabs_provider.inputs.indexed_videos import IndexedVideo
from twelvelabs_provider.jobs.bulk_extraction.state import ExtractionState, ResultState, Stage, key_of
from twelvelabs_provider.results.bulk_outcome import BulkOutcome
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.publish import ResultFacts, ResultPath, publish_rows, table_formats
from twelvelabs_provider.storage.rows import Column, ColumnType, RowSchema

EXTRACTION = RowSchema(
    (
        Column("uri", ColumnType.TEXT, "where the video came from, without a connection or a signature"),
        Column(
            "outcome",
            ColumnType.TEXT,
            "published, reused (everything was published already), failed (a result of it), or not_indexed",
            always=True,
        ),
        Column("index_id", ColumnType.TEXT, "the index"),
        Column("video_id", ColumnType.TEXT, "the video in the index"),
        Column(
            "results",
            ColumnType.JSON,
            "kind of result to its outcome, manifest (URI), rows, and reason and error_type of a failure",
            always=True,
        ),
        Column("reason", ColumnType.TEXT, "why it failed, or was not indexed"),
        Column("minutes", ColumnType.NUMBER, "minutes that its results billed to this task", always=True),
    ),
    "extraction",
)
NOT_INDEXED = "not_indexed"
_OUTCOMES = ("published", "reused", "failed", NOT_INDEXED)
_NOT_BEGUN = ResultState(Stage.FAILED, error_type="NotBegun", reason="not started")


def publish_extraction_outcome(
    output_path: str,
    place: ResultPath,
    provenance: Provenance,
    state: ExtractionState,
    videos: Sequence[IndexedVideo],
    kinds: Sequence[str],
) -> BulkOutcome:
    """Publish a row for each video, in the order given."""
    counts: Counter[str] = Counter()

    def rows() -> Iterator[Mapping[str, Any]]:
        for video in videos:
            row = _row(video, state, kinds)
            counts[row["outcome"]] += 1
            yield row

    def facts() -> ResultFacts:
        return ResultFacts(provenance, details={"videos": dict(counts), "kinds": list(kinds)})

    published = publish_rows(output_path, place, rows(), EXTRACTION, table_formats(["jsonl"]), facts)
    minutes = sum(entry.minutes for entry in state.entries.values())
    again = any(entry.again or not entry.settled for entry in state.entries.values())
    return BulkOutcome(len(videos), {name: counts[name] for name in _OUTCOMES}, minutes, again, published, {})


def _row(video: IndexedVideo, state: ExtractionState, kinds: Sequence[str]) -> dict[str, Any]:
    row = {"uri": video.uri, "index_id": video.index_id, "video_id": video.video_id}
    if not video.video_id:
        return {**row, "outcome": NOT_INDEXED, "results": {}, "reason": video.reason, "minutes": 0.0}
    ids = (str(video.index_id), video.video_id)
    entries = {kind: state.entries.get(key_of(*ids, kind)) or _NOT_BEGUN for kind in kinds}
    failed = [kind for kind, entry in entries.items() if entry.stage not in (Stage.PUBLISHED, Stage.REUSED)]
    new = any(entry.stage is Stage.PUBLISHED for entry in entries.values())
    reasons = [f"{kind}: {_reason_of(entries[kind])}" for kind in failed]
    return {
        **row,
        "outcome": "failed" if failed else "published" if new else "reused",
        "results": {kind: _result_of(entry) for kind, entry in entries.items()},
        "reason": "; ".join(reasons) or None,
        "minutes": round(sum(entry.minutes for entry in entries.values()), 4),
    }


def _result_of(entry: ResultState) -> dict[str, Any]:
    if entry.stage in (Stage.PUBLISHED, Stage.REUSED):
        return {"outcome": entry.stage.value, "manifest": entry.manifest, "rows": entry.rows}
    error_type = entry.error_type if entry.settled else "TwelveLabsJobTimeoutError"
    return {"outcome": Stage.FAILED.value, "reason": _reason_of(entry), "error_type": error_type}


def _reason_of(entry: ResultState) -> str | None:
    return entry.reason if entry.settled else "still running at the task's deadline; it continues"
