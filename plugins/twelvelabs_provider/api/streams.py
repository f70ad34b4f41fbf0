"""Records of a streamed response (NDJSON and server-sent events)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from twelvelabs_provider.api.call import Framing
from twelvelabs_provider.api.decoding import JsonCutError, JsonError, first_json, text_of
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsAnswerError
from twelvelabs_provider.api.redaction import clean_text

LONGEST_RECORD = 16 * 1024**2
"""Bytes of one line, and of the data of one event."""

_DONE = "[DONE]"
_QUOTED = 80


def records(chunks: Iterable[bytes], framing: Framing, longest: int = LONGEST_RECORD) -> Iterator[Any]:
    """Return the decoded records of a response as they become whole.

    :param chunks: the bytes as they come, cut anywhere.
    :param longest: bytes of one record.
    :raises TwelveLabsAnswerError: for a line that is not what the framing says, or longer than allowed.
    :raises TwelveLabsAmbiguousError: if the response ends in the middle of a record.
    """
    lines = (text_of(line).strip("\r") for line in _lines(chunks, longest))
    return _from_ndjson(lines) if framing is Framing.NDJSON else _from_sse(lines, longest)


def _lines(chunks: Iterable[bytes], longest: int) -> Iterator[bytes]:
    rest = bytearray()
    for chunk in chunks:
        *whole, last = chunk.split(b"\n")
        for line in whole:
            _ensure_short(len(rest) + len(line), longest)
            yield bytes(rest) + line
            rest.clear()
        rest += last
        _ensure_short(len(rest), longest)
    if rest:
        yield bytes(rest)


def _ensure_short(length: int, longest: int) -> None:
    if length > longest:
        raise TwelveLabsAnswerError(
            f"a record of a streamed response is larger than {longest:,} bytes; the response is not read any further"
        )


def _from_ndjson(lines: Iterable[str]) -> Iterator[Any]:
    """A line may hold several records: some proxies join what the service sent apart."""
    for line in lines:
        text, start = line.strip(), 0
        while start < len(text):
            record, end = _decoded(text, start)
            yield record
            start = _after_blanks(text, end)


def _after_blanks(text: str, start: int) -> int:
    while text[start : start + 1].isspace():
        start += 1
    return start


def _from_sse(lines: Iterable[str], longest: int) -> Iterator[Any]:
    """Server-sent events: the lines of ``data`` up to an empty line are one record; the event's name is in it too."""
    data: list[str] = []
    size = 0
    for line in chain(lines, ("",)):
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
            size += len(line)
            _ensure_short(size, longest)
        elif not line and data:
            text, data = "\n".join(data).strip(), []
            size = 0
            if text and text != _DONE:
                yield _decoded(text)[0]


def _decoded(text: str, start: int = 0) -> tuple[Any, int]:
    try:
        return first_json(text, start)
    except JsonCutError:
        raise TwelveLabsAmbiguousError("the answer broke off in the middle of a record") from None
    except JsonError as error:
        beginning = clean_text(text[start : start + 10 * _QUOTED], _QUOTED)
        raise TwelveLabsAnswerError(f"a record of the answer is not JSON ({error}): {beginning!r}") from None
