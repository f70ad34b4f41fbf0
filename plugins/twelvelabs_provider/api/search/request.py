"""Search requests and results of all generations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field, FiniteFloat

from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsError
from twelvelabs_provider.api.models import Json
from twelvelabs_provider.api.resources import LARGEST_PAGE
from twelvelabs_provider.api.service_model import (
    NO_FIELDS,
    Fields,
    Identifier,
    Number,
    ServiceModel,
    Text,
    Whole,
    as_object,
    named,
    part_of,
    value_text,
)

_EXPIRED = "search_page_token_expired"
_GONE = 410
_MEANT_AS = {"mid": "medium"}


class SearchOption(StrEnum):
    """Search options of v1.3 (visual, audio, transcription), and of v1.1 and v1.2."""

    VISUAL = "visual"
    AUDIO = "audio"
    """Sounds that are not speech; v1.3 only."""
    TRANSCRIPTION = "transcription"
    CONVERSATION = "conversation"
    TEXT_IN_VIDEO = "text_in_video"
    LOGO = "logo"


class TranscriptionOption(StrEnum):
    """Comparison of speech: by word, or by meaning."""

    LEXICAL = "lexical"
    SEMANTIC = "semantic"


class GroupBy(StrEnum):
    """One result per clip, or one per video."""

    CLIP = "clip"
    VIDEO = "video"


class Operator(StrEnum):
    """Whether a clip matches any option, or all."""

    OR = "or"
    AND = "and"


class Threshold(StrEnum):
    """Lowest confidence of the results (v1.2)."""

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

    :param options: each generation also takes the options of the others that it can translate.
    :param text: at most 500 tokens; ``<@entity_id>`` stands for an entity (v1.3).
    :param images: up to 10: files, or URLs that the service fetches. v1.3 combines them with the text.
    :param query_tree: a boolean query, ``{"$and": [{"text": "..."}, ...]}``, in place of text and images (v1.2).
    :param transcription_options: empty for the default of the service.
    :param operator: None for the default of the service, ``or``.
    :param filter: metadata to values: a text, number, boolean, ``{"gte": 1, "lte": 2}``; ``id`` to a list of video ids.
    :param page_limit: results on a page (clips, or videos where they are grouped), 1 to 50.
    :param include_user_metadata: include the user metadata of the videos (v1.3).
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


def _confidence(value: Any) -> str | None:
    return _MEANT_AS.get(value, value) if isinstance(value, str) else None


class Match(ServiceModel):
    """A clip that matches. The URL of its thumbnail is signed for an hour and stays in ``raw``.

    :param start: seconds.
    :param end: seconds.
    :param rank: position among all results, from 1, the best (v1.3).
    :param score: 0 to 100 (v1.1, v1.2).
    :param confidence: ``high``, ``medium`` or ``low`` (v1.1, v1.2).
    :param transcription: the speech in it, if the service returns it.
    :param modules: the options that it matches (v1.1, v1.2).
    """

    video_id: Identifier
    start: FiniteFloat
    end: FiniteFloat
    rank: Whole = None
    score: Number = None
    confidence: Annotated[str | None, BeforeValidator(_confidence)] = None
    transcription: Text = None
    modules: tuple[str, ...] = ()
    user_metadata: Fields = NO_FIELDS

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        found = [module for module in body.get("metadata") or body.get("modules") or () if isinstance(module, Mapping)]
        if not found:
            return body
        return {"transcription": _speech(found), **body, "modules": [str(module.get("type")) for module in found]}

    @property
    def identity(self) -> tuple[str, float, float]:
        """The fields that identify the clip in every search."""
        return (self.video_id, self.start, self.end)


class VideoMatches(ServiceModel):
    """The clips of one video, of a search that groups by video."""

    video_id: str = named("id", "video_id", default="")
    matches: tuple[Match, ...] = ()

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class; a clip of a group names neither its video nor the user metadata."""
        if not isinstance(body.get("clips"), list):
            return body
        common = {"video_id": body.get("id") or body.get("video_id"), "user_metadata": body.get("user_metadata")}
        clips = [as_object(clip, "a clip of a search result") for clip in body.pop("clips")]
        return {**body, "matches": [{**common, **clip} for clip in clips]}


class SearchPool(ServiceModel):
    """The searched videos.

    :param total_count: videos.
    :param total_duration: seconds of all videos.
    """

    index_id: Text = None
    total_count: Whole = None
    total_duration: Number = None


class SearchPage(ServiceModel):
    """One page of results.

    :param matches: the clips of this page, best first; those of groups one group after the other.
    :param groups: the clips by video, of a search that groups.
    :param total_results: clips (or videos) of all pages.
    :param next_token: of the next page; None on the last.
    :param expires_at: when the token expires, as the service writes it.
    """

    matches: tuple[Match, ...] = ()
    groups: tuple[VideoMatches, ...] = ()
    total_results: Whole = None
    next_token: Text = None
    expires_at: Text = None
    pool: SearchPool = Field(default_factory=SearchPool, validation_alias=AliasChoices("search_pool", "pool"))

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        if "data" not in body:
            return body
        entries = [as_object(entry, "a search result") for entry in body.pop("data")]
        groups = [VideoMatches.read(entry) for entry in entries if entry.get("clips") is not None]
        info = part_of(body, "page_info")
        return {
            "total_results": info.get("total_results"),
            "next_token": info.get("next_page_token") or None,
            "expires_at": info.get("page_expires_at") or info.get("page_expired_at"),
            **body,
            "groups": groups,
            "matches": [match for group in groups for match in group.matches] or entries,
        }


def is_expired(error: TwelveLabsError) -> bool:
    """Return whether the token of a page has expired, so that the search must be repeated.

    Older generations send an undocumented numeric code for it.
    """
    code = error.details.code or ""
    return code == _EXPIRED or error.details.status == _GONE or (error.details.status == 400 and code.isdigit())


def _speech(modules: Sequence[Json]) -> str | None:
    spoken = (module.get("text") for module in modules if module.get("type") == SearchOption.CONVERSATION)
    return next((value_text(text) for text in spoken if text not in (None, "")), None)
