"""Every search call."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.conftest import Library
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsNotFoundError
from twelvelabs_provider.api.search.request import (
    GroupBy,
    Operator,
    SearchOption,
    SearchRequest,
    SortOption,
    Threshold,
    TranscriptionOption,
    is_expired,
)
from twelvelabs_provider.hooks.search_pages import Search

if TYPE_CHECKING:
    from tests.engine_process import Engine
    from twelvelabs_provider.hooks.search_pages import Search
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

pytestmark = pytest.mark.engine

SAID = (SearchOption.TRANSCRIPTION,)


@pytest.fixture
def still(sample: Path, tmp_path: Path) -> FilePart:
    """A picture of the sample's tenth second."""
    from tests.engine.frames import frame_of

    path = frame_of(sample, tmp_path / "still.png", 10)
    return FilePart(path.name, lambda: path.open("rb"), path.stat().st_size, "image/png")


@pytest.fixture
def older(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], TwelveLabsHook]:
    """Return a function that makes a hook of an older generation."""
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

    def make(version: str) -> TwelveLabsHook:
        connection = {"conn_type": "twelvelabs", "password": engine.api_key, "host": engine.base_url}
        monkeypatch.setenv(
            "AIRFLOW_CONN_TWELVELABS_DEFAULT", json.dumps({**connection, "extra": {"api_version": version}})
        )
        return TwelveLabsHook()

    return make


def test_text_query(hook: TwelveLabsHook, library: Library) -> None:
    request = SearchRequest(library.index_id, SAID, "children", transcription_options=tuple(TranscriptionOption))
    page = hook.execute(hook.api.search(request))
    assert [match.rank for match in page.matches] == [1, 2]
    assert {match.video_id for match in page.matches} == {library.video_id}
    assert all("children" in (match.transcription or "") for match in page.matches)
    assert (page.total_results, page.next_token, page.pool.total_count) == (2, None, 1)


def test_all_pages_are_read(hook: TwelveLabsHook, library: Library) -> None:
    request = SearchRequest(library.index_id, SAID, "the", page_limit=3, include_user_metadata=True)
    whole = hook.execute(hook.api.search(replace(request, page_limit=50))).matches
    search = Search(hook, request)
    assert [match.identity for match in search] == [match.identity for match in whole]
    assert search.pages == -(-len(whole) // 3) > 1
    assert search.queries == 1


def test_expired_page_restarts_the_query(hook: TwelveLabsHook, library: Library, engine: Engine) -> None:
    request = SearchRequest(library.index_id, SAID, "the", page_limit=3)
    search = Search(hook, request)
    found = iter(search)
    before = [next(found) for _ in range(2)]
    address, key = f"{engine.base_url}/_local/searches/expire", {"x-api-key": engine.api_key}
    requests.post(address, headers=key, timeout=30).raise_for_status()
    identities = [match.identity for match in (*before, *found)]
    assert len(set(identities)) == len(identities) == (search.first.total_results if search.first else 0)
    assert search.queries == 2


def test_expired_token_is_recognized(hook: TwelveLabsHook, library: Library, engine: Engine) -> None:
    request = SearchRequest(library.index_id, SAID, "the", page_limit=1)
    token = hook.execute(hook.api.search(request)).next_token or ""
    address, key = f"{engine.base_url}/_local/searches/expire", {"x-api-key": engine.api_key}
    requests.post(address, headers=key, timeout=30).raise_for_status()
    with pytest.raises(TwelveLabsBadRequestError) as caught:
        hook.execute(hook.api.search_page(token, request))
    assert is_expired(caught.value)


def test_image_query_and_combined_query(
    hook: TwelveLabsHook, library: Library, still: FilePart, site: Any, sample: Path
) -> None:
    request = SearchRequest(library.index_id, (SearchOption.VISUAL,), images=(still,))
    (match,) = hook.execute(hook.api.search(request)).matches
    assert match.start <= 10 <= match.end
    composed = SearchRequest(library.index_id, (SearchOption.VISUAL,), "letter", images=(still, still))
    assert match.identity in [one.identity for one in hook.execute(hook.api.search(composed)).matches]


def test_groups_and_operators(hook: TwelveLabsHook, library: Library) -> None:
    options = (SearchOption.TRANSCRIPTION, SearchOption.VISUAL)
    request = SearchRequest(library.index_id, options, "children the", group_by=GroupBy.VIDEO, operator=Operator.OR)
    page = hook.execute(hook.api.search(request))
    (group,) = page.groups
    assert group.video_id == library.video_id
    assert group.matches == page.matches
    assert (page.total_results, len(page.matches) > 1) == (1, True)
    both = hook.execute(hook.api.search(replace(request, operator=Operator.AND, group_by=GroupBy.CLIP)))
    assert len(both.matches) < len(page.matches)


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({"duration": {"gte": 30, "lte": 40}}, True),
        ({"duration": {"gte": 60}}, False),
        ({"filename": "sample.mp4"}, True),
        ({"filename": "other.mp4"}, False),
        ({"id": ["0" * 24]}, False),
        ({"anything": "else"}, False),
        ({"width": 640}, True),
    ],
)
def test_filters(filter: dict[str, Any], found: bool, hook: TwelveLabsHook, library: Library) -> None:
    request = SearchRequest(library.index_id, SAID, "children", filter=filter)
    assert bool(hook.execute(hook.api.search(request)).matches) is found


def test_unknown_index(hook: TwelveLabsHook) -> None:
    with pytest.raises(TwelveLabsNotFoundError, match="does not exist"):
        hook.execute(hook.api.search(SearchRequest("0" * 24, SAID, "x")))


def test_v1_2(
    older: Callable[[str], TwelveLabsHook], library: Library, still: FilePart, site: Callable[[Path], str]
) -> None:
    hook = older("v1.2")
    text = SearchRequest(library.index_id, SAID, "the", page_limit=3, threshold=Threshold.NONE)
    assert len(list(Search(hook, text))) == (hook.execute(hook.api.search(text)).total_results or 0) > 3
    grouped = replace(text, group_by=GroupBy.VIDEO, sort_option=SortOption.CLIP_COUNT)
    assert hook.execute(hook.api.search(grouped)).groups[0].video_id == library.video_id
    image = SearchRequest(library.index_id, (SearchOption.VISUAL,), images=(still,))
    (match,) = hook.execute(hook.api.search(image)).matches
    assert match.start <= 10 <= match.end
    assert (match.confidence, match.modules) == ("high", ("visual",))
    tree = {"$and": [{"text": "children"}, {"$not": {"text": "doctor"}}]}
    combined = SearchRequest(library.index_id, SAID, query_tree=tree)
    assert ["dog" in (match.transcription or "") for match in Search(hook, combined)] == [True]


def test_pages_of_image_and_boolean_queries_in_v1_2(
    older: Callable[[str], TwelveLabsHook], library: Library, still: FilePart
) -> None:
    hook = older("v1.2")
    tree = {"$or": [{"text": "children"}, {"text": "teacher"}, {"text": "letter"}]}
    combined = SearchRequest(library.index_id, SAID, query_tree=tree, page_limit=1)
    search = Search(hook, combined)
    assert len(list(search)) == search.pages == 4


def test_v1_1(older: Callable[[str], TwelveLabsHook], library: Library) -> None:
    hook = older("v1.1")
    request = SearchRequest(library.index_id, SAID, "walks", page_limit=1)
    assert ["walked slowly" in (match.transcription or "") for match in Search(hook, request)] == [True]
    exact = replace(request, transcription_options=(TranscriptionOption.LEXICAL,))
    assert not list(Search(hook, exact))
