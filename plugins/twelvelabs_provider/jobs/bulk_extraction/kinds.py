"""Kinds of results: the extraction and the formats of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twelvelabs_provider.api.analysis.response_format import FormatType
from twelvelabs_provider.api.analysis.summaries import SummaryKind
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.bulk_extraction.answers import ANALYSIS, PromptExtraction, SummaryExtraction
from twelvelabs_provider.jobs.bulk_extraction.extraction import Extraction, Publisher
from twelvelabs_provider.jobs.bulk_extraction.segments import GeneratedTextExtraction, SegmentExtraction
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultKind
from twelvelabs_provider.storage.publish import DocumentFormat


def extraction_of(
    kind: str,
    publisher: Publisher,
    prompt: str | None,
    response_format: Mapping[str, Any] | None,
    model: str | None,
) -> Extraction:
    """Return one kind of result, as the generation of the API makes it.

    :param prompt: the question of an analysis; other kinds ignore it.
    :param response_format: of an analysis.
    :param model: of an analysis; None for the default.
    """
    if kind == ANALYSIS:
        return PromptExtraction(publisher, prompt, response_format, model)
    if kind in set(SummaryKind):
        return SummaryExtraction(kind, publisher)
    if kind == ResultKind.TEXT_IN_VIDEO and publisher.by_asset:
        return GeneratedTextExtraction(kind, publisher)
    return SegmentExtraction(kind, publisher)


def formats_by_kind(
    kinds: Sequence[str], names: Sequence[str], response_format: Mapping[str, Any] | None
) -> dict[str, Sequence[str]]:
    """Return the formats of each kind: of those for all kinds, the ones that it can have.

    :param names: formats for all kinds.
    :param response_format: of an analysis.
    :raises TwelveLabsInputError: no kind can have one of them.
    """
    wanted = [name.lower() for name in names]
    found = {kind: [name for name in wanted if name in _possible(kind, response_format)] for kind in kinds}
    if unusable := [name for name in wanted if not any(name in chosen for chosen in found.values())]:
        raise TwelveLabsInputError(f"formats has {unusable[0]!r}, which no kind of {', '.join(kinds)} can have")
    return {kind: chosen for kind, chosen in found.items() if chosen}


def _possible(kind: str, response_format: Mapping[str, Any] | None) -> set[str]:
    """Return the formats that a kind can have: of rows with times, of a text, or of a JSON value."""
    if kind == ANALYSIS:
        form = (response_format or {}).get("type")
        timed, other = form == FormatType.SEGMENTS, DocumentFormat.JSON if response_format else DocumentFormat.TXT
    else:
        timed, other = kind in set(ResultKind) or SummaryKind(kind).timed, DocumentFormat.JSON
    return set(Format) if timed else {other, DocumentFormat.JSONL, DocumentFormat.PARQUET}
