"""Search requests and results of each generation."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from twelvelabs_provider.api.call import Call, FilePart, FormBody, JsonBody, RateCategory
from twelvelabs_provider.api.errors import (
    ErrorDetails,
    TwelveLabsAnswerError,
    TwelveLabsBadRequestError,
    TwelveLabsError,
    TwelveLabsUnsupportedError,
)
from twelvelabs_provider.api.generations import Dialect, dialect_for
from twelvelabs_provider.api.search.request import (
    GroupBy,
    Operator,
    SearchOption,
    SearchPage,
    SearchRequest,
    SortOption,
    Threshold,
    TranscriptionOption,
    is_expired,
)
from twelvelabs_provider.api.version import ApiVersion

IMAGE = FilePart("a.png", lambda: BytesIO(b"x"), 1)
TODAY = dialect_for(ApiVersion.V1_3)
V1_2 = dialect_for(ApiVersion.V1_2)
V1_1 = dialect_for(ApiVersion.V1_1)
LEXICAL, SEMANTIC = TranscriptionOption
NOW = {"video_id": "v1", "start": 12, "end": 18.5}


def asking(*options: SearchOption, **fields: Any) -> SearchRequest:
    if not {"images", "query_tree"} & set(fields):
        fields = {"text": "red car", **fields}
    return SearchRequest("i1", options or (SearchOption.VISUAL,), **fields)


def parts(call: Call[SearchPage]) -> list[tuple[str, str | FilePart]]:
    assert isinstance(call.body, FormBody)
    return list(call.body.parts)


def content(call: Call[SearchPage]) -> dict[str, Any]:
    assert isinstance(call.body, JsonBody)
    return dict(call.body.content)


def test_combined_search_in_v1_3() -> None:
    call = TODAY.search(
        asking(
            SearchOption.VISUAL,
            SearchOption.TRANSCRIPTION,
            text="<@e1> waves",
            images=[IMAGE, "https://host/b.png"],
            transcription_options=[LEXICAL],
            group_by=GroupBy.VIDEO,
            operator=Operator.AND,
            filter={"duration": {"gte": 10}},
            page_limit=20,
            include_user_metadata=True,
        )
    )
    assert parts(call) == [
        ("index_id", "i1"),
        ("search_options", "visual"),
        ("search_options", "transcription"),
        ("transcription_options", "lexical"),
        ("query_text", "<@e1> waves"),
        ("query_media_type", "image"),
        ("query_media_file", IMAGE),
        ("query_media_url", "https://host/b.png"),
        ("group_by", "video"),
        ("operator", "and"),
        ("page_limit", "20"),
        ("filter", '{"duration": {"gte": 10}}'),
        ("include_user_metadata", "true"),
    ]
    assert (call.name, call.category) == ("POST /search", RateCategory.SEARCH)


@pytest.mark.parametrize("dialect", [TODAY, V1_2, V1_1])
def test_query_is_not_repeatable_but_its_pages_are(dialect: Dialect) -> None:
    assert not dialect.search(asking()).repeatable
    assert dialect.search_page("t-1", asking()).repeatable


def test_older_option_names_map_to_v1_3() -> None:
    older = (SearchOption.CONVERSATION, SearchOption.TEXT_IN_VIDEO, SearchOption.LOGO, SearchOption.VISUAL)
    sent = [value for name, value in parts(TODAY.search(asking(*older))) if name == "search_options"]
    assert sent == ["transcription", "visual"]


@pytest.mark.parametrize(("dialect", "word"), [(V1_2, "exact_match"), (V1_1, "transcription")])
def test_text_query_in_older_generations(dialect: Dialect, word: str) -> None:
    request = asking(SearchOption.TRANSCRIPTION, transcription_options=[LEXICAL], filter={"id": ["v1"]})
    sent = content(dialect.search(request))
    assert sent["search_options"] == ["conversation"]
    assert sent["conversation_option"] == word
    assert (sent["query"], sent["index_id"], sent["filter"]) == ("red car", "i1", {"id": ["v1"]})


@pytest.mark.parametrize("dialect", [V1_2, V1_1])
@pytest.mark.parametrize(("options", "word"), [((), None), ([SEMANTIC], "semantic"), ([LEXICAL, SEMANTIC], "semantic")])
def test_transcription_options_in_older_generations(dialect: Dialect, options: Any, word: str | None) -> None:
    request = asking(SearchOption.CONVERSATION, transcription_options=options)
    assert content(dialect.search(request)).get("conversation_option") == word


def test_additions_of_v1_2() -> None:
    request = asking(group_by=GroupBy.VIDEO, threshold=Threshold.HIGH, sort_option=SortOption.CLIP_COUNT)
    sent = content(V1_2.search(request))
    assert (sent["group_by"], sent["threshold"], sent["sort_option"]) == ("video", "high", "clip_count")
    assert not {"group_by", "threshold", "sort_option"} & set(content(V1_1.search(asking())))


def test_image_query_in_v1_2() -> None:
    request = asking(SearchOption.VISUAL, SearchOption.LOGO, images=[IMAGE], filter={"id": ["v1"]})
    call = V1_2.search(request)
    assert call.path == "/search-v2"
    sent = parts(call)
    assert [value for name, value in sent if name == "search_options"] == ["visual", "logo"]
    assert ("filter", '{"id": ["v1"]}') in sent
    assert sent[-2:] == [("query_media_type", "image"), ("query_media_file", IMAGE)]
    assert V1_2.search_page("t-1", request).path == "/search-v2/t-1"


def test_boolean_query_in_v1_2() -> None:
    tree = {"$and": [{"text": "a"}, {"$not": {"text": "b"}}]}
    request = asking(query_tree=tree)
    call = V1_2.search(request)
    assert (call.path, content(call)["query"]) == ("/search/combined", tree)
    assert V1_2.search_page("t-1", request).path == "/search/combined/t-1"


@pytest.mark.parametrize(
    ("dialect", "request_", "said"),
    [
        (TODAY, asking(query_tree={"text": "a"}), "boolean queries"),
        (TODAY, asking(threshold=Threshold.LOW), "threshold"),
        (TODAY, asking(sort_option=SortOption.SCORE), "sort_option"),
        (V1_2, asking(SearchOption.AUDIO), "audio"),
        (V1_2, asking(text="<@e1> runs"), "entities"),
        (V1_2, asking(text="a", images=[IMAGE]), "not both"),
        (V1_2, asking(images=[IMAGE, IMAGE]), "one image"),
        (V1_2, asking(include_user_metadata=True), "user metadata"),
        (V1_1, asking(images=[IMAGE]), "images"),
        (V1_1, asking(query_tree={"text": "a"}), "query_tree"),
        (V1_1, asking(group_by=GroupBy.VIDEO), "group_by"),
        (V1_1, asking(threshold=Threshold.LOW), "threshold"),
        (V1_1, asking(SearchOption.VISUAL, SearchOption.CONVERSATION, transcription_options=[LEXICAL]), "alone"),
    ],
)
def test_option_that_a_generation_lacks_names_the_alternative(
    dialect: Dialect, request_: SearchRequest, said: str
) -> None:
    with pytest.raises(TwelveLabsUnsupportedError, match=said):
        dialect.search(request_)


@pytest.mark.parametrize("dialect", [TODAY, V1_2, V1_1])
@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (asking(text="a", query_tree={"text": "b"}), "no text and no images"),
        (asking(transcription_options=[LEXICAL]), "need the search option"),
    ],
)
def test_parts_that_the_service_would_ignore_are_refused(dialect: Dialect, request_: SearchRequest, said: str) -> None:
    with pytest.raises(TwelveLabsBadRequestError, match=said):
        dialect.search(request_)


def test_repr_hides_image_urls() -> None:
    assert "hunter2" not in repr(asking(images=["https://host/a.png?sig=hunter2"]))
    assert "hunter2" not in repr(TODAY.search(asking(images=["https://host/a.png?sig=hunter2"])))


def test_page_in_v1_3_is_parsed() -> None:
    page = SearchPage.read(
        {
            "data": [{**NOW, "rank": 1, "transcription": "hello", "thumbnail_url": "https://x?sig=1", "new": 1}],
            "page_info": {"total_results": 42, "next_page_token": "t-1", "page_expires_at": "2026-06-01T11:00:00Z"},
            "search_pool": {"index_id": "i1", "total_count": 5, "total_duration": 3021.0},
        }
    )
    (match,) = page.matches
    assert (match.video_id, match.start, match.end, match.rank) == ("v1", 12.0, 18.5, 1)
    assert (match.transcription, match.score, match.modules, match.user_metadata) == ("hello", None, (), {})
    assert match.raw["new"] == 1
    assert "sig=1" not in repr(page)
    assert (page.total_results, page.next_token, page.expires_at) == (42, "t-1", "2026-06-01T11:00:00Z")
    assert (page.pool.index_id, page.pool.total_count, page.pool.total_duration) == ("i1", 5, 3021.0)
    assert page.groups == ()


def test_grouped_results_are_parsed() -> None:
    page = SearchPage.read(
        {
            "data": [
                {"id": "v1", "user_metadata": {"a": 1}, "clips": [{"start": 1, "end": 2, "rank": 2}]},
                {"id": "v2", "clips": [{**NOW, "video_id": "v2"}, {"start": 3, "end": 4, "video_id": "v2"}]},
            ]
        }
    )
    assert [(group.video_id, len(group.matches)) for group in page.groups] == [("v1", 1), ("v2", 2)]
    assert [match.identity for match in page.matches] == [("v1", 1.0, 2.0), ("v2", 12.0, 18.5), ("v2", 3.0, 4.0)]
    assert page.matches[0].user_metadata == {"a": 1}
    assert page.next_token is None


def test_page_in_older_generations_is_parsed() -> None:
    metadata = [{"type": "visual"}, {"type": "conversation", "text": "hello"}]
    page = SearchPage.read(
        {
            "data": [
                {**NOW, "score": 87.76, "confidence": "mid", "metadata": metadata},
                {**NOW, "score": 80, "confidence": "high", "modules": [{"type": "visual", "confidence": "high"}]},
            ],
            "page_info": {"page_expired_at": "2022-07-24T10:00:00Z"},
        }
    )
    first, second = page.matches
    assert (first.score, first.confidence, first.transcription) == (87.76, "medium", "hello")
    assert first.modules == ("visual", "conversation")
    assert (second.modules, second.rank) == (("visual",), None)
    assert page.expires_at == "2022-07-24T10:00:00Z"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"data": ["x"]},
        {"data": [{"start": 1, "end": 2}]},
        {"data": [{**NOW, "start": "soon"}]},
        {"data": [{**NOW, "end": float("nan")}]},
        {"data": [{"id": "v1", "clips": [{"start": 1}]}]},
    ],
)
def test_invalid_responses_are_refused(answer: Any) -> None:
    with pytest.raises(TwelveLabsAnswerError):
        SearchPage.read(answer)


@pytest.mark.parametrize(
    ("status", "code", "expired"),
    [
        (400, "search_page_token_expired", True),
        (400, "105", True),
        (410, None, True),
        (400, "parameter_invalid", False),
        (404, "resource_not_exist", False),
        (500, "105", False),
        (None, None, False),
    ],
)
def test_errors_of_an_expired_page(status: int | None, code: str | None, expired: bool) -> None:
    assert is_expired(TwelveLabsError("refused", ErrorDetails(status, code))) is expired
