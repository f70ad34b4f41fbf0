"""Publishing of a saved result in further formats, without a new billed request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.manifest import Provenance, Published
from twelvelabs_provider.storage.publish import (
    DocumentFormat,
    publish_document,
    publish_rows,
    publish_segments,
)
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.rows import RowSchema

_SEGMENT = ("start", "end", "value")


def republish_segments(
    output: str, saved: SavedResult, formats: Sequence[Format], schema: RowSchema, provenance: Provenance
) -> Published | None:
    """Publish the segments of a saved result; return None if no whole file has its rows.

    :param formats: the requested formats; existing formats are kept.
    """
    rows = saved.rows()
    if rows is None:
        return None
    wanted = [Format(format) for format in kept_and(formats, saved)]
    return publish_segments(output, saved.path, map(segment_of, rows), wanted, saved.facts(provenance), schema)


def republish_rows(
    output: str, saved: SavedResult, formats: Sequence[Format], schema: RowSchema, provenance: Provenance
) -> Published | None:
    """Publish the rows of a saved table; see :func:`republish_segments`."""
    rows = saved.rows()
    if rows is None:
        return None
    wanted = [Format(format) for format in kept_and(formats, saved)]
    return publish_rows(output, saved.path, rows, schema, wanted, saved.facts(provenance))


def republish_document(
    output: str,
    saved: SavedResult,
    formats: Sequence[DocumentFormat],
    schema: RowSchema,
    provenance: Provenance,
    content: Any,
    row: Mapping[str, Any],
) -> Published:
    """Publish a saved document; see :func:`republish_segments`.

    :param content: the document.
    :param row: the same as a row.
    """
    wanted = [DocumentFormat(format) for format in kept_and(formats, saved)]
    facts = saved.facts(provenance)
    return publish_document(output, saved.path, content, facts, formats=wanted, schema=schema, row=row)


def segment_of(row: Mapping[str, Any]) -> Segment:
    """Return the segment of a published row."""
    extra = {name: value for name, value in row.items() if name not in _SEGMENT}
    return Segment(row["start"], row["end"], row["value"], extra)


def kept_and(formats: Iterable[str], saved: SavedResult) -> list[str]:
    """Return the requested formats, then the existing ones, from which rows can be read again."""
    return list(dict.fromkeys([*map(str, formats), *sorted(saved.whole)]))
