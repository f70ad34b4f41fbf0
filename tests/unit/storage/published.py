"""Small results to publish."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.storage.catalog import read_catalog
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import Origin, Provenance, Published, ResultFacts
from twelvelabs_provider.storage.publish import publish_segments


def put(
    output: str,
    video: str,
    *,
    kind: str = "transcription",
    words: Sequence[str] = ("word",),
    rows: Iterable[Segment] | None = None,
    formats: Sequence[Format] = (Format.JSONL,),
) -> Published:
    """Publish a few segments of a video."""
    facts = ResultFacts(
        source_uri=f"https://user:hunter2@host/{video}.mp4?sig=hunter2",
        index_id="idx",
        video_id=video,
        origin=Origin.SPEECH,
        provenance=Provenance("dag", "run", "task", 3),
    )
    segments = (Segment(number, number + 1, word) for number, word in enumerate(words))
    return publish_segments(output, ResultPath(("idx", video), kind), rows or segments, formats, facts)


def results_of(output: str) -> set[str | None]:
    """Return which videos the catalog names."""
    return {entry.video_id for entry in read_catalog(output)}
