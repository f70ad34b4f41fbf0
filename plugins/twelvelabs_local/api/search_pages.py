"""Pages of search results, and the tokens of the pages before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from twelvelabs_local.api.call import Call
from twelvelabs_local.errors import ServiceError, invalid
from twelvelabs_local.signed_urls import SIGNED
from twelvelabs_local.store.indexes import Index, has_option, index_totals
from twelvelabs_local.store.search_lines import words_between
from twelvelabs_local.store.searches import SavedSearch
from twelvelabs_local.store.videos import Video

Clip = Mapping[str, Any]
HIGH, MEDIUM = 0.75, 0.4


def page_of(search: SavedSearch, number: int) -> list[list[Clip]]:
    """Return the entries of a page, each with its clips: one, or those of a video."""
    size = search.request["per_page"]
    return _entries(search)[number * size : (number + 1) * size]


def _entries(search: SavedSearch) -> list[list[Clip]]:
    """Return all entries: clips, or videos with the best clip or the most clips first."""
    if not search.request["grouped"]:
        return [[clip] for clip in search.results]
    by_video = sorted(search.results, key=lambda clip: str(clip["video_id"]))
    groups = [list(clips) for _, clips in groupby(by_video, key=lambda clip: clip["video_id"])]
    if search.request["by_count"]:
        return sorted(groups, key=lambda clips: (-len(clips), clips[0]["rank"]))
    return sorted(groups, key=lambda clips: clips[0]["rank"])


def page_body(
    call: Call, search: SavedSearch, number: int, clip_body: Callable[[Clip], Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the body of a page, in the words that all generations share.

    :param number: counted from 0.
    :param clip_body: returns the body of one clip.
    """
    total, size = len(_entries(search)), search.request["per_page"]
    info: dict[str, Any] = {"limit_per_page": size, "total_results": total}
    if search.request["grouped"]:
        info["total_inner_matches"] = len(search.results)
    if (number + 1) * size < total:
        info["next_page_token"] = f"{search.id}-{number + 1}"
    if number:
        info["prev_page_token"] = f"{search.id}-{number - 1}"
    count, seconds = index_totals(call.db, search.index_id)
    pool = {"index_id": search.index_id, "total_count": count, "total_duration": seconds}
    data = [_entry_body(search, clips, clip_body) for clips in page_of(search, number)]
    return {"data": data, "page_info": info, "search_pool": pool}


def _entry_body(
    search: SavedSearch, clips: Sequence[Clip], clip_body: Callable[[Clip], Mapping[str, Any]]
) -> Mapping[str, Any]:
    if not search.request["grouped"]:
        return clip_body(clips[0])
    return {"id": clips[0]["video_id"], "clips": [clip_body(clip) for clip in clips]}


def today(call: Call, search: SavedSearch, number: int, *, with_metadata: bool) -> Mapping[str, Any]:
    """Return a page as v1.3 shows it."""
    index = call.db.find(Index, id=search.index_id)
    assert index is not None

    def clip_body(clip: Clip) -> Mapping[str, Any]:
        body = {name: clip[name] for name in ("video_id", "start", "end", "rank")}
        if said := _said(call, index, clip):
            body["transcription"] = said
        video = call.db.find(Video, id=clip["video_id"]) if with_metadata else None
        if video:
            body["user_metadata"] = video.user_metadata
        return {**body, **_picture(call, index, clip)}

    body = page_body(call, search, number, clip_body)
    body["page_info"]["page_expires_at"] = search.expires_at
    return body


def legacy(call: Call, search: SavedSearch, number: int) -> Mapping[str, Any]:
    """Return a page as v1.1 and v1.2 show it."""
    index = call.db.find(Index, id=search.index_id)
    assert index is not None

    def clip_body(clip: Clip) -> Mapping[str, Any]:
        evidence = clip["evidence"].items()
        texts = [{"type": option, "text": found["text"]} for option, found in evidence]
        body = {
            "score": round(100 * clip["score"], 2),
            "confidence": confidence(clip["score"], search.request["level"]),
            **{name: clip[name] for name in ("video_id", "start", "end")},
            "metadata": [{name: value for name, value in text.items() if value is not None} for text in texts],
            "modules": [
                {"type": option, "confidence": confidence(found["score"], search.request["level"])}
                for option, found in evidence
            ],
        }
        return {**body, **_picture(call, index, clip)}

    body = page_body(call, search, number, clip_body)
    body["page_info"]["page_expired_at"] = search.expires_at
    body |= search.request["shown"]
    return call.dialect.with_type(body, "search_create_token" if number else "search_create")


def confidence(score: float, level: float) -> str:
    """Return the word for a score.

    :param level: how strict to be, 0 to 1; 0.5 is usual.
    """
    strict = level + 0.5
    return "high" if score >= HIGH * strict else "medium" if score >= MEDIUM * strict else "low"


def requested_page(call: Call, way: str) -> tuple[SavedSearch, int]:
    """Return the search and the page number (from 0) of the token in the path.

    :param way: the path of the search.
    :raises ServiceError: when the token has expired or is invalid.
    """
    token = str(call.request.path_params["page_token"])
    search_id, _, number = token.rpartition("-")
    if not number.isdecimal() or len(search_id) != 36:
        raise invalid("page-token", f"{token!r} is not a token of a page.")
    search = call.db.find(SavedSearch, id=search_id)
    if search is None or search.expired:
        message = f"The page token {token} has expired. Search again."
        raise ServiceError(400, "search_page_token_expired", message)
    if search.path != way or (int(number) and not page_of(search, int(number))):
        raise invalid("page-token", f"{token!r} is not a token of a page of {way}.")
    return search, int(number)


def _said(call: Call, index: Index, clip: Clip) -> str | None:
    if not has_option(index, "audio"):
        return None
    return words_between(call.db, clip["video_id"], clip["start"], clip["end"]) or None


def _picture(call: Call, index: Index, clip: Clip) -> Mapping[str, Any]:
    if "thumbnail" not in index.addons:
        return {}
    middle = (clip["start"] + clip["end"]) / 2
    link = call.signed_link("GET", f"{SIGNED}frames/{clip['video_id']}.jpg", {"time": f"{middle:g}"})
    return {"thumbnail_url": link}
