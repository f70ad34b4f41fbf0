"""Filters of lists: each is applied or refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.client import Api
from tests.engine_process import Engine

if TYPE_CHECKING:
    from tests.conftest import Library

NOTED = {"word": "true", "flag": True, "whole": 3, "part": 0.5, "odd key": "a&b=c", "list": ["a"]}


@pytest.fixture
def path(engine: Engine, library: Library) -> Iterator[str]:
    """The list of the library's videos, one of which has notes for a while."""
    path, api = f"/indexes/{library.index_id}/videos", Api(engine)
    api.expect(204, "PATCH", f"{path}/{library.video_id}", json={"user_metadata": NOTED})
    yield path
    api.expect(204, "PATCH", f"{path}/{library.video_id}", json={"user_metadata": dict.fromkeys(NOTED)})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"word": "true"}, True),
        ({"flag": "true"}, True),
        ({"flag": "True"}, True),
        ({"flag": "1"}, False),
        ({"whole": "3"}, True),
        ({"whole": "3.0"}, True),
        ({"whole": "three"}, False),
        ({"part": "0.50"}, True),
        ({"odd key": "a&b=c"}, True),
        ({"user_metadata[odd key]": "a&b=c"}, True),
        ({"word": "true", "whole": "4"}, False),
        ({"nothing": "x"}, False),
    ],
    ids=str,
)
def test_values_are_compared_by_type(api: Api, path: str, query: dict[str, str], found: bool) -> None:
    assert bool(api.get(path, **query)["data"]) is found


@pytest.mark.parametrize(
    ("code", "query"),
    [
        ("parameter_unknown", {"duration[gt]": "5"}),
        ("parameter_unknown", {"size[]": "5"}),
        ("parameter_invalid", {"width[gte]": "wide"}),
        ("parameter_invalid", {"fps": "-1"}),
        ("parameter_invalid", {"created_at": "yesterday"}),
        ("parameter_invalid", {"page_limit": "51"}),
    ],
    ids=str,
)
def test_invalid_comparisons(api: Api, path: str, code: str, query: dict[str, Any]) -> None:
    api.refused(400, code, "GET", path, params=query)


def test_an_unknown_status_is_refused(api: Api, path: str) -> None:
    assets = path.replace("/videos", "/indexed-assets")
    assert api.get(assets, status=["ready", "failed"])["data"]
    api.refused(400, "parameter_invalid", "GET", assets, params={"status": "done"})
    api.refused(400, "parameter_invalid", "GET", "/tasks", params={"status": "ready,failed"})
