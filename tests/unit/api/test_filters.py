"""Filters of lists in each generation."""

from __future__ import annotations

import pendulum
import pytest

from twelvelabs_provider.api import indexed_assets
from twelvelabs_provider.api.call import JsonBody, query_pairs
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsUnsupportedError
from twelvelabs_provider.api.filters import Between, IndexFilter, VideoFilter
from twelvelabs_provider.api.generations import V1_1, V1_2, V1_3
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.api.version import ApiVersion

NOON = pendulum.datetime(2026, 6, 1, 14, tz="Europe/Berlin")
PAGE = {"page": "1", "page_limit": "50", "sort_by": "created_at", "sort_option": "desc"}


def sent(where: VideoFilter) -> dict[str, str]:
    """Return the query of a list of videos, without its paging."""
    query = dict(V1_3.list_videos("i", where=where).query)
    assert query == dict(V1_2.list_videos("i", where=where).query)
    assert query.items() >= PAGE.items()
    return {name: value for name, value in query.items() if name not in PAGE}


def test_empty_filter_adds_no_parameters() -> None:
    assert sent(VideoFilter()) == {}
    assert sent(VideoFilter(duration=Between())) == {}


@pytest.mark.parametrize(
    ("where", "query"),
    [
        (VideoFilter(filename="a b&c.mp4"), {"filename": "a b&c.mp4"}),
        (VideoFilter(duration=Between(60, 600.5)), {"duration[gte]": "60", "duration[lte]": "600.5"}),
        (VideoFilter(width=Between(least=1280)), {"width[gte]": "1280"}),
        (VideoFilter(height=Between.exactly(720.0)), {"height[gte]": "720", "height[lte]": "720"}),
        (VideoFilter(size=Between(most=4 * 1024**3)), {"size[lte]": "4294967296"}),
        (VideoFilter(fps=Between(29.97, 29.97)), {"fps[gte]": "29.97", "fps[lte]": "29.97"}),
        (VideoFilter(created_since=NOON), {"created_at": "2026-06-01T12:00:00Z"}),
        (VideoFilter(updated_since=NOON), {"updated_at": "2026-06-01T12:00:00Z"}),
        (
            VideoFilter(user_metadata={"category": "news", "views": 3, "public": True}),
            {"category": "news", "views": "3", "public": "true"},
        ),
    ],
    ids=str,
)
def test_filter_uses_the_spelling_of_the_service(where: VideoFilter, query: dict[str, str]) -> None:
    assert sent(where) == query


@pytest.mark.parametrize("name", ["page", "duration", "filename", "width[gte]", "user_metadata", ""])
def test_metadata_field_with_a_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(TwelveLabsBadRequestError, match="its own parameter"):
        VideoFilter(user_metadata={name: "x"}).query()


def test_index_filter_of_each_generation() -> None:
    where = IndexFilter(name="demo", options=("visual", "audio"), family="marengo", created_since=NOON)
    same = {**PAGE, "index_name": "demo", "created_at": "2026-06-01T12:00:00Z"}
    words = {"model_options": "visual,audio", "model_family": "marengo"}
    assert dict(V1_3.list_indexes(where=where).query) == {**same, **words}
    words = {"engine_options": "visual,audio", "engine_family": "marengo"}
    assert dict(V1_2.list_indexes(where=where).query) == {**same, **words}
    oldest = V1_1.list_indexes(where=IndexFilter(options=("visual",)))
    assert dict(oldest.query) == {**PAGE, "index_options": "visual"}
    with pytest.raises(TwelveLabsUnsupportedError, match="compare their models"):
        V1_1.list_indexes(where=where)


def test_sort_order_oldest_first() -> None:
    assert dict(V1_3.list_videos("i", paging=Paging(2, 5, descending=False)).query) == {
        **PAGE,
        "page": "2",
        "page_limit": "5",
        "sort_option": "asc",
    }


def test_task_filter_uses_exact_numbers() -> None:
    query = V1_3.list_tasks(duration=6.5, width=640, height=360, created_since=NOON).query
    narrow = {"duration": "6.5", "width": "640", "height": "360", "created_at": "2026-06-01T12:00:00Z"}
    assert dict(query) == {**PAGE, **narrow}


def test_included_fields_are_requested() -> None:
    for read in (V1_3.read_video, V1_3.read_indexed_asset):
        assert read("i", "v").query == ()
        query = read("i", "v", transcription=True, embedding_option=["visual", "audio"]).query
        assert query == query_pairs({"transcription": True, "embedding_option": ["visual", "audio"]})


def test_included_fields_that_older_generations_lack_are_refused() -> None:
    with pytest.raises(TwelveLabsUnsupportedError, match=r"transcription\(\)"):
        V1_2.read_video("i", "v", transcription=True)
    with pytest.raises(TwelveLabsUnsupportedError, match=r"v1\.3"):
        V1_2.read_video("i", "v", embedding_option=["visual"])


def test_title_is_refused_in_v1_3() -> None:
    with pytest.raises(TwelveLabsUnsupportedError, match="user_metadata"):
        V1_3.update_video("i", "v", title="Winter")
    assert V1_2.update_video("i", "v", title="Winter").body == JsonBody({"video_title": "Winter"})


def test_indexed_assets_are_updated_in_v1_3_only() -> None:
    call = indexed_assets.update_indexed_asset("i", "v", {"a": 1, "b": None})
    assert (call.name, call.only) == ("PATCH /indexes/i/indexed-assets/v", (ApiVersion.V1_3,))
    assert call.body == JsonBody({"user_metadata": {"a": 1, "b": None}})
    assert "update_video()" in call.instead
    assert call.repeatable
