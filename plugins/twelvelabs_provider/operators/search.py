"""Operator that searches an index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError
from twelvelabs_provider.api.resources import LARGEST_PAGE, Paging
from twelvelabs_provider.api.search.request import (
    GroupBy,
    Operator,
    SearchOption,
    SearchRequest,
    SortOption,
    Threshold,
    TranscriptionOption,
)
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.policies import IfPublished
from twelvelabs_provider.inputs.typed_arguments import (
    choices_of,
    mapping_of,
    optional_choice,
    optional_text,
    texts_of,
    whole_number_of,
)
from twelvelabs_provider.jobs.index_resolution import index_arguments, resolve_index
from twelvelabs_provider.jobs.result_deduplication import Deduplicator, question_digest
from twelvelabs_provider.links import index_url
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.results.kinds import SEARCH
from twelvelabs_provider.results.search_rows import match_row, query_options, question_hash
from twelvelabs_provider.storage.manifest import Provenance, Published
from twelvelabs_provider.storage.media import must_be_picture
from twelvelabs_provider.storage.publish import ResultFacts, ResultPath, check_output, publish_rows, table_formats
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.republish import republish_rows
from twelvelabs_provider.storage.source import Source, resolve_source
from twelvelabs_provider.task import BILLED_COLOR, COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.hooks.search_pages import Search

MOST_TOP = 100
DEFAULT_MOST = 1000
_SMALL = ("video_id", "start", "end", "rank", "score", "confidence")


class TwelveLabsSearchOperator(TwelveLabsOperator):
    """Searches an index for a text, for images, or both; publishes all results and returns the best ones.

    Each query is billed; its further pages are not. A query with published results is not sent again (``if_published``)
    unless the videos of the index changed since. If a page token has expired, the operator sends the query once more,
    which is billed again. If the response to a query is lost, the task fails, and a retry sends the query again, which
    may be billed twice.

    Service page: https://docs.twelvelabs.io/api-reference/any-to-video-search/make-search-request

    :param index_id: the index (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param output_path: local path or URI of object storage for the results (templated).
    :param query_text: at most 500 tokens; ``<@entity_id>`` refers to an entity (v1.3) (templated).
    :param query_images: up to 10 images, each a local path, a URI of object storage, or an http(s) URL that the
        service fetches. v1.3 combines them with a text; v1.2 takes one image without text (templated).
    :param search_options: any of ``visual``, ``audio`` (sounds; v1.3), ``transcription`` (speech), and the older
        ``conversation``, ``text_in_video``, ``logo``. Each API generation accepts its own options, and those of the
        others if it has an equivalent (templated).
    :param transcription_options: comparison of spoken words: ``lexical``, ``semantic``; empty uses the service's
        default (templated).
    :param group_by: ``clip`` or ``video``: the clips of the best video first (v1.2, v1.3) (templated).
    :param operator: ``or`` or ``and``: whether a clip matches any search option, or all (templated).
    :param filter: metadata of the videos, as a mapping or its JSON text: ``{"duration": {"gte": 60}}``,
        ``{"id": ["..."]}`` (templated).
    :param include_user_metadata: include the videos' user metadata in the rows (v1.3).
    :param query_tree: a boolean query instead of text and images, as a mapping or its JSON text (v1.2) (templated).
    :param threshold: minimum confidence: ``high``, ``medium``, ``low``, ``none`` (v1.2) (templated).
    :param sort_option: order of groups: ``score`` or ``clip_count`` (v1.2) (templated).
    :param max_results: maximum number of clips; further pages are not requested (templated).
    :param top: number of best results to return, 0 to 100.
    :param output_name: stem of the files; None uses a digest of the query and ``max_results``, so that equal queries
        have the same files (templated).
    :param formats: any of ``jsonl``, ``json``, ``parquet`` (templated).
    :param if_published: ``skip`` returns a result of the same request that is published in the same place, at no cost,
        and renders missing formats from its files; ``replace`` sends the request again, which is billed, except in a
        retry of the attempt that published.
    :return: ``index_id``, ``rows`` (clips), ``total_results`` (counted by the service), ``top`` (a list of
        ``video_id``, ``start``, ``end`` in seconds, ``rank``, ``score`` and ``confidence``), ``queries`` (billed),
        ``manifest`` (URI), ``files`` (format to URI) and ``bytes``.
    :raises TwelveLabsInputError: the query, an image, a format or the output is invalid; raised before any request.
    :raises TwelveLabsRefusedError: the service refuses the query, or the API generation has no such query.
    :raises TwelveLabsOutputError: the files cannot be written; no partial file is visible.
    """

    template_fields = (
        *COMMON_FIELDS,
        "index_id",
        "index_name",
        "output_path",
        "query_text",
        "query_images",
        "search_options",
        "transcription_options",
        "group_by",
        "operator",
        "filter",
        "query_tree",
        "threshold",
        "sort_option",
        "max_results",
        "output_name",
        "formats",
    )
    ui_color = BILLED_COLOR

    def __init__(
        self,
        *,
        output_path: str,
        index_id: str | None = None,
        index_name: str | None = None,
        query_text: str | None = None,
        query_images: Sequence[str] | str = (),
        search_options: Sequence[str] | str = ("visual",),
        transcription_options: Sequence[str] | str = (),
        group_by: str = "clip",
        operator: str | None = None,
        filter: Mapping[str, Any] | str | None = None,
        include_user_metadata: bool = False,
        query_tree: Mapping[str, Any] | str | None = None,
        threshold: str | None = None,
        sort_option: str | None = None,
        max_results: int | str = DEFAULT_MOST,
        top: int = 10,
        output_name: str | None = None,
        formats: Sequence[str] | str = ("jsonl",),
        if_published: Literal["skip", "replace"] = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= top <= MOST_TOP:
            raise ValueError(f"top={top!r} must be from 0 to {MOST_TOP}")
        self.index_id = index_id
        self.index_name = index_name
        self.output_path = output_path
        self.query_text = query_text
        self.query_images = query_images
        self.search_options = search_options
        self.transcription_options = transcription_options
        self.group_by = group_by
        self.operator = operator
        self.filter = filter
        self.include_user_metadata = include_user_metadata
        self.query_tree = query_tree
        self.threshold = threshold
        self.sort_option = sort_option
        self.max_results = max_results
        self.top = top
        self.output_name = output_name
        self.formats = formats
        self.if_published = IfPublished.parse(if_published)

    def run_operator(self, context: Context) -> dict[str, Any]:
        """Ask, and publish the results as their pages come."""
        from twelvelabs_provider.hooks.search_pages import Search

        required(self, output_path=self.output_path)
        index_arguments(self.index_id, self.index_name)
        formats = table_formats(texts_of("formats", self.formats))
        most = whole_number_of("max_results", self.max_results)
        images = [resolve_source(image, what="image") for image in texts_of("query_images", self.query_images)]
        for image in images:
            must_be_picture(image)
        check_output(self.output_path)
        request = self._request(images, most)
        index_id = request.index_id
        self.playground_url = index_url(index_id)
        question = question_hash(request, images)
        own_name = question if most == DEFAULT_MOST else f"{question}-{most}"
        place = ResultPath((index_id, "search"), self.output_name or own_name, "search")
        whole_question = question_digest(
            self.hook.endpoint, kind="search", query=question, most=most, index=self._index_state(index_id)
        )

        def render(saved: SavedResult) -> Published | None:
            return republish_rows(self.output_path, saved, formats, SEARCH, Provenance.of(context["ti"]))

        deduplicator = Deduplicator.of(context, self.output_path, whole_question, self.if_published)
        reused = deduplicator.find(place, formats, render, is_complete=self._has_enough_on_top)
        if reused is not None:
            return {**reused, "top": reused["top"][: self.top]}
        search, best = Search(self.hook, request), list[dict[str, Any]]()

        def facts() -> ResultFacts:
            facts = self._facts(context, search, request, question, images)
            return replace(facts, answer=deduplicator.answer(result()))

        def result() -> dict[str, Any]:
            total = search.first.total_results if search.first else 0
            return {"index_id": index_id, "total_results": total, "top": best, "queries": search.queries}

        rows = self._rows(search, most, best)
        published = publish_rows(self.output_path, place, rows, SEARCH, formats, facts)
        self.log.info(
            "Published %d results of a search in index %s: %s", published.rows, index_id, published.manifest_uri
        )
        return {**result(), **published.as_xcom()}

    def _index_state(self, index_id: str) -> list[Any]:
        """Return values that change with the index: the number of its videos, and its latest change."""
        paging = Paging(limit=1, sort_by="updated_at")
        page = self.hook.execute(self.hook.api.list_videos(index_id, paging=paging))
        return [page.total_results, *((video.id, video.raw.get("updated_at")) for video in page.items)]

    def _has_enough_on_top(self, saved: SavedResult) -> bool:
        """Tell whether the published result returned as many of the best as this task returns."""
        return len(saved.result.get("top") or ()) >= min(self.top, int(saved.document["rows"]))

    def _rows(self, search: Search, most: int, best: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Return the rows one by one, and keep small copies of the first in ``best``."""
        for position, match in enumerate(islice(search, most), start=1):
            row = match_row(match, position)
            if position <= self.top:
                best.append({name: row[name] for name in _SMALL if row[name] is not None})
            yield row

    def _request(self, images: Sequence[Source], most: int) -> SearchRequest:
        group_by = optional_choice("group_by", self.group_by, GroupBy) or GroupBy.CLIP
        request = SearchRequest(
            options=choices_of("search_options", self.search_options, SearchOption),
            text=optional_text(self.query_text),
            images=[_image(source) for source in images],
            query_tree=mapping_of("query_tree", self.query_tree) or None,
            transcription_options=choices_of("transcription_options", self.transcription_options, TranscriptionOption),
            group_by=group_by,
            operator=optional_choice("operator", self.operator, Operator),
            filter=mapping_of("filter", self.filter) or None,
            page_limit=LARGEST_PAGE if group_by is GroupBy.VIDEO else min(LARGEST_PAGE, most),
            include_user_metadata=self.include_user_metadata,
            threshold=optional_choice("threshold", self.threshold, Threshold),
            sort_option=optional_choice("sort_option", self.sort_option, SortOption),
            index_id=resolve_index(self.hook, self.index_id, self.index_name),
        )
        try:
            request.check()
        except TwelveLabsBadRequestError as error:
            raise TwelveLabsInputError(f"Invalid search: {error}.") from error
        return request

    def _facts(
        self, context: Context, search: Search, request: SearchRequest, question: str, images: Sequence[Source]
    ) -> ResultFacts:
        first = search.first
        details = {
            "query_hash": question,
            "total_results": first.total_results if first else None,
            "search_pool": vars(first.pool) if first else None,
            "queries": search.queries,
            "pages": search.pages,
        }
        return ResultFacts(
            Provenance.of(context["ti"]),
            index_id=request.index_id,
            options={**query_options(request), "query_images": [image.uri for image in images]},
            details=details,
        )


def _image(source: Source) -> FilePart | str:
    return source.url or source.file_part()
