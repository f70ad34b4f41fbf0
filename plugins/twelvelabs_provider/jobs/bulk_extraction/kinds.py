"""Choice of the extraction of each kind of result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.summaries import SummaryKind
from twelvelabs_provider.jobs.bulk_extraction.answers import ANALYSIS, PromptExtraction, SummaryExtraction
from twelvelabs_provider.jobs.bulk_extraction.extraction import Extraction, Publisher
from twelvelabs_provider.jobs.bulk_extraction.segments import GeneratedTextExtraction, SegmentExtraction
from twelvelabs_provider.storage.layout import ResultKind

if TYPE_CHECKING:
    pass


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
