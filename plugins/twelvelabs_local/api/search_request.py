"""Request models of searches, and the validated search that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, model_validator
from pydantic_core import PydanticCustomError
from starlette.datastructures import UploadFile

from twelvelabs_local.api.parameters import Decoded, Distinct, Id, Link, Listed, Required, between
from twelvelabs_local.api.request_model import RequestModel, invalid_field, missing_field
from twelvelabs_local.errors import ServiceError
from twelvelabs_local.store.search_lines import WordMatch

CONVERSATIONS: Mapping[str, Sequence[WordMatch]] = {
    "semantic": (WordMatch.SEMANTIC,),
    "exact_match": (WordMatch.LEXICAL,),
    "transcription": (WordMatch.LEXICAL,),
}
MOST_WORDS = 500
RANGED = ("duration", "width", "height", "size")


@dataclass(frozen=True)
class ValidatedSearch:
    """A search of any generation.

    :param text: the words, or None.
    :param ways: how spoken words are compared.
    :param per_page: clips, or videos where they are grouped.
    :param shown: what a response of an older generation repeats of its request.
    """

    index_id: str
    options: Sequence[str]
    text: str | None
    ways: Sequence[WordMatch] = tuple(WordMatch)
    grouped: bool = False
    every: bool = False
    per_page: int = 10
    filter: Mapping[str, Any] = field(default_factory=dict)
    threshold: str = "none"
    by_count: bool = False
    level: float = 0.5
    shown: Mapping[str, Any] = field(default_factory=dict)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _words(text: str) -> str:
    words = text.split()
    if not words:
        raise PydanticCustomError("missing", "missing")
    if len(words) > MOST_WORDS:
        raise ServiceError(400, "token_limit_exceeded", f"The query has more than {MOST_WORDS} tokens.")
    return text.strip()


def _filter(conditions: Any) -> Any:
    if not isinstance(conditions, dict):
        raise _filter_error("It must be an object.")
    for name, wanted in conditions.items():
        if isinstance(wanted, dict):
            if not wanted or set(wanted) - {"gte", "lte"} or not all(_is_number(bound) for bound in wanted.values()):
                raise _filter_error(f"{name} must have numbers for gte, lte or both.")
        elif isinstance(wanted, list):
            if name != "id" or not all(isinstance(one, str) for one in wanted):
                raise _filter_error(f"{name} must not be a list; only id may be one, of texts.")
        elif name in RANGED and not _is_number(wanted):
            raise _filter_error(f"{name} must be a number, or have numbers for gte and lte.")
        elif not isinstance(wanted, str | int | float | bool):
            raise _filter_error(f"{name} must be a text, a number, a boolean, or have numbers for gte and lte.")
    return conditions


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _filter_error(why: str) -> ServiceError:
    return ServiceError(400, "search_filter_invalid", f"The filter parameter is invalid. {why}")


def checked_tree(tree: Any) -> Any:
    """Return a boolean query: ``{"text": ...}``, ``{"$and": [...]}``, ``{"$or": [...]}`` or ``{"$not": {...}}``.

    :raises ValueError: when it has another form.
    """
    if not isinstance(tree, dict) or len(tree) != 1:
        raise ValueError("Each part of it must be an object with one of text, $and, $or and $not.")
    (word, inner) = next(iter(tree.items()))
    if word == "text" and isinstance(inner, str) and inner.strip():
        return tree
    if word in ("$and", "$or") and isinstance(inner, list) and inner:
        for part in inner:
            checked_tree(part)
        return tree
    if word == "$not":
        checked_tree(inner)
        return tree
    raise ValueError(f"{word!r} is not a text, a list of queries ($and, $or) or a query ($not).")


Lower = BeforeValidator(_lower)
Words = Annotated[str, AfterValidator(_words)]
# the validator that is named last runs first
Filter = Annotated[dict[str, Any], BeforeValidator(_filter), Decoded]


class SearchRequest(RequestModel):
    """What the searches of all generations share."""

    index_id: Id
    operator: Annotated[Literal["or", "and"], Lower] = "or"
    group_by: Annotated[Literal["clip", "video"], Lower] = "clip"
    page_limit: Annotated[int, between(1, 50)] = 10
    filter: Filter = {}

    def validated(self, **values: Any) -> ValidatedSearch:
        """Return the search.

        :param values: what differs between the generations.
        """
        return ValidatedSearch(
            index_id=self.index_id,
            every=self.operator == "and",
            grouped=self.group_by == "video",
            per_page=self.page_limit,
            filter=self.filter,
            **values,
        )


class ImageParts(RequestModel):
    """The images of a search form."""

    most_images: ClassVar[int] = 10
    query_media_type: Literal["image"] | None = None
    query_media_url: list[Link] = []
    query_media_file: list[UploadFile] = []

    @model_validator(mode="after")
    def _check_images(self) -> ImageParts:
        count = len(self.query_media_url) + len(self.query_media_file)
        if self.query_media_type and not count:
            raise missing_field("query_media_url or query_media_file")
        if count and not self.query_media_type:
            raise missing_field("query_media_type")
        if count > self.most_images:
            raise invalid_field("query_media_url", f"There are {count} images; a query takes {self.most_images}.")
        return self


class SearchForm(SearchRequest, ImageParts):
    """The form of v1.3."""

    search_options: Annotated[list[Literal["visual", "audio", "transcription"]], Required, Listed, Distinct]
    transcription_options: Annotated[list[Literal["semantic", "lexical"]], Listed, Distinct] = []
    query_text: Words | None = None
    include_user_metadata: bool = False
    threshold: Any = None
    sort_option: Any = None
    adjust_confidence_level: Any = None
    """This and the two fields before it are of older models; the service ignores them."""

    @model_validator(mode="after")
    def _check_transcription(self) -> SearchForm:
        if self.transcription_options and "transcription" not in self.search_options:
            raise invalid_field("transcription_options", "It needs the search option transcription.")
        return self

    def search(self) -> ValidatedSearch:
        """Return the search."""
        ways = [WordMatch(way) for way in self.transcription_options]
        return self.validated(options=self.search_options, text=self.query_text, ways=ways or tuple(WordMatch))


class LegacySearch(SearchRequest):
    """What the searches of v1.1 and v1.2 share."""

    query_field: ClassVar[str] = "query"
    search_options: Annotated[
        list[Literal["visual", "conversation", "text_in_video", "logo"]], Required, Listed, Distinct
    ]
    conversation_option: Annotated[Literal["semantic", "exact_match", "transcription"], Lower] = "semantic"
    threshold: Annotated[Literal["high", "medium", "low", "none"], Lower] = "none"
    sort_option: Annotated[Literal["score", "clip_count"], Lower] = "score"

    @model_validator(mode="after")
    def _check_conversation(self) -> LegacySearch:
        if self.conversation_option == "transcription" and self.search_options != ["conversation"]:
            message = "The conversation_option transcription goes with the search option conversation alone."
            raise ServiceError(400, "search_option_combination_not_supported", message)
        return self

    def search(self, level: float = 0.5) -> ValidatedSearch:
        """Return the search.

        :param level: how strict the confidence is, 0 to 1.
        """
        query, options, conversation = getattr(self, self.query_field), self.search_options, self.conversation_option
        return self.validated(
            options=options,
            text=query if isinstance(query, str) else None,
            ways=CONVERSATIONS[conversation],
            threshold=self.threshold,
            by_count=self.sort_option == "clip_count",
            level=level,
            shown={"query": query, "search_options": options, "conversation_option": conversation},
        )


class TextSearch(LegacySearch):
    """The body of a search for words."""

    query: Words


class CombinedSearch(LegacySearch):
    """The body of a search with a boolean query."""

    query: Annotated[dict[str, Any], AfterValidator(checked_tree)]


class MediaSearchForm(LegacySearch, ImageParts):
    """The form of a search for words or an image."""

    query_field: ClassVar[str] = "query_text"
    most_images: ClassVar[int] = 1
    query_text: Words | None = None
    adjust_confidence_level: Annotated[float, between(0, 1)] = 0.5
    dummy: Any = None
    """An empty part that makes a form of the request; an older client of the vendor adds it."""

    @model_validator(mode="after")
    def _check_query(self) -> MediaSearchForm:
        images = bool(self.query_media_url or self.query_media_file)
        if self.query_text and images:
            raise invalid_field("query_text", "It cannot go with an image.")
        if not self.query_text and not images:
            raise missing_field("query_text")
        return self
