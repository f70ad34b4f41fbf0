"""Files of a summary: rows with times, or one JSON object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twelvelabs_provider.api.analysis.summaries import Summary, SummaryKind
from twelvelabs_provider.results.kinds import SUMMARIES
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import Provenance, Published, ResultFacts
from twelvelabs_provider.storage.publish import DocumentFormat, document_formats, publish_document, publish_segments
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.republish import republish_document, republish_segments


@dataclass(frozen=True)
class SummaryFiles:
    """The files of one summary.

    :param output: local path or object storage URI below which they are published.
    :param names: formats as the operator was given them; None means the default.
    """

    output: str
    kind: SummaryKind
    names: Sequence[str] | None

    def formats(self) -> Sequence[Format] | Sequence[DocumentFormat]:
        """Return the formats of the files.

        :raises TwelveLabsInputError: a summary of this kind cannot have one of them.
        """
        return self._row_formats() if self.kind.timed else self._document_formats()

    def publish(self, place: ResultPath, summary: Summary, facts: ResultFacts) -> Published:
        """Publish a summary."""
        schema = SUMMARIES[self.kind]
        if self.kind.timed:
            return publish_segments(self.output, place, summary.rows, self._row_formats(), facts, schema)
        data, formats = summary.document(), self._document_formats()
        return publish_document(self.output, place, data, facts, formats=formats, schema=schema, row=data)

    def republish(self, saved: SavedResult, provenance: Provenance) -> Published | None:
        """Publish a saved summary in the wanted formats; None if no complete file has their data."""
        schema = SUMMARIES[self.kind]
        if self.kind.timed:
            return republish_segments(self.output, saved, self._row_formats(), schema, provenance)
        data = saved.result.get("data")
        if not isinstance(data, Mapping):
            return None
        return republish_document(self.output, saved, self._document_formats(), schema, provenance, data, data)

    def _row_formats(self) -> tuple[Format, ...]:
        return Format.parse_all((Format.JSONL,) if self.names is None else self.names)

    def _document_formats(self) -> tuple[DocumentFormat, ...]:
        return document_formats(self.names or (), DocumentFormat.JSON)
