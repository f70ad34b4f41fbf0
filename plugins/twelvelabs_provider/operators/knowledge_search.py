"""Operator that searches a knowledge store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from twelvelabs_provider.api.knowledge.knowledge_search import (
    LARGEST_SEARCH_PAGE,
    KnowledgeHit,
    KnowledgeSearch,
    Modality,
    all_knowledge_hits,
)
from twelvelabs_provider.api.knowledge.knowledge_stores import AssetType
from twelvelabs_provider.inputs.policies import IfPublished
from twelvelabs_provider.inputs.typed_arguments import choices_of, texts_of, whole_number_of
from twelvelabs_provider.jobs.result_deduplication import Deduplicator, question_digest
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.results.kinds import KNOWLEDGE_SEARCH
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.manifest import Answer, Provenance, Published
from twelvelabs_provider.storage.publish import ResultFacts, ResultPath, check_output, publish_rows, table_formats
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.republish import republish_rows
from twelvelabs_provider.task import BILLED_COLOR, COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

MOST_IN_XCOM = 20
"""Hits in the result; all of them are in the published rows."""
Result = dict[str, Any]


class TwelveLabsSearchKnowledgeStoreOperator(TwelveLabsOperator):
    """Searches a knowledge store with a text query, and publishes one row per match.

    The search is billed. A cleared task returns the published hits of its own run unless ``if_published`` is
    ``replace``. Each run and each mapped task publishes under its own name, so another run searches again.

    Service page: https://docs.twelvelabs.io/api-reference/knowledge-stores/search

    :param knowledge_store_id: the store (templated).
    :param query: the query (templated).
    :param modalities: of videos, any of ``visual`` and ``audio``; None means the service's default, ``visual``
        (templated).
    :param asset_types: only these, of ``video`` and ``image`` (templated).
    :param item_ids: only these items (templated).
    :param max_results: maximum number of hits (templated).
    :param output_path: local path or URI of object storage for the rows (templated).
    :param formats: any of ``jsonl``, ``json``, ``parquet`` (templated).
    :param if_published: ``skip`` returns a result of the same request that is published in the same place, at no cost,
        and renders missing formats from its files; ``replace`` sends the request again, which is billed, except in a
        retry of the attempt that published.
    :return: ``knowledge_store_id``, ``results`` (number of hits), ``top`` (rows of the best 20: ``rank``, ``item_id``,
        ``asset_type``, ``start`` and ``end`` in seconds), and with ``output_path`` ``manifest``, ``files``, ``rows``,
        ``bytes``.
    :raises TwelveLabsInputError: an argument is invalid; raised before any request.
    :raises TwelveLabsOutputError: the files cannot be written; no partial file is visible.
    """

    template_fields: Sequence[str] = (
        *COMMON_FIELDS, "knowledge_store_id", "query", "modalities", "asset_types", "item_ids", "max_results",
        "output_path", "formats",
    )  # fmt: skip
    ui_color = BILLED_COLOR

    def __init__(
        self,
        *,
        knowledge_store_id: str,
        query: str,
        modalities: Sequence[str] | str | None = None,
        asset_types: Sequence[str] | str | None = None,
        item_ids: Sequence[str] | str | None = None,
        max_results: int | str = 100,
        output_path: str | None = None,
        formats: Sequence[str] | str = ("jsonl",),
        if_published: Literal["skip", "replace"] = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.knowledge_store_id = knowledge_store_id
        self.query = query
        self.modalities = modalities
        self.asset_types = asset_types
        self.item_ids = item_ids
        self.max_results = max_results
        self.output_path = output_path
        self.formats = formats
        self.if_published = IfPublished.parse(if_published)

    def run_operator(self, context: Context) -> Result:
        """Search, page by page."""
        required(self, knowledge_store_id=self.knowledge_store_id, query=self.query)
        search, most = self._search()
        if self.output_path:
            self._formats()
            check_output(self.output_path)
        question = question_digest(
            self.hook.endpoint,
            kind="knowledge_search",
            knowledge_store_id=self.knowledge_store_id,
            query=self.query,
            modalities=texts_of("modalities", self.modalities),
            asset_types=texts_of("asset_types", self.asset_types),
            item_ids=texts_of("item_ids", self.item_ids),
            most=most,
        )
        reused = self._reused(context, question) if self.output_path else None
        if reused is not None:
            return reused
        hits = list(islice(all_knowledge_hits(self.hook.execute, self.knowledge_store_id, search), most))
        self.log.info("Found %d hits in knowledge store %s", len(hits), self.knowledge_store_id)
        shown = ("rank", "item_id", "asset_type", "start", "end")
        top = [{name: row[name] for name in shown} for row in islice(_rows(hits), MOST_IN_XCOM)]
        result = {"knowledge_store_id": self.knowledge_store_id, "results": len(hits), "top": top}
        if not self.output_path:
            return result
        answer = Deduplicator.of(context, self.output_path, question, self.if_published).answer(result)
        return {**result, **self._publish(context, hits, answer)}

    def _reused(self, context: Context, question: str) -> Result | None:
        output, formats = str(self.output_path), self._formats()

        def render(saved: SavedResult) -> Published | None:
            return republish_rows(output, saved, formats, KNOWLEDGE_SEARCH, Provenance.of(context["ti"]))

        place = knowledge_place(context, self.knowledge_store_id, "search")
        return Deduplicator.of(context, output, question, self.if_published).find(place, formats, render)

    def _search(self) -> tuple[KnowledgeSearch, int]:
        most = whole_number_of("max_results", self.max_results)
        search = KnowledgeSearch(
            self.query,
            modalities=choices_of("modalities", self.modalities, Modality),
            asset_types=choices_of("asset_types", self.asset_types, AssetType),
            item_ids=texts_of("item_ids", self.item_ids),
            page_size=min(most, LARGEST_SEARCH_PAGE),
        )
        return search, most

    def _publish(self, context: Context, hits: Sequence[KnowledgeHit], answer: Answer) -> Result:
        options = {"query": self.query, "modalities": self.modalities, "asset_types": self.asset_types}
        place = knowledge_place(context, self.knowledge_store_id, "search")
        facts = ResultFacts(
            Provenance.of(context["ti"]),
            options=options,
            details={"knowledge_store_id": self.knowledge_store_id, "results": len(hits)},
            answer=answer,
        )
        rows, formats = _rows(hits), self._formats()
        return publish_rows(str(self.output_path), place, rows, KNOWLEDGE_SEARCH, formats, facts).as_xcom()

    def _formats(self) -> tuple[Format, ...]:
        return table_formats(texts_of("formats", self.formats))


def _rows(hits: Sequence[KnowledgeHit]) -> Iterator[dict[str, Any]]:
    """Yield one row per match; an image matches as a whole."""
    for hit in hits:
        common = {"rank": hit.rank, "item_id": hit.item_id, "asset_type": hit.asset_type}
        if not hit.matches:
            yield {**common, "start": None, "end": None}
        for match in hit.matches:
            times = {"start": match.start, "end": match.end}
            yield {**common, **times, "modalities": list(match.modalities), "transcription": match.transcription}


def knowledge_place(context: Context, store_id: str, kind: str) -> ResultPath:
    """Return the path of a task instance's result about a knowledge store."""
    name = Provenance.of(context["ti"]).file_stem()
    return ResultPath(("knowledge_stores", store_id, kind), name, kind)
