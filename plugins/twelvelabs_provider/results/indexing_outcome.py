"""What became of many videos that one task indexed: a row for each, and whether that is good enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsPartialFailureError, TwelveLabsVideosFailedError
from twelvelabs_provider.jobs.bulk_indexing.state import BulkState, Stage, key_of, rows_of
from twelvelabs_provider.results.indexing_rows import INDEXING
from twelvelabs_provider.storage.locations import display_uri
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.tables import TableFacts, TablePlace, publish_rows, table_formats
from twelvelabs_provider.storage.video_list import ListedVideo


@dataclass(frozen=True)
class IndexingOutcome:
    """The outcome, as it was published.

    :param videos: how many there were, those that were given twice counted twice.
    :param counts: how many were ``indexed``, ``reused``, and ``failed``.
    :param minutes: what was billed to the task.
    :param uri: of the rows.
    """

    index_id: str
    videos: int
    counts: Mapping[str, int]
    minutes: float
    uri: str
    manifest_uri: str

    def as_result(self) -> dict[str, Any]:
        """What the task returns."""
        return {
            "index_id": self.index_id,
            "videos": self.videos,
            **self.counts,
            "minutes": round(self.minutes, 4),
            "outcome": self.uri,
            "manifest": self.manifest_uri,
        }


def publish_outcome(
    output_path: str, place: TablePlace, provenance: Provenance, state: BulkState, listed: Sequence[ListedVideo]
) -> IndexingOutcome:
    """Publish a row for each video, in the order given."""
    counts: Counter[str] = Counter()
    minutes = sum(entry.minutes for entry in state.at(Stage.INDEXED).values())

    def rows() -> Iterator[Mapping[str, Any]]:
        uris = [display_uri(video.uri) for video in listed]
        for row in rows_of([key_of(video.uri) for video in listed], uris, state):
            counts[row["outcome"]] += 1
            yield row

    def facts() -> TableFacts:
        return TableFacts(provenance, index_id=state.index_id, details={"videos": dict(counts)})

    published = publish_rows(output_path, place, rows(), INDEXING, table_formats(["jsonl"]), facts)
    told = {name: counts[name] for name in ("indexed", "reused", "failed")}
    return IndexingOutcome(state.index_id, len(listed), told, minutes, published.files["jsonl"], published.manifest_uri)


def must_be_good_enough(outcome: IndexingOutcome, state: BulkState, allowed: int | None) -> None:
    """Fail where more videos failed than may.

    :param allowed: how many may; None for any.
    :raises TwelveLabsVideosFailedError: some of them may succeed with a retry.
    :raises TwelveLabsPartialFailureError: all of them failed for good.
    """
    failed = outcome.counts["failed"]
    if allowed is None or failed <= allowed:
        return
    told = (
        f"{failed} of {outcome.videos} videos failed, and max_failed allows {allowed}; the rows say why: {outcome.uri}"
    )
    if any(entry.again for entry in state.at(Stage.FAILED).values()):
        raise TwelveLabsVideosFailedError(f"{told}. A retry tries again those that may succeed, and no others")
    raise TwelveLabsPartialFailureError(f"{told}. Put right what is wrong with them and clear the task")
