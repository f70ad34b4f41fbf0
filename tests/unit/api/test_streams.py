"""Records of a streamed response, for any cut of the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import repeat

import pytest

from twelvelabs_provider.api.call import Framing
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsAnswerError, TwelveLabsError
from twelvelabs_provider.api.redaction import remember_key
from twelvelabs_provider.api.streams import records

NDJSON = '{"a": "é"}\n\n{"b": [1, 2]}{"c": 3}\r\n{"d": 4}'.encode()
SSE = b'event: one\ndata: {"a":\ndata: 1}\n\n: keep-alive\n\ndata:{"b": 2}\r\n\r\ndata: [DONE]\n\n'


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_lines_across_chunk_boundaries(size: int) -> None:
    chunks = [NDJSON[start : start + size] for start in range(0, len(NDJSON), size)]
    assert list(records(chunks, Framing.NDJSON)) == [{"a": "é"}, {"b": [1, 2]}, {"c": 3}, {"d": 4}]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_events_across_chunk_boundaries(size: int) -> None:
    chunks = [SSE[start : start + size] for start in range(0, len(SSE), size)]
    assert list(records(chunks, Framing.SSE)) == [{"a": 1}, {"b": 2}]


def test_record_is_yielded_before_more_bytes_are_read() -> None:
    def chunks() -> object:
        yield b'{"first": 1}\n'
        raise AssertionError("asked for more")

    assert next(records(chunks(), Framing.NDJSON)) == {"first": 1}  # type: ignore[arg-type]


@pytest.mark.parametrize("framing", list(Framing))
def test_end_within_a_record_is_an_error(framing: Framing) -> None:
    start = b"data: " if framing is Framing.SSE else b""
    with pytest.raises(TwelveLabsAmbiguousError, match="broke off"):
        list(records([start + b'{"a": "tru'], framing))


def test_invalid_json_is_refused_with_its_beginning() -> None:
    with pytest.raises(TwelveLabsAnswerError, match="<html>"):
        list(records([b"<html>oops</html>\n"], Framing.NDJSON))


@pytest.mark.parametrize("spelling", ["tlk_0SECRET0", "tlk\\u005f0SECRET0"])
def test_records_are_redacted(spelling: str) -> None:
    remember_key("tlk_0SECRET0")
    half = len(spelling) // 2
    chunks = [f'{{"key": "{spelling[:half]}'.encode(), f'{spelling[half:]}"}}\n'.encode()]
    assert list(records(chunks, Framing.NDJSON)) == [{"key": "***"}]


@pytest.mark.parametrize("framing", list(Framing))
def test_endless_record_is_refused(framing: Framing) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"data: {"
        while True:
            yield b"x" * 1000

    with pytest.raises(TwelveLabsAnswerError, match="larger than 10,000 bytes"):
        list(records(chunks(), framing, 10_000))


def test_event_of_endless_lines_is_refused() -> None:
    with pytest.raises(TwelveLabsAnswerError, match="larger than 10,000 bytes"):
        list(records(repeat(b"data: xxxxxxxxxx\n"), Framing.SSE, 10_000))


@pytest.mark.parametrize("framing", list(Framing))
@pytest.mark.parametrize(
    "line", [b"data:\n\n", b"data: " + b"[" * 5000 + b"\n\n", b"data: " + b"9" * 9000 + b"\n\n", b"\xff\xfe\n"]
)
def test_unexpected_lines_are_ignored_or_a_typed_error(framing: Framing, line: bytes) -> None:
    with suppress(TwelveLabsError):
        list(records([line if framing is Framing.SSE else line.removeprefix(b"data: ")], framing))
