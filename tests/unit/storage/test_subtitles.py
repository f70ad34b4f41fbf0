from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage import subtitles
from twelvelabs_provider.storage.formats import Format, encoder_for
from twelvelabs_provider.storage.source import resolve_source
from twelvelabs_provider.storage.subtitles import GivenTranscript, read_subtitles

SRT = "1\n00:00:00,500 --> 00:00:02,000\nHello\nworld\n\n2\n00:00:02,000 --> 00:00:04,000\nSecond cue\n"
VTT = """WEBVTT - a title

STYLE
::cue { color: red }

NOTE this is
for no one

intro
00:00.500 --> 00:02.000 line:0 position:20%
<v Ann>Hello</v> <i>world</i> &amp; Co

NOTE between

00:00:02.000 --> 00:00:04.000
Never <00:00:02.500>gonna <00:00:03.000><c.x>give</c>
12
"""

Read = Callable[..., GivenTranscript]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_it(content: str | bytes, *, name: str = "my words.srt", duration: float | None = 60) -> GivenTranscript:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_subtitles(resolve_source(str(path), what="transcription"), video_duration=duration)

    return read_it


@pytest.fixture
def refusal(read: Read) -> Callable[..., str]:
    def refuse_it(content: str | bytes, *, name: str = "my words.srt", duration: float | None = 60) -> str:
        with pytest.raises(TwelveLabsInputError) as caught:
            read(content, name=name, duration=duration)
        assert str(caught.value).endswith(f"/{name}")
        return str(caught.value)

    return refuse_it


def test_srt_cues(read: Read) -> None:
    given = read(SRT)
    assert given.format == "srt"
    assert given.filename == "my words.srt"
    assert given.segments == (Segment(0.5, 2, "Hello\nworld"), Segment(2, 4, "Second cue"))
    assert given.content == SRT.encode()


def test_vtt_cues(read: Read) -> None:
    given = read(VTT, name="x.vtt")
    assert given.format == "vtt"
    assert given.segments == (Segment(0.5, 2, "Hello world & Co"), Segment(2, 4, "Never gonna give\n12"))


def test_byte_order_mark_windows_line_endings_and_old_suffix(read: Read) -> None:
    content = b"\xef\xbb\xbf" + SRT.replace("\n", "\r\n").encode()
    given = read(content, name="words.txt")
    assert [segment.value for segment in given.segments] == ["Hello\nworld", "Second cue"]
    assert given.content == content


@pytest.mark.parametrize("format", [Format.SRT, Format.VTT])
def test_published_subtitles_are_accepted_as_input(read: Read, format: Format) -> None:
    rows = (
        Segment(0, 1, "a < b & c\nzwei"),
        Segment(1, 2.345, "42"),
        Segment(1.5, 3, "Chapter\n7"),
        Segment(3, 4, "8"),
    )
    encoder = encoder_for(format)
    content = b"".join([encoder.header(), *map(encoder.row, rows), encoder.footer()])
    assert read(content, name=f"x.{format}").segments == rows


def test_markup_is_removed_and_similar_text_kept(read: Read) -> None:
    given = read('1\n00:00:01,000 --> 00:00:02,000\n{\\an8}<font color="red">1 < 2</font> {sic} <3\n')
    assert given.segments[0].value == "1 < 2 {sic} <3"


def test_cues_may_overlap(read: Read) -> None:
    assert len(read(SRT.replace("00:00:02,000 --> 00:00:04", "00:00:01,000 --> 00:00:04")).segments) == 2


def test_utf_16_is_refused_by_name(refusal: Callable[..., str]) -> None:
    message = refusal(SRT.encode("utf-16"))
    assert "is UTF-16 (byte order mark at byte 0)" in message
    assert "iconv -f UTF-16 -t UTF-8 'my words.srt'" in message


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_byte_order_mark(refusal: Callable[..., str], encoding: str) -> None:
    assert f"iconv -f {encoding.upper().replace('-L', 'L').replace('-B', 'B')}" in refusal(SRT.encode(encoding))


