"""Search requests and results of all generations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsBadRequestError, TwelveLabsError
from twelvelabs_provider.api.models import Json
from twelvelabs_provider.api.reading import as_object, optional_text
from twelvelabs_provider.api.resources import LARGEST_PAGE
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import value_text

_EXPIRED = "search_page_token_expired"
_GONE = 410
_MEANT_AS = {"mid": "medium"}


class SearchOption(StrEnum):
    """Where to look: today's words (visual, audio, transcription) and those of v1.1 and v1.2."""

    VISUAL = "visual"
    AUDIO = "audio"
    """Sounds that are not speech; v1.3 only."""
    TRANSCRIPTION = "transcription"
    CONVERSATION = "conversation"
    TEXT_IN_VIDEO = "text_in_video"
    LOGO = "logo"


class TranscriptionOption(StrEnum):
    """How spoken words are compared: word by word, or by what they mean."""

    LEXICAL = "lexical"
    SEMANTIC = "semantic"


class GroupBy(StrEnum):
    """Whether each clip is a result, or each video with its clips."""

    CLIP = "clip"
    VIDEO = "video"


class Operator(StrEnum):
    """Whether a clip has to match any of the options, or all."""

    OR = "or"
    AND = "and"


class Threshold(StrEnum):
    """Least confidence of what is found, in v1.2."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NONE = "none"


class SortOption(StrEnum):
    """Order of grouped results in v1.2."""

    SCORE = "score"
    CLIP_COUNT = "clip_count"


@dataclass(frozen=True)
class SearchRequest:
    """One query of one index.

    :param options: where to look; each generation takes its own words, and the other's where they mean something to it.
    :param text: the words; ``<@entity_id>`` stands for an entity (v1.3). At most 500 tokens.
    :param images: up to 10 pictures: files, or addresses that the service fetches. With a text both count (v1.3).
    :param query_tree: a boolean query, ``{"$and": [{"text": "..."}, ...]}``, in place of text and images (v1.2).
    :param transcription_options: how spoken words are compared; empty leaves it to the service.
    :param operator: None leaves it to the service, which takes ``or``.
    :param filter: metadata to values: a text, number, boolean, ``{"gte": 1, "lte": 2}``; ``id`` to a list of video ids.
    :param page_limit: results on a page (clips, or videos where they are grouped), 1 to 50.
    :param include_user_metadata: have the videos' own metadata in the results (v1.3).
    """

    index_id: str
    options: Sequence[SearchOption]
    text: str | None = None
    images: Sequence[FilePart | str] = field(default=(), repr=False)
    query_tree: Json | None = None
    transcription_options: Sequence[TranscriptionOption] = ()
    group_by: GroupBy = GroupBy.CLIP
    operator: Operator | None = None
    filter: Json | None = None
    page_limit: int = LARGEST_PAGE
    include_user_metadata: bool = False
    threshold: Threshold | None = None
    sort_option: SortOption | None = None

    def check(self) -> None:
        """Refuse parts that the service would ignore. Protects money: the search would be billed without them.

        :raises TwelveLabsBadRequestError: names the part.
        """
        spoken = {SearchOption.TRANSCRIPTION, SearchOption.CONVERSATION}
        if self.transcription_options and not spoken & set(self.options):
            raise TwelveLabsBadRequestError(
                f"transcription options ({', '.join(self.transcription_options)}) need the search option transcription,"
                f" and the options are {', '.join(self.options)}"
            )
        if self.query_tree is not None and (self.text or self.images):
            raise TwelveLabsBadRequestError("a query tree takes no text and no images: give one or the other")


@dataclass(frozen=True)
class Match(Answer):
    """A clip that was found. The address of its picture is signed for an hour: it stays in ``raw``.

    :param start: first second.
    :param end: last second.
    :param rank: place among all results, 1 is the best (v1.3).
    :param score: how well it matches, 0 to 100 (v1.1, v1.2).
    :param confidence: ``high``, ``medium`` or ``low`` (v1.1, v1.2).
    :param transcription: the speech in it, if the service returns it.
    :param modules: the options that it was found by (v1.1, v1.2).
    """

    video_id: str
    start: float
    end: float
    rank: int | None
    score: float | None
    confidence: str | None
    transcription: str | None
    modules: tuple[str, ...]
    user_metadata: Json
    raw: Json = field(repr=False)

    @property
    def identity(self) -> tuple[str, float, float]:
        """The fields that identify the clip in every search."""
        return (self.video_id, self.start, self.end)


@dataclass(frozen=True)
class VideoMatches(Answer):
    """The clips of one video, of a query that groups by video."""

    video_id: str
    matches: tuple[Match, ...]


@dataclass(frozen=True)
class SearchPool(Answer):
    """What was searched.

    :param total_count: videos.
    :param total_duration: seconds of them all.
    """

    index_id: str | None
    total_count: int | None
    total_duration: float | None


@dataclass(frozen=True)
class SearchPage(Answer):
    """A part of what was found.

    :param matches: the clips of this page, best first; those of groups one group after the other.
    :param groups: the same by video, of a query that groups.
    :param total_results: how many clips (or videos) all pages have.
    :param next_token: token of the next page; None on the last.
    :param expires_at: when the token stops working, as the service writes it.
    """

    matches: tuple[Match, ...]
    groups: tuple[VideoMatches, ...]
    total_results: int | None
    next_token: str | None
    expires_at: str | None
    pool: SearchPool
    raw: Json = field(repr=False)


def is_expired(error: TwelveLabsError) -> bool:
    """Return whether a page is refused because its token has expired, so that the search must be repeated.

    Besides the code there is the numeric form of errors, whose number for it is not documented.
    """
    code = error.details.code or ""
    return code == _EXPIRED or error.details.status == _GONE or (error.details.status == 400 and code.isdigit())


def search_page_from(answer: Any) -> SearchPage:
    """Read one page of results of any generation."""
    raw = as_object(answer, "search results")
    info, pool = raw.get("page_info") or {}, raw.get("search_pool") or {}
    entries = [as_object(entry, "a search result") for entry in raw.get("data") or ()]
    groups = tuple(_group(entry) for entry in entries if entry.get("clips") is not None)
    found = [group.matches for group in groups] or [tuple(_match(entry) for entry in entries)]
    return SearchPage(
        matches=tuple(match for matches in found for match in matches),
        groups=groups,
        total_results=info.get("total_results"),
        next_token=info.get("next_page_token") or None,
        expires_at=info.get("page_expires_at") or info.get("page_expired_at"),
        pool=SearchPool(pool.get("index_id"), pool.get("total_count"), pool.get("total_duration")),
        raw=raw,
    )


def _group(raw: Json) -> VideoMatches:
    video_id = str(raw.get("id") or raw.get("video_id") or "")
    common = {"video_id": video_id, "user_metadata": raw.get("user_metadata")}
    clips = [as_object(clip, "a clip of a search result") for clip in raw["clips"]]
    return VideoMatches(video_id, tuple(_match({**common, **clip}) for clip in clips))


def _match(raw: Json) -> Match:
    try:
        video_id, start, end = str(raw["video_id"]), float(raw["start"]), float(raw["end"])
        if not (video_id and math.isfinite(start) and math.isfinite(end)):
            raise ValueError("empty, or not a finite number")
    except (KeyError, TypeError, ValueError) as error:
        raise TwelveLabsAnswerError(
            f"a search result has no readable video_id, start and end; its fields are {sorted(raw)}"
        ) from error
    modules = [module for module in raw.get("metadata") or raw.get("modules") or () if isinstance(module, Mapping)]
    confidence = raw.get("confidence")
    return Match(
        video_id=video_id,
        start=start,
        end=end,
        rank=raw.get("rank"),
        score=raw.get("score"),
        confidence=_MEANT_AS.get(confidence, confidence) if isinstance(confidence, str) else None,
        transcription=optional_text(raw.get("transcription") or _said(modules)),
        modules=tuple(str(module.get("type")) for module in modules),
        user_metadata=raw.get("user_metadata") or {},
        raw=raw,
    )


def _said(modules: Sequence[Json]) -> str | None:
    said = (module.get("text") for module in modules if module.get("type") == SearchOption.CONVERSATION)
    return next((value_text(text) for text in said if text not in (None, "")), None)
