"""Files of an analysis: a text, a JSON value, or timed segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_provider.api.analysis.response_format import FormatType, segments_of
from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.results.kinds import ANALYSIS, ANALYSIS_SEGMENTS
from twelvelabs_provider.storage.encoding import Encoder, json_text
from twelvelabs_provider.storage.formats import Format, encoders_for
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import Provenance, Published, ResultFacts
from twelvelabs_provider.storage.publish import DocumentFormat, document_formats, publish, publish_document
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.republish import kept_and, republish_document, segment_of

_SEGMENT_DEFAULTS = (Format.JSONL, Format.JSON)


@dataclass(frozen=True)
class AnalysisFiles:
    """The files of one analysis.

    :param output: local path or object storage URI below which they are published.
    :param response_format: its type; None for a text.
    :param names: formats as the operator was given them; none means the defaults.
    """

    output: str
    response_format: str | None
    names: Sequence[str]

    def formats(self) -> Sequence[Format] | Sequence[DocumentFormat]:
        """Return the formats of the files.

        :raises TwelveLabsInputError: an analysis of this type cannot have one of them.
        """
        return self._segment_formats() if self._is_segments else self._document_formats()

    def publish(
        self, place: ResultPath, data: Any, segments: Sequence[Segment] | None, facts: ResultFacts
    ) -> Published:
        """Publish an analysis.

        :param data: the text, or the JSON value.
        :param segments: the segments in it; None if it has none.
        """
        if segments is not None:
            return self._publish_segments(place, segments, data, self._segment_formats(), facts)
        formats, row = self._document_formats(), self._row(data)
        return publish_document(self.output, place, data, facts, formats=formats, schema=ANALYSIS, row=row)

    def republish(self, saved: SavedResult, provenance: Provenance) -> Published | None:
        """Publish a saved analysis in the wanted formats; None if no complete file has their data."""
        content, rows = saved.read("txt" if self.response_format is None else "json"), saved.rows()
        if self._is_segments:
            data = None if content is None else decoded_json(content)
            if data is None and (rows is None or Format.JSON in self._segment_formats()):
                return None
            segments = segments_of(data) if data is not None else [segment_of(row) for row in rows or ()]
            wanted = [Format(format) for format in kept_and(self._segment_formats(), saved)]
            return self._publish_segments(saved.path, segments, data, wanted, saved.facts(provenance))
        if content is None and rows is None:
            return None
        if content is None:
            data = (rows or [{}])[0][self._field]
        else:
            data = content.decode("utf-8") if self.response_format is None else decoded_json(content)
        formats, row = self._document_formats(), self._row(data)
        return republish_document(self.output, saved, formats, ANALYSIS, provenance, data, row)

    @property
    def _is_segments(self) -> bool:
        return self.response_format == FormatType.SEGMENTS

    @property
    def _field(self) -> str:
        return "text" if self.response_format is None else "data"

    def _row(self, data: Any) -> Mapping[str, Any]:
        return {self._field: data}

    def _segment_formats(self) -> tuple[Format, ...]:
        return Format.parse_all(self.names or _SEGMENT_DEFAULTS)

    def _document_formats(self) -> tuple[DocumentFormat, ...]:
        plain = DocumentFormat.TXT if self.response_format is None else DocumentFormat.JSON
        return document_formats(self.names, plain)

    def _publish_segments(
        self, place: ResultPath, segments: Sequence[Segment], data: Any, formats: Sequence[Format], facts: ResultFacts
    ) -> Published:
        encoders = encoders_for(formats, ANALYSIS_SEGMENTS)
        if Format.JSON in encoders:
            encoders[Format.JSON] = _WholeAnswer(data)
        return publish(self.output, place, segments, encoders, facts, ANALYSIS_SEGMENTS)


class _WholeAnswer(Encoder[Any]):
    """A file that holds the answer as it is, without its segments."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def header(self) -> bytes:
        return json_text(self._data) + b"\n"

    def row(self, row: Any) -> bytes:
        return b""
