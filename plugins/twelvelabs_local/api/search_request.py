"""Requests of searches, of every generation, as one checked wish."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twelvelabs_local.dialects import LEGACY_OPTIONS
from twelvelabs_local.errors import ServiceError, invalid, missing
from twelvelabs_local.store.search_lines import WordMatch

OPTIONS = ("visual", "audio", "transcription")
GROUPS, OPERATORS = ("clip", "video"), ("or", "and")
THRESHOLDS, SORTS = ("high", "medium", "low", "none"), ("score", "clip_count")
CONVERSATIONS: Mapping[str, Sequence[WordMatch]] = {
    "semantic": (WordMatch.SEMANTIC,),
    "exact_match": (WordMatch.LEXICAL,),
    "transcription": (WordMatch.LEXICAL,),
}
MOST_PER_PAGE = 50
MOST_WORDS = 500
RANGED = ("duration", "width", "height", "size")
Fields = Mapping[str, Any]
"""The parts of a form or the fields of a body; values of forms are texts, and lists of them where a part may repeat."""


@dataclass(frozen=True)
class Wish:
    """A checked request.

    :param text: the words, or None.
    :param tree: a boolean query, or None.
    :param ways: how spoken words are compared.
    :param per_page: clips, or videos where they are grouped.
    :param shown: what an older generation repeats in its answers.
    """

    index_id: str
    options: Sequence[str]
    text: str | None
    tree: Mapping[str, Any] | None = None
    ways: Sequence[WordMatch] = tuple(WordMatch)
    grouped: bool = False
    every: bool = False
    per_page: int = 10
    filter: Mapping[str, Any] = field(default_factory=dict)
    with_metadata: bool = False
    threshold: str = "none"
    by_count: bool = False
    level: float = 0.5
    shown: Mapping[str, Any] = field(default_factory=dict)


def read_today(fields: Fields) -> Wish:
    """Read the form of v1.3.

    :raises ServiceError: naming the part.
    """
    options = _several(fields, "search_options", OPTIONS)
    ways = [WordMatch(way) for way in _several(fields, "transcription_options", tuple(WordMatch), needed=False)]
    if ways and "transcription" not in options:
        raise invalid("transcription_options", "It needs the search option transcription.")
    return Wish(
        index_id=_text(fields, "index_id"),
        options=options,
        text=_words(fields, "query_text"),
        ways=ways or tuple(WordMatch),
        with_metadata=_one_of(fields, "include_user_metadata", ("true", "false", "1", "0"), "false") in ("true", "1"),
        **_common(fields),
    )


def read_legacy(fields: Fields, query: str) -> Wish:
    """Read the body of v1.1 and v1.2, or the form of an image search.

    :param query: the field that holds the words.
    :raises ServiceError: naming the field.
    """
    options = _several(fields, "search_options", LEGACY_OPTIONS)
    conversation = _one_of(fields, "conversation_option", tuple(CONVERSATIONS), "semantic")
    if conversation == "transcription" and options != ["conversation"]:
        message = "The conversation_option transcription goes with the search option conversation alone."
        raise ServiceError(400, "search_option_combination_not_supported", message)
    tree = fields.get(query)
    return Wish(
        index_id=_text(fields, "index_id"),
        options=options,
        text=None if isinstance(tree, dict) else _words(fields, query),
        tree=checked_tree(tree, query) if isinstance(tree, dict) else None,
        ways=CONVERSATIONS[conversation],
        threshold=_one_of(fields, "threshold", THRESHOLDS, "none"),
        by_count=_one_of(fields, "sort_option", SORTS, "score") == "clip_count",
        level=_share(fields, "adjust_confidence_level"),
        shown={"query": tree, "search_options": options, "conversation_option": conversation},
        **_common(fields),
    )


def checked_tree(tree: Any, name: str) -> Mapping[str, Any]:
    """Return a boolean query: ``{"text": ...}``, ``{"$and": [...]}``, ``{"$or": [...]}`` or ``{"$not": {...}}``.

    :raises ServiceError: when it has another form.
    """
    if not isinstance(tree, dict) or len(tree) != 1:
        raise invalid(name, "Each part of it must be an object with one of text, $and, $or and $not.")
    (word, inner) = next(iter(tree.items()))
    if word == "text" and isinstance(inner, str) and inner.strip():
        return tree
    if word in ("$and", "$or") and isinstance(inner, list) and inner:
        for part in inner:
            checked_tree(part, name)
        return tree
    if word == "$not":
        checked_tree(inner, name)
        return tree
    raise invalid(name, f"{word!r} is not a text, a list of queries ($and, $or) or a query ($not).")


def _common(fields: Fields) -> dict[str, Any]:
    return {
        "grouped": _one_of(fields, "group_by", GROUPS, "clip") == "video",
        "every": _one_of(fields, "operator", OPERATORS, "or") == "and",
        "per_page": _page_limit(fields),
        "filter": checked_filter(fields.get("filter")),
    }


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if value is None or value == "":
        raise missing(name)
    if not isinstance(value, str):
        raise invalid(name, f"It is {value!r}; it must be text.")
    return value


def _words(fields: Fields, name: str) -> str | None:
    if not fields.get(name):
        return None
    text = _text(fields, name)
    if len(text.split()) > MOST_WORDS:
        raise ServiceError(400, "token_limit_exceeded", f"The {name} parameter has more than {MOST_WORDS} tokens.")
    return text.strip() or None


def _several(fields: Fields, name: str, allowed: Iterable[str], *, needed: bool = True) -> list[str]:
    """A list; of a form also as one part that holds a JSON list."""
    value = fields.get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if len(values) == 1 and isinstance(values[0], str) and values[0].startswith("["):
        values = _decoded(values[0], name)
    if not values and needed:
        raise missing(name)
    known = tuple(allowed)
    for one in values if isinstance(values, list) else [values]:
        if one not in known:
            raise invalid(name, f"It is {one!r}; it must be some of {', '.join(known)}.")
    return list(dict.fromkeys(values))


def _one_of(fields: Fields, name: str, allowed: Sequence[str], default: str) -> str:
    value = fields.get(name)
    text = default if value in (None, "") else str(value).lower()
    if text not in allowed:
        raise invalid(name, f"It is {value!r}; it must be one of {', '.join(allowed)}.")
    return text


def _page_limit(fields: Fields) -> int:
    text = str(fields.get("page_limit") or 10)
    if not text.isdecimal() or not 1 <= int(text) <= MOST_PER_PAGE:
        raise invalid("page_limit", f"It is {text!r}; it must be a whole number from 1 to {MOST_PER_PAGE}.")
    return int(text)


def _share(fields: Fields, name: str) -> float:
    try:
        value = float(fields.get(name) or 0.5)
    except (TypeError, ValueError):
        value = -1.0
    if not 0 <= value <= 1:
        raise invalid(name, f"It is {fields.get(name)!r}; it must be a number from 0 to 1.")
    return value


def checked_filter(value: Any) -> Mapping[str, Any]:
    """Return a filter, which forms carry as JSON text.

    :raises ServiceError: ``search_filter_invalid``.
    """
    conditions = _decoded(value, "filter") if isinstance(value, str) and value else value or {}
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


def _decoded(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise invalid(name, f"It is not JSON: {error}.") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _filter_error(why: str) -> ServiceError:
    return ServiceError(400, "search_filter_invalid", f"The filter parameter is invalid. {why}")
