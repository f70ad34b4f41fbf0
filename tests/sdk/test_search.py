"""Search with the vendor's client: pages, images, errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from twelvelabs import BadRequestError, TwelveLabs
from twelvelabs.core.api_error import ApiError
from twelvelabs.types import SearchItem

from tests.engine.frames import frame_of

if TYPE_CHECKING:
    from tests.conftest import Library
    from tests.engine_process import Engine

SAID = ["transcription"]


@pytest.fixture
def still(sample: Path, tmp_path: Path) -> Path:
    """A picture of the sample's tenth second."""
    return frame_of(sample, tmp_path / "still.png", 10)


def test_text_query(client: TwelveLabs, library: Library) -> None:
    found = client.search.create(
        index_id=library.index_id,
        search_options=["transcription", "visual"],
        query_text="children",
        transcription_options=["lexical", "semantic"],
        operator="or",
        filter=json.dumps({"duration": {"gte": 10}}),
        include_user_metadata=True,
    )
    assert found.data and isinstance(found.data[0], SearchItem)
    best = found.data[0]
    assert (best.rank, best.video_id, best.user_metadata) == (1, library.video_id, {})
    assert best.start is not None and best.end is not None and best.start < best.end
    assert "children" in (best.transcription or "")
    assert found.search_pool and (found.search_pool.total_count, found.search_pool.index_id) == (1, library.index_id)
    assert found.page_info and found.page_info.total_results == len(found.data)
    assert found.page_info.page_expires_at


def test_pager_reads_all_pages(client: TwelveLabs, library: Library) -> None:
    pager = client.search.query(index_id=library.index_id, search_options=SAID, query_text="the", page_limit=2)
    items = list(pager)
    assert [item.rank for item in items] == list(range(1, len(items) + 1))
    assert len(items) > 2
    assert len({(item.start, item.end) for item in items}) == len(items)


def test_page_by_token(client: TwelveLabs, library: Library) -> None:
    first = client.search.create(index_id=library.index_id, search_options=SAID, query_text="the", page_limit=1)
    assert first.page_info and first.page_info.next_page_token
    second = client.search.retrieve(first.page_info.next_page_token, include_user_metadata=True)
    assert second.data and second.data[0].rank == 2
    assert second.page_info and second.page_info.prev_page_token == first.page_info.next_page_token[:-1] + "0"
    assert client.search.retrieve(second.page_info.prev_page_token).data == first.data


def test_groups(client: TwelveLabs, library: Library) -> None:
    (group,) = client.search.query(
        index_id=library.index_id, search_options=SAID, query_text="the children", group_by="video"
    )
    assert group.id == library.video_id
    assert group.clips and [clip.rank for clip in group.clips] == list(range(1, len(group.clips) + 1))


def test_images(client: TwelveLabs, library: Library, still: Path, site: Any) -> None:
    image: dict[str, Any] = {
        "index_id": library.index_id,
        "search_options": ["visual"],
        "query_media_type": "image",
    }
    content = still.read_bytes()
    ways: list[dict[str, Any]] = [
        {"query_media_file": content},
        {"query_media_url": site(still)},
        {"query_media_files": [content, content]},
        {"query_media_urls": [site(still), site(still)], "query_text": "letter"},
    ]
    for way in ways:
        best = next(iter(client.search.query(**image, **way)))
        assert best.start is not None and best.end is not None
        assert best.start <= 10 <= best.end


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"search_options": []}, "parameter_not_provided"),
        ({"query_text": ""}, "parameter_not_provided"),
        ({"page_limit": 100}, "parameter_invalid"),
        ({"filter": '{"duration": []}'}, "search_filter_invalid"),
        ({"index_id": "665000000000000000000abc"}, "resource_not_exist"),
    ],
)
def test_refusals_raise_client_exceptions(
    client: TwelveLabs, library: Library, fields: dict[str, Any], code: str
) -> None:
    request: dict[str, Any] = {"index_id": library.index_id, "search_options": SAID, "query_text": "x", **fields}
    with pytest.raises(BadRequestError) as caught:
        client.search.create(**request)
    assert caught.value.body["code"] == code


def test_expired_page_raises_a_client_exception(client: TwelveLabs, library: Library, engine: Engine) -> None:
    first = client.search.create(index_id=library.index_id, search_options=SAID, query_text="the", page_limit=1)
    assert first.page_info and first.page_info.next_page_token
    address, key = f"{engine.base_url}/_local/searches/expire", {"x-api-key": engine.api_key}
    requests.post(address, headers=key, timeout=30).raise_for_status()
    with pytest.raises(ApiError) as caught:
        client.search.retrieve(first.page_info.next_page_token)
    assert (caught.value.status_code, caught.value.body["code"]) == (400, "search_page_token_expired")