def test_latin_1_is_refused_with_the_position_of_the_byte(refusal: Callable[..., str]) -> None:
    content = SRT.replace("Hello", "Größe").encode("latin-1")
    message = refusal(content)
    assert f"is not UTF-8: byte 0xf6 at position {content.index(0xF6)}" in message
    assert "iconv -f WINDOWS-1252 -t UTF-8" in message


def test_unsupported_formats_are_refused(refusal: Callable[..., str]) -> None:
    assert "neither SRT nor WebVTT but ASS" in refusal("[Script Info]\nScriptType: v4.00+\n[V4+ Styles]\n")
    assert "neither SRT nor WebVTT:" in refusal("only words\n")
    assert "is VTT inside but named .srt: rename it to .vtt" in refusal(VTT)
    assert "is SRT inside but named .vtt" in refusal(SRT, name="x.vtt")


def test_file_without_cues_is_refused(refusal: Callable[..., str]) -> None:
    assert "holds no cue" in refusal("WEBVTT\n\nNOTE nothing\n", name="x.vtt")
    assert "holds no cue" in refusal(" \n\n")


@pytest.mark.parametrize("text", ["", "   ", "<i></i>", "{\\an8}"])
@pytest.mark.parametrize("last", [True, False])
def test_empty_cue_is_refused(refusal: Callable[..., str], text: str, last: bool) -> None:
    content = SRT.replace("Second cue", text) if last else SRT.replace("Hello\nworld", text)
    number, time = ("2", "00:00:02.000") if last else ("1", "00:00:00.500")
    assert f"cue {number} at {time} '' is empty" in refusal(content)
    vtt = "WEBVTT\n\n" + content.replace(",", ".")
    assert f"cue {number} at {time} '' is empty" in refusal(vtt, name="x.vtt")


@pytest.mark.parametrize("end", ["00:00:02,000", "00:00:01,000"])
def test_cue_without_duration_is_refused(refusal: Callable[..., str], end: str) -> None:
    message = refusal(SRT.replace("00:00:04,000", end))
    assert f"cue 2 at 00:00:02.000 'Second cue' ends at {end.replace(',', '.')}, not after its start" in message


def test_unordered_cues_are_refused(refusal: Callable[..., str]) -> None:
    message = refusal(SRT.replace("00:00:02,000 --> 00:00:04,000", "00:00:00,400 --> 00:00:04,000"))
    assert "cue 2 at 00:00:00.400 'Second cue' starts before cue 1 (00:00:00.500): sort" in message


def test_cue_beyond_the_end_of_the_video_is_refused(read: Read, refusal: Callable[..., str]) -> None:
    assert read(SRT, duration=3.5)
    assert read(SRT, duration=None)
    message = refusal(SRT, duration=3.4)
    assert (
        "cue 2 at 00:00:02.000 'Second cue' ends at 00:00:04.000, after the end of the video (00:00:03.400)" in message
    )
    late = "1\n00:00:03,000 --> 00:00:03,200\nLate\n"
    assert "after the end of the video" in refusal(late, duration=3)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("00:00:02,000 -->", "00:00:0x,000 -->", 7),
        ("00:00:02,000 --> 00:00:04,000", "00:00:02,000 -->", 7),
        ("00:00:02,000 --> ", "00:00:02,000 -> ", 7),
        ("00:00:02,000 -->", "100:00:02,000 -->", 7),
        ("1\n00", "Hello\n00", 1),
    ],
)
def test_lines_that_a_parser_would_drop_are_refused(refusal: Callable[..., str], old: str, new: str, line: int) -> None:
    assert f"line {line}: " in refusal(SRT.replace(old, new))


def test_long_text_is_truncated_in_the_message(refusal: Callable[..., str]) -> None:
    message = refusal("1\n00:00:02,000 --> 00:00:01,000\n" + "many words " * 1000)
    assert len(message) < 500
    assert "\u2026'" in message


def test_too_large_file_is_not_read_completely(
    read: Read, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subtitles, "MAX_BYTES", 2**20)
    assert "is larger than 1 MB" in refusal(SRT + "\n" * 2**20)


def test_url_is_not_read() -> None:
    with pytest.raises(TwelveLabsInputError, match="is a URL"):
        read_subtitles(resolve_source("https://host/x.srt"), video_duration=None)
