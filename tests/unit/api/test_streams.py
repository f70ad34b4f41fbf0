"""Records out of streamed answers, however the bytes are cut."""

from __future__ import annotations

import pytest

from twelvelabs_provider.api.call import Framing
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsAnswerError
from twelvelabs_provider.api.streams import records

NDJSON = '{"a": "é"}\n\n{"b": [1, 2]}{"c": 3}\r\n{"d": 4}'.encode()
SSE = b'event: one\ndata: {"a":\ndata: 1}\n\n: keep-alive\n\ndata:{"b": 2}\r\n\r\ndata: [DONE]\n\n'


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_lines_are_cut_anywhere(size: int) -> None:
    chunks = [NDJSON[start : start + size] for start in range(0, len(NDJSON), size)]
    assert list(records(chunks, Framing.NDJSON)) == [{"a": "é"}, {"b": [1, 2]}, {"c": 3}, {"d": 4}]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_events_are_cut_anywhere(size: int) -> None:
    chunks = [SSE[start : start + size] for start in range(0, len(SSE), size)]
    assert list(records(chunks, Framing.SSE)) == [{"a": 1}, {"b": 2}]


def test_a_record_comes_out_before_the_next_bytes_are_asked_for() -> None:
    def chunks() -> object:
        yield b'{"first": 1}\n'
        raise AssertionError("asked for more")

    assert next(records(chunks(), Framing.NDJSON)) == {"first": 1}  # type: ignore[arg-type]


@pytest.mark.parametrize("framing", list(Framing))
def test_an_end_in_the_middle_of_a_record_is_told(framing: Framing) -> None:
    start = b"data: " if framing is Framing.SSE else b""
    with pytest.raises(TwelveLabsAmbiguousError, match="broke off"):
        list(records([start + b'{"a": "tru'], framing))


def test_what_is_no_json_is_refused_with_its_beginning() -> None:
    with pytest.raises(TwelveLabsAnswerError, match="<html>"):
        list(records([b"<html>oops</html>\n"], Framing.NDJSON))


def test_lines_are_cleaned_before_they_are_read() -> None:
    found = records([b'{"key": "tlk_se', b'cret"}\n'], Framing.NDJSON, lambda line: line.replace(b"tlk_secret", b"***"))
    assert list(found) == [{"key": "***"}]
