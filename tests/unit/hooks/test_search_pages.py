"""Pages of a search, and its restart after an expired token."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import pytest

from tests.unit.hooks.conftest import Connect
from tests.unit.scripted_server import Reply, ScriptedServer
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsNotFoundError
from twelvelabs_provider.api.search.request import SearchOption, SearchRequest
from twelvelabs_provider.hooks.search_pages import Search
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

REQUEST = SearchRequest("i1", (SearchOption.VISUAL,), "red")
EXPIRED = Reply({"code": "search_page_token_expired", "message": "too old"}, status=400)
NUMERIC = Reply({"error_code": 105, "message": "too old"}, status=400)
GONE = Reply("", status=410)


def page(starts: Sequence[int], token: str | None = None) -> Reply:
    data = [{"video_id": "v", "start": start, "end": start + 1, "rank": start} for start in starts]
    info: dict[str, Any] = {"total_results": 5, **({"next_page_token": token} if token else {})}
    return Reply({"data": data, "page_info": info})


def asked(server: ScriptedServer) -> list[str]:
    return [f"{request.method} {request.path.removeprefix('/v1.3')}" for request in server.requests]


def test_pages_are_requested_lazily(connect: Connect) -> None:
    with ScriptedServer(page([1, 2], "t-1"), page([3], "t-2"), page([4])) as server:
        connect(server.origin)
        search = Search(TwelveLabsHook(), REQUEST)
        assert asked(server) == []
        found = iter(search)
        assert [match.start for match in islice(found, 2)] == [1, 2]
        assert asked(server) == ["POST /search"]
        assert [match.start for match in found] == [3, 4]
    assert asked(server) == ["POST /search", "GET /search/t-1", "GET /search/t-2"]
    assert (search.queries, search.pages) == (1, 3)


@pytest.mark.parametrize("expired", [EXPIRED, NUMERIC, GONE])
def test_expired_page_restarts_the_search(expired: Reply, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    replies = [page([1, 2], "t-1"), page([3], "t-2"), expired, page([2, 1], "u-1"), page([4, 3], "u-2"), page([5])]
    with ScriptedServer(*replies) as server:
        connect(server.origin)
        search = Search(TwelveLabsHook(), REQUEST)
        assert [match.start for match in search] == [1, 2, 3, 4, 5]
    assert asked(server)[3:5] == ["POST /search", "GET /search/u-1"]
    assert search.queries == 2
    assert "starts again and is billed again" in caplog.text


def test_search_is_restarted_once(connect: Connect) -> None:
    with ScriptedServer(page([1], "t-1"), EXPIRED, page([1], "u-1"), EXPIRED) as server:
        connect(server.origin)
        with pytest.raises(TwelveLabsBadRequestError, match="too old"):
            list(Search(TwelveLabsHook(), REQUEST))
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        ([NUMERIC], TwelveLabsBadRequestError),
        ([page([1], "t-1"), Reply({"code": "resource_not_exist"}, status=400)], TwelveLabsNotFoundError),
    ],
)
def test_other_refusals_are_raised(replies: list[Reply], error: type[Exception], connect: Connect) -> None:
    with ScriptedServer(*replies) as server:
        connect(server.origin)
        with pytest.raises(error):
            list(Search(TwelveLabsHook(), REQUEST))
    assert len(server.requests) == len(replies)
