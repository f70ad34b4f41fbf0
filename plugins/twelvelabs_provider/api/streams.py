"""Records out of a streamed answer: bytes come in any pieces, decoded records go out one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from twelvelabs_provider.api.call import Framing
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsAnswerError

_DONE = "[DONE]"
_DECODER = json.JSONDecoder()


def records(chunks: Iterable[bytes], framing: Framing, clean: Callable[[bytes], bytes] = bytes) -> Iterator[Any]:
    """Return the decoded records of an answer as they become whole.

    :param chunks: the bytes as they come, cut anywhere.
    :param clean: applied to every line before it is decoded (it takes out what must not be seen).
    :raises TwelveLabsAnswerError: for a line that is not what the framing says.
    :raises TwelveLabsAmbiguousError: if the answer ends in the middle of a record.
    """
    lines = (clean(line).decode("utf-8", errors="replace").strip("\r") for line in _lines(chunks))
    return _from_ndjson(lines) if framing is Framing.NDJSON else _from_sse(lines)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = bytearray()
    for chunk in chunks:
        *whole, last = chunk.split(b"\n")
        for line in whole:
            yield bytes(rest) + line
            rest.clear()
        rest += last
    if rest:
        yield bytes(rest)


def _from_ndjson(lines: Iterable[str]) -> Iterator[Any]:
    """A line may hold several records: some proxies join what the service sent apart."""
    for line in lines:
        text = line.strip()
        while text:
            record, end = _decoded(text)
            yield record
            text = text[end:].lstrip()


def _from_sse(lines: Iterable[str]) -> Iterator[Any]:
    """Server-sent events: the lines of ``data`` up to an empty line are one record; the event's name is in it too."""
    data: list[str] = []
    for line in chain(lines, ("",)):
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            text, data = "\n".join(data), []
            if text != _DONE:
                yield _decoded(text)[0]


def _decoded(text: str) -> tuple[Any, int]:
    try:
        record, end = _DECODER.raw_decode(text)
    except ValueError as error:
        if text[0] in "{[":
            raise TwelveLabsAmbiguousError("the answer broke off in the middle of a record") from error
        raise TwelveLabsAnswerError(f"a record of the answer is not JSON: {text[:80]!r}") from error
    return record, end
