"""Outcome of bulk indexing: one row per video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twelvelabs_provider.jobs.bulk_indexing.state import IndexingState, Stage, key_of, rows_of
from twelvelabs_provider.results.bulk_outcome import BulkOutcome
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.publish import ResultFacts, ResultPath, publish_rows, table_formats
from twelvelabs_provider.storage.rows import Column, ColumnType, RowSchema
from twelvelabs_provider.storage.video_list import ListedVideo

INDEXING = RowSchema(
    (
        Column("uri", ColumnType.TEXT, "address of the video, without a connection or a signature", always=True),
        Column("outcome", ColumnType.TEXT, "indexed, reused (it was in the index already) or failed", always=True),
        Column("index_id", ColumnType.TEXT, "the index", always=True),
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


def publish_outcome(
    output_path: str, place: ResultPath, provenance: Provenance, state: IndexingState, listed: Sequence[ListedVideo]
) -> BulkOutcome:
    """Publish a row for each video, in the order given."""
    counts: Counter[str] = Counter()
    minutes = sum(entry.minutes for entry in state.at(Stage.INDEXED).values())

    def rows() -> Iterator[Mapping[str, Any]]:
        uris = [Location.parse(video.uri).uri for video in listed]
        for row in rows_of([key_of(video.uri) for video in listed], uris, state):
            counts[row["outcome"]] += 1
            yield {"index_id": state.index_id, **row}

    def facts() -> ResultFacts:
        return ResultFacts(provenance, index_id=state.index_id, details={"videos": dict(counts)})

    published = publish_rows(output_path, place, rows(), INDEXING, table_formats(["jsonl"]), facts)
    numbers = {name: counts[name] for name in ("indexed", "reused", "failed")}
    again = any(entry.again for entry in state.at(Stage.FAILED).values())
    return BulkOutcome(len(listed), numbers, minutes, again, published, {"index_id": state.index_id})
