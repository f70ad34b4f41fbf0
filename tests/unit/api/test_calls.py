"""Requests of every call of every generation, and parsed responses."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pendulum
import pytest

from twelvelabs_provider.api.analysis.request import AnalysisMode, AnalysisRequest, SourceKind, VideoSource
from twelvelabs_provider.api.analysis.summaries import SummaryKind
from twelvelabs_provider.api.call import Call, FilePart, FormBody, JsonBody, ensure_supported, path_of, query_pairs
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsUnsupportedError
from twelvelabs_provider.api.filters import VideoFilter
from twelvelabs_provider.api.generations import V1_1, V1_2, V1_3, Dialect, dialect_for
from twelvelabs_provider.api.models import Model
from twelvelabs_provider.api.resources import IndexingRoute, Paging
from twelvelabs_provider.api.version import ApiVersion

VIDEO = FilePart("a.mp4", lambda: BytesIO(b"video"), 5, "video/mp4")
SUBTITLES = FilePart("a.srt", lambda: BytesIO(b"1"), 1, "text/plain")
LIST = {"page": "1", "page_limit": "50", "sort_by": "created_at", "sort_option": "desc"}
MOMENT = pendulum.datetime(2026, 6, 1, 12, 0, tz="Europe/Berlin")
ANALYSIS = AnalysisRequest("c03", prompt="What is it about?", max_tokens=4096, temperature=0.2, custom_id="dagrun-42")

Build = Callable[[Dialect], Call[Any]]
Case = tuple[str, Build, str, dict[str, Any], Any]


def asked(call: Call[Any]) -> tuple[str, dict[str, Any], Any]:
    """Return what a call sends; keys that repeat become lists."""
    query: dict[str, Any] = {}
    for name, value in call.query:
        query[name] = value if name not in query else [*_listed(query[name]), value]
    match call.body:
        case JsonBody():
            return call.name, query, dict(call.body.content)
        case FormBody():
            return call.name, query, list(call.body.parts)
    return call.name, query, None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# What all generations send alike.
SHARED: list[Case] = [
    (
        "find_index",
        lambda api: api.find_index("demo"),
        "GET /indexes",
        {"index_name": "demo", "page_limit": "50"},
        None,
    ),
    ("list_indexes", lambda api: api.list_indexes(), "GET /indexes", LIST, None),
    (
        "list_indexes, a page",
        lambda api: api.list_indexes(Paging(3, 10, "updated_at")),
        "GET /indexes",
        {**LIST, "page": "3", "page_limit": "10", "sort_by": "updated_at"},
        None,
    ),
    ("read_index", lambda api: api.read_index("i1"), "GET /indexes/i1", {}, None),
    ("rename_index", lambda api: api.rename_index("i1", "new"), "PUT /indexes/i1", {}, {"index_name": "new"}),
    ("delete_index", lambda api: api.delete_index("i1"), "DELETE /indexes/i1", {}, None),
    ("read_task", lambda api: api.read_task("t1"), "GET /tasks/t1", {}, None),
    ("list_tasks", lambda api: api.list_tasks(), "GET /tasks", LIST, None),
    (
        "list_tasks, filtered",
        lambda api: api.list_tasks(
            index_id="i1", status=["ready", "failed"], filename="a b.mp4", updated_since=MOMENT.in_timezone("UTC")
        ),
        "GET /tasks",
        {
            **LIST,
            "index_id": "i1",
            "status": ["ready", "failed"],
            "filename": "a b.mp4",
            "updated_at": "2026-06-01T10:00:00Z",
        },
        None,
    ),
    ("delete_task", lambda api: api.delete_task("t1"), "DELETE /tasks/t1", {}, None),
    ("read_video", lambda api: api.read_video("i1", "v1"), "GET /indexes/i1/videos/v1", {}, None),
    (
        "list_videos",
        lambda api: api.list_videos("i1", where=VideoFilter(filename="a.mp4")),
        "GET /indexes/i1/videos",
        {**LIST, "filename": "a.mp4"},
        None,
    ),
    ("delete_video", lambda api: api.delete_video("i1", "v1"), "DELETE /indexes/i1/videos/v1", {}, None),
]
TODAY: list[Case] = [
    *SHARED,
    (
        "update_video",
        lambda api: api.update_video("i1", "v1", user_metadata={"category": "news", "old": None}),
        "PATCH /indexes/i1/videos/v1",
        {},
        {"user_metadata": {"category": "news", "old": None}},
    ),
    (
        "create_index",
        lambda api: api.create_index("demo"),
        "POST /indexes",
        {},
        {"index_name": "demo", "models": [{"model_name": "marengo3.0", "model_options": ["visual", "audio"]}]},
    ),
    (
        "create_index, other models",
        lambda api: api.create_index("demo", [Model("marengo3.0", ("visual",)), Model("pegasus1.2", ("audio",))]),
        "POST /indexes",
        {},
        {
            "index_name": "demo",
            "models": [
                {"model_name": "marengo3.0", "model_options": ["visual"]},
                {"model_name": "pegasus1.2", "model_options": ["audio"]},
            ],
        },
    ),
    (
        "create_task, file",
        lambda api: api.create_task("i1", VIDEO),
        "POST /tasks",
        {},
        [("index_id", "i1"), ("video_file", VIDEO)],
    ),
    (
        "create_task, address",
        lambda api: api.create_task("i1", "https://media.example/a.mp4?sig=1", user_metadata={"dag": "x", "n": 1}),
        "POST /tasks",
        {},
        [
            ("index_id", "i1"),
            ("user_metadata", '{"dag": "x", "n": 1}'),
            ("video_url", "https://media.example/a.mp4?sig=1"),
        ],
    ),
    (
        "transcription",
        lambda api: api.transcription("i1", "v1", start=1, end=2),
        "GET /indexes/i1/videos/v1",
        {"transcription": "true"},
        None,
    ),
    (
        "create_asset, file",
        lambda api: api.create_asset(VIDEO, user_metadata={"dag": "x"}),
        "POST /assets",
        {},
        [
            ("filename", "a.mp4"),
            ("enable_hls", "false"),
            ("enable_thumbnail", "false"),
            ("user_metadata", '{"dag": "x"}'),
            ("method", "direct"),
            ("file", VIDEO),
        ],
    ),
    (
        "create_asset, address",
        lambda api: api.create_asset("https://media.example/a.mp4"),
        "POST /assets",
        {},
        [
            ("enable_hls", "false"),
            ("enable_thumbnail", "false"),
            ("method", "url"),
            ("url", "https://media.example/a.mp4"),
        ],
    ),
    (
        "create_asset, named address",
        lambda api: api.create_asset("https://media.example/a.mp4", filename="b.mp4"),
        "POST /assets",
        {},
        [
            ("filename", "b.mp4"),
            ("enable_hls", "false"),
            ("enable_thumbnail", "false"),
            ("method", "url"),
            ("url", "https://media.example/a.mp4"),
        ],
    ),
    ("read_asset", lambda api: api.read_asset("c03"), "GET /assets/c03", {}, None),
    ("delete_asset", lambda api: api.delete_asset("c03"), "DELETE /assets/c03", {}, None),
    (
        "delete_asset, by force",
        lambda api: api.delete_asset("c03", force=True),
        "DELETE /assets/c03",
        {"force": "true"},
        None,
    ),
    (
        "asset_transcription",
        lambda api: api.asset_transcription("c03", include=("words", "utterances")),
        "GET /assets/c03/transcription",
        {"include": ["words", "utterances"]},
        None,
    ),
    (
        "create_indexed_asset",
        lambda api: api.create_indexed_asset("i1", "c03"),
        "POST /indexes/i1/indexed-assets",
        {},
        {"asset_id": "c03", "enable_video_stream": False},
    ),
    (
        "create_indexed_asset, with metadata",
        lambda api: api.create_indexed_asset("i1", "c03", user_metadata={"dag": "x"}),
        "POST /indexes/i1/indexed-assets",
        {},
        {"asset_id": "c03", "enable_video_stream": False, "user_metadata": {"dag": "x"}},
    ),
    (
        "find_indexed_asset",
        lambda api: api.find_indexed_asset("i1", "c03"),
        "GET /assets/c03/indexed-assets",
        {"page_limit": "50"},
        None,
    ),
    (
        "read_indexed_asset",
        lambda api: api.read_indexed_asset("i1", "v1"),
        "GET /indexes/i1/indexed-assets/v1",
        {},
        None,
    ),
    (
        "list_indexed_assets",
        lambda api: api.list_indexed_assets("i1", status=["ready", "failed"], where=VideoFilter(filename="a.mp4")),
        "GET /indexes/i1/indexed-assets",
        {**LIST, "status": ["ready", "failed"], "filename": "a.mp4"},
        None,
    ),
    (
        "delete_indexed_asset",
        lambda api: api.delete_indexed_asset("i1", "v1"),
        "DELETE /indexes/i1/indexed-assets/v1",
        {},
        None,
    ),
    (
        "create_analysis_task",
        lambda api: api.create_analysis_task(ANALYSIS),
        "POST /analyze/tasks",
        {},
        {
            "model_name": "pegasus1.5",
            "video": {"type": "asset_id", "asset_id": "c03"},
            "analysis_mode": "general",
            "prompt": "What is it about?",
            "max_tokens": 4096,
            "temperature": 0.2,
            "custom_id": "dagrun-42",
        },
    ),
    ("read_analysis_task", lambda api: api.read_analysis_task("a01"), "GET /analyze/tasks/a01", {}, None),
    (
        "list_analysis_tasks",
        lambda api: api.list_analysis_tasks(
            status="ready", asset_id="c03", video_url="https://m.example/a.mp4", analysis_mode=AnalysisMode.GENERAL
        ),
        "GET /analyze/tasks",
        {
            "page": "1",
            "page_limit": "50",
            "status": "ready",
            "asset_id": "c03",
            "video_url": "https://m.example/a.mp4",
            "analysis_mode": "general",
        },
        None,
    ),
    ("delete_analysis_task", lambda api: api.delete_analysis_task("a01"), "DELETE /analyze/tasks/a01", {}, None),
    (
        "analyze",
        lambda api: api.analyze(AnalysisRequest("c03", prompt="What?", temperature=0.0)),
        "POST /analyze",
        {},
        {
            "model_name": "pegasus1.5",
            "video": {"type": "asset_id", "asset_id": "c03"},
            "prompt": "What?",
            "temperature": 0.0,
            "stream": False,
        },
    ),
    (
        "analyze_stream",
        lambda api: api.analyze_stream(
            AnalysisRequest(VideoSource(SourceKind.URL, "https://h/v1.mp4"), model="pegasus1.6", prompt="What?")
        ),
        "POST /analyze",
        {},
        {
            "model_name": "pegasus1.6",
            "video": {"type": "url", "url": "https://h/v1.mp4"},
            "prompt": "What?",
            "stream": True,
        },
    ),
    (
        "cancel_analysis_task",
        lambda api: api.cancel_analysis_task("a01"),
        "POST /analyze/tasks/a01/cancel",
        {},
        None,
    ),
]
OLDER: list[Case] = [
    *SHARED,
    (
        "update_video",
        lambda api: api.update_video("i1", "v1", user_metadata={"category": "news"}, title="Winter"),
        "PUT /indexes/i1/videos/v1",
        {},
        {"video_title": "Winter", "metadata": {"category": "news"}},
    ),
    (
        "create_task, file",
        lambda api: api.create_task("i1", VIDEO),
        "POST /tasks",
        {},
        [("index_id", "i1"), ("language", "en"), ("video_file", VIDEO)],
    ),
    (
        "create_task, file and given transcript",
        lambda api: api.create_task("i1", VIDEO, transcription=SUBTITLES),
        "POST /tasks",
        {},
        [
            ("index_id", "i1"),
            ("language", "en"),
            ("provide_transcription", "true"),
            ("transcription_file", SUBTITLES),
            ("video_file", VIDEO),
        ],
    ),
    (
        "create_task, addresses",
        lambda api: api.create_task(
            "i1", "https://media.example/a.mp4", transcription="https://media.example/a.srt", language="de"
        ),
        "POST /tasks",
        {},
        [
            ("index_id", "i1"),
            ("language", "de"),
            ("provide_transcription", "true"),
            ("transcription_url", "https://media.example/a.srt"),
            ("video_url", "https://media.example/a.mp4"),
        ],
    ),
    (
        "transcription",
        lambda api: api.transcription("i1", "v1"),
        "GET /indexes/i1/videos/v1/transcription",
        {},
        None,
    ),
    (
        "transcription, window",
        lambda api: api.transcription("i1", "v1", start=0, end=1.5),
        "GET /indexes/i1/videos/v1/transcription",
        {"start": "0", "end": "1.5"},
        None,
    ),
    (
        "text_in_video",
        lambda api: api.text_in_video("i1", "v1", start=2.5),
        "GET /indexes/i1/videos/v1/text-in-video",
        {"start": "2.5"},
        None,
    ),
]
ENGINES: dict[ApiVersion, dict[str, Any]] = {
    ApiVersion.V1_2: {
        "engines": [{"engine_name": "marengo2.6", "engine_options": ["visual", "conversation", "text_in_video"]}]
    },
    ApiVersion.V1_1: {"engine_id": "marengo2.5", "index_options": ["visual", "conversation", "text_in_video"]},
}


def _older(version: ApiVersion) -> list[Case]:
    body = {"index_name": "demo", **ENGINES[version]}
    return [*OLDER, ("create_index", lambda api: api.create_index("demo"), "POST /indexes", {}, body)]


PROMPTED = AnalysisRequest(VideoSource(SourceKind.INDEXED, "v1"), prompt="What?", temperature=0.5)
GENERATED: list[Case] = [
    (
        "analyze",
        lambda api: api.analyze(PROMPTED),
        "POST /generate",
        {},
        {"video_id": "v1", "prompt": "What?", "temperature": 0.5, "stream": False},
    ),
    (
        "analyze_stream",
        lambda api: api.analyze_stream(PROMPTED),
        "POST /generate",
        {},
        {"video_id": "v1", "prompt": "What?", "temperature": 0.5, "stream": True},
    ),
    (
        "summarize",
        lambda api: api.summarize("v1", SummaryKind.CHAPTERS, prompt="For children."),
        "POST /summarize",
        {},
        {"video_id": "v1", "type": "chapter", "prompt": "For children."},
    ),
    (
        "summarize, gist",
        lambda api: api.summarize("v1", SummaryKind.GIST),
        "POST /gist",
        {},
        {"video_id": "v1", "types": ["title", "topic", "hashtag"]},
    ),
]
ALL: dict[ApiVersion, list[Case]] = {
    ApiVersion.V1_3: TODAY,
    ApiVersion.V1_2: [*_older(ApiVersion.V1_2), *GENERATED],
    ApiVersion.V1_1: _older(ApiVersion.V1_1),
}
EVERY = [pytest.param(version, *case[1:], id=f"{version.value} {case[0]}") for version in ALL for case in ALL[version]]


@pytest.mark.parametrize(("version", "build", "name", "query", "body"), EVERY)
def test_requests_of_each_generation(
    version: ApiVersion, build: Build, name: str, query: dict[str, Any], body: Any
) -> None:
    assert asked(build(dialect_for(version))) == (name, query, body)


@pytest.mark.parametrize("version", list(ApiVersion))
def test_table_has_every_call_of_the_generation(version: ApiVersion) -> None:
    calls = {name for name, member in vars(Dialect).items() if isinstance(member, staticmethod)}
    known = {case[0].partition(",")[0] for case in ALL[version]} | {"indexing_route", "ensure_takes_transcription"}
    known |= ELSEWHERE
    refused = {name for dialect, name, *_ in UNSUPPORTED if dialect is dialect_for(version)}
    assert calls == known | refused


@pytest.mark.parametrize(("version", "build", "name", "query", "body"), EVERY)
def test_only_reads_and_deletes_are_idempotent(
    version: ApiVersion, build: Build, name: str, query: dict[str, Any], body: Any
) -> None:
    call = build(dialect_for(version))
    assert call.repeatable is (call.method.value != "POST" or name.endswith("/cancel"))
    assert call.missing_is_done is (call.method.value == "DELETE")


def test_idempotency_key_makes_an_analysis_repeatable() -> None:
    call = V1_3.create_analysis_task(ANALYSIS, idempotency_key="k1")
    assert call.repeatable
    assert dict(call.headers) == {"Idempotency-Key": "k1"}
    assert dict(V1_3.create_analysis_task(ANALYSIS).headers) == {}


# Calls whose tables stand in files of their own.
ELSEWHERE = {
    # test_embeddings.py
    *("create_embedding_task", "create_embeddings", "embedding_task_status", "indexed_embeddings"),
    *("list_embedding_tasks", "read_embedding_task"),
    # test_search.py
    *("search", "search_page"),
    # test_transfers.py
    *("count_tasks", "create_transfers", "list_engines", "logo", "read_engine", "thumbnail"),
}

UNSUPPORTED: list[tuple[Dialect, str, Callable[[Dialect], Any], str]] = [
    (V1_3, "summarize", lambda api: api.summarize("v", SummaryKind.GIST), r"summary_request\(\)"),
    (V1_3, "text_in_video", lambda api: api.text_in_video("i", "v"), r"on_screen_text_request\(\)"),
    (V1_3, "create_task", lambda api: api.create_task("i", "u", transcription="u"), "TwelveLabsExtractTranscription"),
    (V1_3, "create_task", lambda api: api.create_task("i", "u", language="en"), "leave language out"),
    (V1_1, "analyze", lambda api: api.analyze(PROMPTED), r"transcription\(\) and text_in_video\(\)"),
    (V1_1, "analyze_stream", lambda api: api.analyze_stream(PROMPTED), "v1.2 or v1.3"),
    (V1_1, "summarize", lambda api: api.summarize("v", SummaryKind.GIST), "api_version v1.2"),
    (V1_1, "create_index", lambda api: api.create_index("n", [Model("a", ()), Model("b", ())]), "one engine per index"),
    *(
        (older, *entry)
        for older in (V1_2, V1_1)
        for entry in (
            ("create_task", lambda api: api.create_task("i", "u", user_metadata={"a": 1}), "set it later"),
            ("create_asset", lambda api: api.create_asset("u"), r"create_task\(\)"),
            ("read_asset", lambda api: api.read_asset("c"), r"read_video\(\)"),
            ("delete_asset", lambda api: api.delete_asset("c"), r"delete_video\(\)"),
            ("asset_transcription", lambda api: api.asset_transcription("c"), r"transcription\(\)"),
            ("create_indexed_asset", lambda api: api.create_indexed_asset("i", "c"), r"create_task\(\)"),
            ("find_indexed_asset", lambda api: api.find_indexed_asset("i", "c"), r"list_videos\(\)"),
            ("read_indexed_asset", lambda api: api.read_indexed_asset("i", "v"), r"read_task\(\)"),
            ("list_indexed_assets", lambda api: api.list_indexed_assets("i"), r"list_videos\(\)"),
            ("delete_indexed_asset", lambda api: api.delete_indexed_asset("i", "v"), r"delete_video\(\)"),
            ("create_analysis_task", lambda api: api.create_analysis_task(ANALYSIS), "api_version v1.3"),
            ("read_analysis_task", lambda api: api.read_analysis_task("a"), "api_version v1.3"),
            ("list_analysis_tasks", lambda api: api.list_analysis_tasks(), "api_version v1.3"),
            ("cancel_analysis_task", lambda api: api.cancel_analysis_task("a"), "api_version v1.3"),
            ("delete_analysis_task", lambda api: api.delete_analysis_task("a"), "api_version v1.3"),
        )
    ),
]


@pytest.mark.parametrize(("api", "name", "build", "nearest_way"), UNSUPPORTED)
def test_call_that_a_generation_lacks_names_the_alternative(
    api: Dialect, name: str, build: Callable[[Dialect], Any], nearest_way: str
) -> None:
    version = next(version for version in ApiVersion if dialect_for(version) is api)
    with pytest.raises(TwelveLabsUnsupportedError, match=nearest_way):
        ensure_supported(build(api), version)


def test_older_generations_differ_in_index_and_search_only() -> None:
    names = {name for name, member in vars(Dialect).items() if isinstance(member, staticmethod)}
    differing = {name for name in names if getattr(V1_1, name) is not getattr(V1_2, name)}
    assert differing == {"create_index", "list_indexes", "search"}


def test_source_is_indexed_as_an_asset_in_v1_3_only() -> None:
    assert V1_3.indexing_route() is IndexingRoute.ASSET
    assert V1_2.indexing_route() is IndexingRoute.TASK


@pytest.mark.parametrize(
    ("segments", "path"),
    [
        (("indexes", "665f"), "/indexes/665f"),
        (("indexes", "../tasks"), "/indexes/..%2Ftasks"),
        (("indexes", "a/b"), "/indexes/a%2Fb"),
        (("indexes", "a?b#c%d"), "/indexes/a%3Fb%23c%25d"),
        (("indexes", "..."), "/indexes/..."),
        (("indexes", "ü x\n"), "/indexes/%C3%BC%20x%0A"),
    ],
)
def test_id_is_encoded_in_the_path(segments: tuple[str, ...], path: str) -> None:
    assert path_of(*segments) == path


@pytest.mark.parametrize("identifier", ["", ".", ".."])
def test_id_with_path_segments_is_refused(identifier: str) -> None:
    """HTTP libraries and proxies resolve dot segments: deleting the index ``..`` would delete something else."""
    for call in (V1_3.delete_index, V1_3.delete_asset, V1_3.read_analysis_task):
        with pytest.raises(TwelveLabsBadRequestError, match=repr(identifier).replace(".", r"\.")):
            call(identifier)


def test_query_uses_the_spelling_of_the_service() -> None:
    query = {"a": True, "b": None, "c": ["x", None, "y"], "d": [], "e": 0, "f": IndexingRoute.TASK, "g": False}
    pairs = (("a", "true"), ("c", "x"), ("c", "y"), ("e", "0"), ("f", "task"), ("g", "false"))
    assert query_pairs(query) == pairs


def test_repr_of_a_form_hides_its_values() -> None:
    call = V1_3.create_asset("https://media.example/a.mp4?X-Amz-Signature=SIGNATURE")
    assert "SIGNATURE" not in repr(call)
