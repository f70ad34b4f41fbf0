"""File formats of results, and encoders of segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.encoding import Encoder, JsonArray, JsonLines, Shape
from twelvelabs_provider.storage.parquet import ParquetRows, ensure_parquet
from twelvelabs_provider.storage.rows import Column, Columns, ColumnType, RowSchema
from twelvelabs_provider.storage.subtitle_encoders import MIN_CUE_MS, SubRip, WebVtt, timestamp
from twelvelabs_provider.storage.values import check_columns

__all__ = ["MIN_CUE_MS", "SEGMENT_COLUMNS", "SEGMENT_SCHEMA", "Format", "encoder_for", "encoders_for", "timestamp"]

SEGMENT_COLUMNS = (
    Column("start", ColumnType.NUMBER, "first second of the stretch, from the beginning of the video", always=True),
    Column("end", ColumnType.NUMBER, "last second of the stretch, from the beginning of the video", always=True),
    Column("value", ColumnType.TEXT, "the text", always=True),
)
"""Columns of every kind of segment."""
SEGMENT_SCHEMA = RowSchema(SEGMENT_COLUMNS, rest=True)
"""Schema of segments without further columns."""


class Format(StrEnum):
    """A file format of results; the value is the file's suffix too."""

    JSONL = "jsonl"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"
    PARQUET = "parquet"

    @classmethod
    def parse_all(cls, values: Sequence[str], *, among: Sequence[Format] = ()) -> tuple[Format, ...]:
        """Return the requested formats, each once, in the order given.

        :param values: names such as ``["jsonl", "srt"]``; capitals are tolerated.
        :param among: the formats that this result can have; all of them when empty.
        :raises TwelveLabsInputError: the list is empty, is not a list, holds a name that is no format, or one that
            needs a library which is not installed.
        """
        known = tuple(among) or tuple(cls)
        valid = ", ".join(known)
        if isinstance(values, str) or not values:
            raise TwelveLabsInputError(f"formats={values!r}: give a list with at least one of {valid}.")
        bad = [value for value in values if not isinstance(value, str) or value.lower() not in set(known)]
        if bad:
            why = " of this result, which has no cues" if str(bad[0]).lower() in (cls.SRT, cls.VTT) else ""
            raise TwelveLabsInputError(
                f"formats={list(values)!r}: there is no format {bad[0]!r}{why}; valid are {valid}."
            )
        formats = tuple(dict.fromkeys(cls(value.lower()) for value in values))
        if cls.PARQUET in formats:
            ensure_parquet()
        return formats


def encoders_for(formats: Iterable[Format], schema: RowSchema = SEGMENT_SCHEMA) -> dict[str, Encoder[Segment]]:
    """Return new encoders for the files of one result of segments.

    :param schema: begins with :data:`SEGMENT_COLUMNS`; the others are what the kind adds.
    """
    shape = _segment_shape(schema)
    return {format: _ENCODERS[format](schema, shape) for format in formats}


def encoder_for(format: Format, schema: RowSchema = SEGMENT_SCHEMA) -> Encoder[Segment]:
    """Return a new encoder for one file of segments."""
    return encoders_for([format], schema)[format]


def _segment_shape(schema: RowSchema) -> Shape[Segment]:
    own = schema.names[len(SEGMENT_COLUMNS) :]

    def shape(segments: Sequence[Segment]) -> Columns:
        extras = [segment.extra for segment in segments]
        values: list[list[Any]] = [
            [segment.start for segment in segments],
            [segment.end for segment in segments],
            [segment.value for segment in segments],
        ]
        values += [[extra.get(name) for extra in extras] for name in own]
        columns = Columns(schema, values, _rest(schema, extras) if any(extras) else None)
        check_columns(columns)
        return columns

    return shape


def _rest(schema: RowSchema, extras: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]] | None:
    known = frozenset(schema.names)
    rest = [{name: value for name, value in extra.items() if name not in known} for extra in extras]
    surplus = next((more for more in rest if more), None)
    if surplus and not schema.rest:
        raise ValueError(f"{schema.name} has no column {min(surplus)!r}")
    return rest if surplus else None


_ENCODERS: dict[Format, Callable[[RowSchema, Shape[Segment]], Encoder[Segment]]] = {
    Format.JSONL: lambda _, shape: JsonLines(shape),
    Format.JSON: lambda _, shape: JsonArray(shape),
    Format.SRT: lambda _, shape: SubRip(),
    Format.VTT: lambda _, shape: WebVtt(),
    Format.PARQUET: ParquetRows,
}
