"""Outcome of bulk indexing: one row per video, and the limit of failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsPartialFailureError, TwelveLabsVideosFailedError
from twelvelabs_provider.jobs.bulk_indexing.state import BulkState, Stage, key_of, rows_of
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.publish import ResultFacts, ResultPath, publish_rows, table_formats
from twelvelabs_provider.storage.rows import Column, ColumnType, RowSchema
from twelvelabs_provider.storage.video_list import ListedVideo

INDEXING = RowSchema(
    (
        Column("uri", ColumnType.TEXT, "address of the video, without a connection or a signature", always=True),
        Column("outcome", ColumnType.TEXT, "indexed, reused (it was in the index already) or failed", always=True),
        Column("video_id", ColumnType.TEXT, "the video in the index"),
        Column("asset_id", ColumnType.TEXT, "the asset that it was made of, where there are assets"),
        Column("task_id", ColumnType.TEXT, "the indexing task, where there are no assets"),
        Column("reason", ColumnType.TEXT, "why it failed"),
        Column("error_type", ColumnType.TEXT, "name of the error that it failed with"),
        Column("duration_seconds", ColumnType.NUMBER, "length of the video"),
        Column("minutes", ColumnType.NUMBER, "minutes that its indexing billed to this task", always=True),
    ),
    "indexing",
)


@dataclass(frozen=True)
class IndexingOutcome:
    """The published outcome.

    :param videos: number of given videos; duplicates count.
    :param counts: numbers of ``indexed``, ``reused`` and ``failed`` videos.
    :param minutes: minutes that were billed to the task.
    :param uri: address of the rows.
    """

    index_id: str
    videos: int
    counts: Mapping[str, int]
    minutes: float
    uri: str
    manifest_uri: str

    def as_result(self) -> dict[str, Any]:
        """Return the return value of the task."""
        return {
            "index_id": self.index_id,
            "videos": self.videos,
            **self.counts,
            "minutes": round(self.minutes, 4),
            "outcome": self.uri,
            "manifest": self.manifest_uri,
        }


def publish_outcome(
    output_path: str, place: ResultPath, provenance: Provenance, state: BulkState, listed: Sequence[ListedVideo]
) -> IndexingOutcome:
    """Publish a row for each video, in the order given."""
    counts: Counter[str] = Counter()
    minutes = sum(entry.minutes for entry in state.at(Stage.INDEXED).values())

    def rows() -> Iterator[Mapping[str, Any]]:
        uris = [Location.parse(video.uri).uri for video in listed]
        for row in rows_of([key_of(video.uri) for video in listed], uris, state):
            counts[row["outcome"]] += 1
            yield row

    def facts() -> ResultFacts:
        return ResultFacts(provenance, index_id=state.index_id, details={"videos": dict(counts)})

    published = publish_rows(output_path, place, rows(), INDEXING, table_formats(["jsonl"]), facts)
    numbers = {name: counts[name] for name in ("indexed", "reused", "failed")}
    uri, manifest = published.files["jsonl"], published.manifest_uri
    return IndexingOutcome(state.index_id, len(listed), numbers, minutes, uri, manifest)


def must_be_good_enough(outcome: IndexingOutcome, state: BulkState, allowed: int | None) -> None:
    """Raise if too many videos failed.

    :param allowed: maximum number of failed videos; None for any.
    :raises TwelveLabsVideosFailedError: some of them may succeed with a retry.
    :raises TwelveLabsPartialFailureError: all of them failed permanently.
    """
    failed = outcome.counts["failed"]
    if allowed is None or failed <= allowed:
        return
    summary = (
        f"{failed} of {outcome.videos} videos failed, and max_failed allows {allowed}; the rows say why: {outcome.uri}"
    )
    if any(entry.again for entry in state.at(Stage.FAILED).values()):
        raise TwelveLabsVideosFailedError(f"{summary}. A retry processes only those that may succeed")
    raise TwelveLabsPartialFailureError(f"{summary}. Fix these videos and clear the task")
