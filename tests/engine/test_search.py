"""Search: ranking, pages, filters and errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.engine.client import Api
from tests.engine.frames import frame_of
from tests.engine.images import make_image
from tests.engine_process import Engine

CUES = (
    (0.0, 1.0, "The dogs are running in the snow"),
    (1.0, 2.0, "[applause]"),
    (2.0, 3.0, "A dog and a cat"),
    (3.0, 4.0, "No animals here, only snow"),
    (4.0, 5.0, "Snow again, and applause in words"),
    (5.0, 6.0, "(Music) of the night"),
)
SAID, SHOWN = ("transcription",), ("visual",)


class Talk:
    """Two videos with given words: the clip, and the same clip under another name that says nothing of snow."""

    def __init__(self, engine: Engine, clip: Path, folder: Path) -> None:
        self.api = Api(engine)
        body = {**self.api.index("search"), "addons": ["thumbnail"]}
        self.index_id = str(self.api.expect(201, "POST", "/indexes", json=body)["_id"])
        older = Api(engine, "v1.2")
        self.first = self._indexed(older, clip, folder / "first.srt", CUES)
        copy = folder / "other.mp4"
        copy.write_bytes(clip.read_bytes())
        self.second = self._indexed(older, copy, folder / "second.srt", [(0.0, 6.0, "Only a cat")])
        self.api.expect(
            204,
            "PATCH",
            f"/indexes/{self.index_id}/videos/{self.first}",
            json={"user_metadata": {"take": 2, "ok": True}},
        )

    def _indexed(self, older: Api, video: Path, path: Path, cues: Sequence[tuple[float, float, str]]) -> str:
        stamp = "00:00:0{:.3f}".format
        lines = [f"{n}\n{stamp(a)} --> {stamp(b)}\n{text}\n" for n, (a, b, text) in enumerate(cues, start=1)]
        path.write_text("\n".join(lines).replace(".", ","))
        return older.index_video(self.index_id, video, transcription_file=path, provide_transcription="true")


@pytest.fixture(scope="session")
def talk(engine: Engine, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Talk:
    return Talk(engine, clip, tmp_path_factory.mktemp("talk"))


def form(index_id: str, options: Sequence[str], text: str | None = None, **fields: Any) -> list[tuple[str, Any]]:
    """Return the parts of a search; lists repeat, paths are files."""
    values: dict[str, Any] = {"index_id": index_id, "search_options": list(options), "query_text": text, **fields}
    parts: list[tuple[str, Any]] = []
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Path):
                parts.append((name, (one.name, one.read_bytes())))
            elif one is not None:
                parts.append((name, (None, one)))
    return parts


def search(talk: Talk, options: Sequence[str], text: str | None = None, **fields: Any) -> Any:
    """Search and return the body."""
    return talk.api.expect(200, "POST", "/search", files=form(talk.index_id, options, text, **fields))


def starts(body: Any) -> list[float]:
    return [clip["start"] for clip in body["data"]]


def refused(talk: Talk, code: str, options: Sequence[str] = SAID, text: str | None = "snow", **fields: Any) -> str:
    parts = form(fields.pop("index_id", talk.index_id), options, text, **fields)
    return talk.api.refused(400, code, "POST", "/search", files=parts)


def test_the_line_with_more_of_the_words_comes_first(talk: Talk) -> None:
    body = search(talk, SAID, "dog in the snow")
    assert starts(body)[0] == 0.0
    assert set(starts(body)) == {0.0, 2.0, 3.0, 4.0}
    assert [clip["rank"] for clip in body["data"]] == [1, 2, 3, 4]
    assert body["data"][0]["transcription"] == "The dogs are running in the snow"
    assert body["search_pool"] == {"index_id": talk.index_id, "total_count": 2, "total_duration": 12.0}


def test_words_are_compared_as_written_or_by_their_stem(talk: Talk) -> None:
    assert starts(search(talk, SAID, "dog", transcription_options="lexical")) == [2.0]
    assert starts(search(talk, SAID, "dog", transcription_options="semantic")) == [0.0, 2.0]
    assert starts(search(talk, SAID, "dog")) == [2.0, 0.0]
    assert starts(search(talk, SAID, "DÖG", transcription_options=["lexical", "semantic"])) == [2.0, 0.0]


@pytest.mark.parametrize("text", ['"', "* OR (", "NEAR(a b)", "snow'; --", "col:snow", "的", "^"])
def test_queries_have_no_operators(talk: Talk, text: str) -> None:
    assert len(search(talk, SAID, text)["data"]) == (2 + 1 if "snow" in text else 0)


def test_on_screen_text_is_found_by_words(talk: Talk) -> None:
    body = search(talk, SHOWN, "summer")
    assert [clip["video_id"] for clip in body["data"]] == sorted([talk.first, talk.second])
    assert starts(body) == [3.0, 3.0]


def test_sounds_are_found_in_subtitles(talk: Talk) -> None:
    assert starts(search(talk, ("audio",), "applause")) == [1.0]
    assert starts(search(talk, ("audio",), "snow")) == []


def test_any_or_all_options(talk: Talk) -> None:
    both = [*SAID, *SHOWN]
    either = search(talk, both, "snow summer", page_limit="50")
    assert len(either["data"]) == 5
    every = search(talk, both, "snow summer", operator="and")
    assert [(clip["start"], clip["end"]) for clip in every["data"]] == [(3.0, 4.0), (4.0, 5.0)]


def test_an_image_finds_similar_moments(talk: Talk, clip: Path, tmp_path: Path) -> None:
    still, other = frame_of(clip, tmp_path / "s.jpg", 4.5), make_image(tmp_path / "o.png", "####", (300, 900))
    body = search(talk, SHOWN, query_media_type="image", query_media_file=still)
    assert [(one["start"], one["end"]) for one in body["data"]] == [(3.0, 6.0)] * 2
    both = search(
        talk, SHOWN, query_media_type="image", query_media_file=[frame_of(clip, tmp_path / "w.png", 1), still]
    )
    assert sorted(starts(both)) == [0.0, 0.0, 3.0, 3.0]
    assert search(talk, SHOWN, query_media_type="image", query_media_file=other)["data"] == []


def test_an_image_url(talk: Talk, clip: Path, tmp_path: Path, site: Any) -> None:
    link = site(frame_of(clip, tmp_path / "s.png", 4.5))
    body = search(talk, SHOWN, query_media_type="image", query_media_url=[link, link])
    assert starts(body) == [3.0, 3.0]


def test_text_and_image_are_combined(talk: Talk, clip: Path, tmp_path: Path) -> None:
    still = frame_of(clip, tmp_path / "s.png", 4.5)
    body = search(talk, SHOWN, "winter", query_media_type="image", query_media_file=still)
    assert sorted(starts(body)) == [0.0, 0.0, 3.0, 3.0]
    body = search(talk, SHOWN, "summer", query_media_type="image", query_media_file=still)
    assert starts(body) == [3.0, 3.0]


def test_groups(talk: Talk) -> None:
    body = search(talk, SAID, "cat snow", group_by="video")
    assert [(group["id"], len(group["clips"])) for group in body["data"]] == [(talk.first, 4), (talk.second, 1)]
    assert body["data"][0]["clips"][0]["rank"] == 1
    info = body["page_info"]
    assert (info["total_results"], info["total_inner_matches"]) == (2, 5)


@pytest.mark.parametrize(
    ("conditions", "videos"),
    [
        ({"filename": "other.mp4"}, "second"),
        ({"take": 2}, "first"),
        ({"take": {"gte": 1, "lte": 3}}, "first"),
        ({"take": {"gte": 3}}, ""),
        ({"ok": True}, "first"),
        ({"ok": 1}, ""),
        ({"duration": 6}, "first second"),
        ({"width": {"lte": 10}}, ""),
        ({"size": {"gte": 1}, "take": 2}, "first"),
    ],
)
def test_filters(talk: Talk, conditions: Mapping[str, Any], videos: str) -> None:
    body = search(talk, SAID, "cat", filter=json.dumps(conditions))
    assert {clip["video_id"] for clip in body["data"]} == {getattr(talk, name) for name in videos.split()}


def test_a_filter_by_id(talk: Talk) -> None:
    body = search(talk, SAID, "cat", filter=json.dumps({"id": [talk.second, "0" * 24]}))
    assert [clip["video_id"] for clip in body["data"]] == [talk.second]


def test_user_metadata_is_included_on_request(talk: Talk) -> None:
    body = search(talk, SAID, "dog", include_user_metadata="true")
    assert body["data"][0]["user_metadata"] == {"take": 2, "ok": True}
    assert "user_metadata" not in search(talk, SAID, "dog")["data"][0]


def test_pages(talk: Talk) -> None:
    whole = search(talk, SAID, "dog snow", page_limit="50")
    assert set(whole["page_info"]) == {"limit_per_page", "total_results", "page_expires_at"}
    page = search(talk, SAID, "dog snow", page_limit="2")
    assert page["data"] == whole["data"][:2]
    token = page["page_info"]["next_page_token"]
    assert token.endswith("-1")
    last = talk.api.get(f"/search/{token}", include_user_metadata="true")
    plain = [{name: value for name, value in clip.items() if name != "user_metadata"} for clip in last["data"]]
    assert [strip(clip) for clip in plain] == [strip(clip) for clip in whole["data"][2:]]
    assert last["data"][0]["user_metadata"]
    assert "next_page_token" not in last["page_info"]
    assert talk.api.get(f"/search/{last['page_info']['prev_page_token']}")["data"][0]["rank"] == 1


def strip(clip: Mapping[str, Any]) -> dict[str, Any]:
    """Without the signed link, which differs each time."""
    return {name: value for name, value in clip.items() if name != "thumbnail_url"}


def test_a_thumbnail_can_be_opened_without_the_key(talk: Talk) -> None:
    link = search(talk, SAID, "dog")["data"][0]["thumbnail_url"]
    answer = requests.get(link, timeout=30)
    assert answer.headers["content-type"] == "image/jpeg"


def test_no_thumbnail_without_the_add_on(talk: Talk, library: Any) -> None:
    parts = form(library.index_id, SAID, "children")
    assert "thumbnail_url" not in talk.api.expect(200, "POST", "/search", files=parts)["data"][0]


def test_a_query_is_billed_and_its_pages_are_not(talk: Talk) -> None:
    def billed() -> int:
        address, headers = f"{talk.api.engine.base_url}/_local/billing", {"x-api-key": talk.api.engine.api_key}
        totals = requests.get(address, headers=headers, timeout=30).json()["totals"]
        return int(totals.get("search", {"events": 0})["events"])

    before = billed()
    response = talk.api.send("POST", "/search", files=form(talk.index_id, SAID, "snow", page_limit="1"))
    assert response.headers["X-Ratelimit-Limit"]
    talk.api.get(f"/search/{response.json()['page_info']['next_page_token']}")
    refused(talk, "parameter_invalid", page_limit="0")
    assert billed() == before + 1


def test_options_as_one_json_list(talk: Talk) -> None:
    assert starts(search(talk, ('["transcription"]',), "dog")) == [2.0, 0.0]


def test_form_parts_of_older_models_are_ignored(talk: Talk) -> None:
    body = search(talk, SAID, "dog", threshold="high", sort_option="score", adjust_confidence_level="0.5")
    assert starts(body) == [2.0, 0.0]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"options": ()}, "parameter_not_provided"),
        ({"options": ("conversation",)}, "parameter_invalid"),
        ({"text": None}, "parameter_not_provided"),
        ({"text": "a " * 501}, "token_limit_exceeded"),
        ({"index_id": "x"}, "parameter_invalid"),
        ({"index_id": "0" * 24}, "resource_not_exist"),
        ({"options": SHOWN, "transcription_options": "lexical"}, "parameter_invalid"),
        ({"transcription_options": "exact"}, "parameter_invalid"),
        ({"group_by": "index"}, "parameter_invalid"),
        ({"operator": "xor"}, "parameter_invalid"),
        ({"page_limit": "51"}, "parameter_invalid"),
        ({"page_limit": "many"}, "parameter_invalid"),
        ({"filter": "{"}, "parameter_invalid"),
        ({"filter": "[1]"}, "search_filter_invalid"),
        ({"filter": '{"duration": "long"}'}, "search_filter_invalid"),
        ({"filter": '{"take": ["a"]}'}, "search_filter_invalid"),
        ({"filter": '{"take": {"gt": 1}}'}, "search_filter_invalid"),
        ({"filter": '{"take": null}'}, "search_filter_invalid"),
        ({"include_user_metadata": "maybe"}, "parameter_invalid"),
        ({"query_media_type": "video", "query_media_url": "https://host/a.png"}, "parameter_invalid"),
        ({"query_media_url": "https://host/a.png"}, "parameter_not_provided"),
        ({"query_media_type": "image"}, "parameter_not_provided"),
        ({"query_media_type": "image", "query_media_url": "ftp://host/a.png"}, "parameter_invalid"),
        ({"query_media_type": "image", "query_media_url": ["https://host/a.png"] * 11}, "parameter_invalid"),
        ({"text": "<@" + "0" * 24 + ">"}, "resource_not_exist"),
        ({"colour": "red"}, "parameter_unknown"),
    ],
)
def test_invalid_requests(talk: Talk, fields: dict[str, Any], code: str) -> None:
    refused(talk, code, **fields)


def test_a_file_that_is_no_image(talk: Talk, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    image = {"query_media_type": "image", "query_media_file": tmp_path / "a.png"}
    refused(talk, "image_file_broken", SHOWN, None, **image)


def test_an_image_cannot_be_searched_in_transcripts(talk: Talk, tmp_path: Path) -> None:
    image = {"query_media_type": "image", "query_media_file": make_image(tmp_path / "a.png")}
    refused(talk, "search_option_combination_not_supported", SAID, None, **image)


def test_a_search_must_be_a_form(talk: Talk) -> None:
    body = {"index_id": talk.index_id, "search_options": ["visual"], "query_text": "x"}
    talk.api.refused(400, "content_type_invalid", "POST", "/search", json=body)


def test_an_index_must_offer_the_option(api: Api, index_name: str) -> None:
    index_id = api.create_index(index_name, ("visual",))
    api.refused(400, "search_option_not_supported", "POST", "/search", files=form(index_id, SAID, "x"))
    pegasus = {"index_name": f"{index_name} 2", "models": [{"model_name": "pegasus1.2", "model_options": ["visual"]}]}
    index_id = api.expect(201, "POST", "/indexes", json=pegasus)["_id"]
    api.refused(400, "index_not_supported_for_search", "POST", "/search", files=form(index_id, SHOWN, "x"))


def test_page_tokens(talk: Talk) -> None:
    token = search(talk, SAID, "snow", page_limit="1")["page_info"]["next_page_token"]
    for wrong in ("nonsense", "a-1", token.rpartition("-")[0] + "-99", token.rpartition("-")[0] + "-x"):
        talk.api.refused(400, "parameter_invalid", "GET", f"/search/{wrong}")
    unknown = "00000000-0000-4000-8000-000000000000-1"
    talk.api.refused(400, "search_page_token_expired", "GET", f"/search/{unknown}")
    talk.api.refused(400, "parameter_unknown", "GET", f"/search/{token}", params={"page": 2})
    key = {"x-api-key": talk.api.engine.api_key}
    requests.post(f"{talk.api.engine.base_url}/_local/searches/expire", headers=key, timeout=30).raise_for_status()
    talk.api.refused(400, "search_page_token_expired", "GET", f"/search/{token}")


def test_a_deleted_video_is_not_found(engine: Engine, clip: Path, index_name: str) -> None:
    older = Api(engine, "v1.2")
    index_id = older.create_index(index_name)
    video_id = older.index_video(index_id, clip)
    body = {"index_id": index_id, "search_options": ["text_in_video"], "query": "winter"}
    assert len(older.expect(200, "POST", "/search", json=body)["data"]) == 1
    older.expect(204, "DELETE", f"/indexes/{index_id}/videos/{video_id}")
    assert older.expect(200, "POST", "/search", json=body)["data"] == []


def test_an_entity_is_searched_by_its_name(talk: Talk, tmp_path: Path) -> None:
    collection = talk.api.expect(201, "POST", "/entity-collections", json={"name": "search"})["_id"]
    asset_id = talk.api.asset(make_image(tmp_path / "cat.png", "CAT"))
    body = {"name": "cat", "asset_ids": [asset_id]}
    entity_id = talk.api.expect(201, "POST", f"/entity-collections/{collection}/entities", json=body)["_id"]
    talk.api.finished(f"/entity-collections/{collection}/entities/{entity_id}")
    found = search(talk, SAID, f"<@{entity_id}>")
    assert {clip["video_id"] for clip in found["data"]} == {talk.first, talk.second}
