"""Structured answers: the JSON value in a generated text that is not always plain JSON."""

from __future__ import annotations

import json
import logging
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from twelvelabs_provider.api.errors import TwelveLabsAnswerError

log = logging.getLogger(__name__)

MOST_LEVELS = 200
"""Nesting that is accepted: a deeper value can be parsed, but not every encoder can write it."""

_SHOWN = 200
_BLANK = " \t\r\n\f\v\ufeff\u200b\u00a0"
_LEADING_FENCE = re.compile(r"(?:```|~~~)[ \t]*(?:json\w*)?\s*", re.IGNORECASE)
_FENCE = re.compile(r"(?:```|~~~)[ \t]*(?:json\w*)?[ \t]*\r?\n\s*", re.IGNORECASE)
_CONTAINER = re.compile(r"""\{\s*["\\}] | \[\s*["\\{\[\]]""", re.VERBOSE)
# In prose, "[1]", "{name}" and "f()[]" are no JSON.
_IN_PROSE = re.compile(r"""\{\s*["\\] | \[\s*["\\{\[]""", re.VERBOSE)
_JUNK = re.compile(r"""[\s\]}"',.;`~]*""")
_TOKEN = re.compile(
    r"""
      (?P<text>"(?:[^"\\]|\\.)*")
    | \\"(?P<escaped>(?:[^"\\]|\\[^"\\]|\\\\(?:\\\\|\\"|[^"\\]))*)\\"
    | (?P<blank>\\[nrt])
    | (?P<comma>,(?=\s*[}\]]))
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)


@dataclass(frozen=True)
class StructuredAnswer:
    """The first complete JSON value of an answer.

    :param data: the value.
    :param text: the value as JSON text.
    :param offset: where ``text`` begins in the answer; None where the answer had to be corrected.
    :param tail: characters of the answer after the value, without blanks at the end.
    """

    data: Any
    text: str
    offset: int | None = None
    tail: int = 0


def read_structured(answer: str) -> StructuredAnswer:
    """Return the first complete JSON value of an answer.

    Text around the value (prose, a code fence, a repeated tail), escaped quotes, unknown escapes, trailing commas and
    raw control characters in strings are tolerated. A part of a value that breaks off is not taken for the value.

    :raises TwelveLabsAnswerError: if there is no complete value; the message has the beginning of the answer.
    """
    try:
        found = _found(answer)
    except RecursionError:
        raise _unreadable(answer, "it is nested too deeply") from None
    except ValueError as error:
        raise _unreadable(answer, str(error)) from error
    if not _levels_fit(found.data):
        raise _unreadable(answer, "it is nested too deeply")
    if found.text is not answer:
        log.warning(
            "the answer is not plain JSON: its first complete value is used (%d characters before it, %d after it)",
            found.offset or 0, found.tail,
        )  # fmt: skip
    return found


def _found(answer: str) -> StructuredAnswer:
    try:
        data = _STRICT.decode(answer)
    except ValueError:
        return _first_value(answer)
    return _inner(data) or StructuredAnswer(data, answer, 0)


def _first_value(answer: str) -> StructuredAnswer:
    start = _after_blanks(answer, 0)
    if fence := _LEADING_FENCE.match(answer, start):
        start = _after_blanks(answer, fence.end())
    if not _CONTAINER.match(answer, start):
        if (scalar := _scalar_at(answer, start)) is not None:
            return scalar
        fences = (match.end() for match in _FENCE.finditer(answer, start))
        place = next((place for place in fences if _CONTAINER.match(answer, place)), None)
        prose = _IN_PROSE.search(answer, start) if place is None else None
        if place is None and prose is None:
            raise ValueError("it has no JSON object and no list")
        start = prose.start() if prose else place or 0
    return _value_at(answer, start)


def _scalar_at(answer: str, start: int) -> StructuredAnswer | None:
    """Decode a text, a number or a list of numbers, which begins many sentences as well."""
    try:
        found = _value_at(answer, start)
    except ValueError:
        return None
    return found if _JUNK.fullmatch(answer, len(answer.rstrip()) - found.tail) else None


def _value_at(answer: str, start: int) -> StructuredAnswer:
    """Decode the value that begins at a place.

    :raises ValueError: if it is broken.
    """
    length = len(answer.rstrip())
    try:
        data, end = _DECODER.raw_decode(answer, start)
    except ValueError:
        corrected = _TOKEN.sub(_corrected, answer[start:length])
        if corrected == answer[start:length]:
            raise
        data, end = _DECODER.raw_decode(corrected)
        return _inner(data) or StructuredAnswer(data, _dumped(data), None, len(corrected) - end)
    text = answer[start:end]
    return _inner(data) or StructuredAnswer(data, text if _is_json(text) else _dumped(data), start, length - end)


def _inner(data: Any) -> StructuredAnswer | None:
    """Read an answer that was encoded twice: a JSON string that holds an object or a list."""
    if not isinstance(data, str) or not _CONTAINER.match(data, _after_blanks(data, 0)):
        return None
    try:
        found = _value_at(data, _after_blanks(data, 0))
    except ValueError:
        return None
    return StructuredAnswer(found.data, found.text, None, found.tail)


def _corrected(token: re.Match[str]) -> str:
    """Return the corrected token."""
    if token["text"] is not None:
        return _ESCAPE.sub(_known_escape, token["text"])
    if token["escaped"] is not None:
        return '"' + _ESCAPE.sub(_once_less, token["escaped"]) + '"'
    return " " if token["blank"] else ""


def _known_escape(match: re.Match[str]) -> str:
    escaped = match[1]
    if escaped == "'":
        return "'"
    return match[0] if len(escaped) > 1 or escaped in '"\\/bfnrt' else f"\\\\{escaped}"


def _once_less(match: re.Match[str]) -> str:
    r"""Take one level of escapes away: ``\\n`` becomes ``\n``, and ``\n`` a line end in the string."""
    return match[1] if match[1] in '\\"/' else match[0]


def _after_blanks(text: str, start: int) -> int:
    while start < len(text) and text[start] in _BLANK:
        start += 1
    return start


def _levels_fit(data: Any) -> bool:
    level = [data]
    for _ in range(MOST_LEVELS):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return True
    return False


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _dumped(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is no number of 64 bits")
    return number


def _unreadable(answer: str, reason: str) -> TwelveLabsAnswerError:
    return TwelveLabsAnswerError(
        f"the answer is not the JSON that was asked for: {reason}; it begins with {answer[:_SHOWN]!r}"
    )


_STRICT = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_constant)
_DECODER = json.JSONDecoder(strict=False, parse_float=_finite, parse_constant=_refuse_constant)
