"""Words of subtitles are kept: in provided files, and in published files that are read again."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.formats import Format, encoder_for
from twelvelabs_provider.storage.source import resolve_source
from twelvelabs_provider.storage.subtitle_markup import SubtitleFormat, plain_text
from twelvelabs_provider.storage.subtitle_parser import SubtitleSyntaxError, parse_subtitles
from twelvelabs_provider.storage.subtitles import read_subtitles

Read = Callable[..., list[Segment]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_it(content: str | bytes, name: str = "x.srt") -> list[Segment]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(read_subtitles(resolve_source(str(path), what="transcription"), video_duration=None).segments)

    return read_it


@pytest.fixture
def refusal(read: Read) -> Callable[..., str]:
    def refuse_it(content: str | bytes, name: str = "x.srt") -> str:
        with pytest.raises(TwelveLabsInputError) as caught:
            read(content, name)
        return str(caught.value)

    return refuse_it


def file_of(text: str, format: str) -> str:
    """A file of two cues, the first of which has a text."""
    comma, header = (",", "") if format == "srt" else (".", "WEBVTT\n\n")
    return (
        f"{header}1\n00:00:01{comma}000 --> 00:00:02{comma}000\n{text}\n\n"
        f"2\n00:00:03{comma}000 --> 00:00:04{comma}000\nend\n"
    )


SURVIVES = [
    "returns a List<String> of names",
    "use <T> or Map<String, int> here",
    "type <Enter> now",
    "<Bob> says hello",
    "if a<b then c>d",
    "if i<s and u>b or a<v then c>d",
    "x < y > z",
    "I <3 you",
    "a <- b -> c => d",
    "<https://example.com/i?b=1>",
    "#include <stdio.h>",
    "</body> is the end",
    r"open C:\New Folder\home\names now",
    r"C:\notes",
    r"the set \Nabla and \hbar",
    r"\N",
    r"send {\"a\": 1} as JSON",
    '{"a": 1} or {"b": {}}',
    r"{\frac{a}{b}} and {\rm text} and {\new}",
    "a {b} c {}",
    "{sic}",
    "AT&T & Co; Q&A; &copy=1",
    "42",
    "2\n3",
    "line one\n42",
    "press File --> Save",
    "A --> B --> C",
    "--> see below",
    "leaves at 10:15:30,500 and arrives 11:20:10,250",
    "leaves at 10:15:30.500 and arrives 11:20:10.250",
    "at 10:15 and 11:15",
    "- Yes.\n- No.",
    "WEBVTT is a format",
    "see NOTE 5",
    "a\u2060b\u200dc \u202bd\u202c",
]


@pytest.mark.parametrize("format", ["srt", "vtt"])
@pytest.mark.parametrize("text", SURVIVES)
def test_words_of_a_provided_file_are_kept(read: Read, text: str, format: str) -> None:
    assert [cue.value for cue in read(file_of(text, format), f"x.{format}")] == [text, "end"]


GOES = [
    ("<i>a</i> <b>b</b> <u>c</u> <s>d</s>", "a b c d"),
    ("<I>a</I> <B>b</B> < i>", "a b < i>"),
    ("<i>not closed", "not closed"),
    ("closed only</i></b>", "closed only"),
    ("<b><i><u>nested</u></i></b>", "nested"),
    ("un<i>believ</i>able", "unbelievable"),
    ('<font color="#ff0000" face=Arial>red</font>', "red"),
    ("<FONT COLOR='red'>red</FONT>", "red"),
    ("<font>plain</font>", "plain"),
    ("<c.yellow.bg_blue>a</c> <c>b</c>", "a b"),
    ("<b.loud>a</b>", "a"),
    ("<ruby>漢<rt>kan</rt></ruby>", "漢kan"),
    ("<v Ann Lee>Hello</v>", "Hello"),
    ("<v.loud Ann>Hello", "Hello"),
    ("<lang en-GB>colour</lang>", "colour"),
    ("<v Ann>A</v>\n<v Bob>B</v>", "A\nB"),
    ("- <v Ann>A</v> <v Bob>B</v>", "- A B"),
    ("one<br>two<br/>three<BR />four", "one\ntwo\nthree\nfour"),
    (r"{\an8}top", "top"),
    (r"{\AN8}top", "top"),
    (r"{\i1}a{\i0} {\b1\u1}b{\b0\u0}", "a b"),
    (r"{\pos(320,40)}{\fs20\c&H00FFFF&}a {\fnArial Black}b{\r}", "a b"),
    (r"{\fad(200,200)\bord2}a", "a"),
]


@pytest.mark.parametrize("format", ["srt", "vtt"])
@pytest.mark.parametrize(("text", "plain"), GOES)
def test_known_markup_is_removed(read: Read, text: str, plain: str, format: str) -> None:
    assert read(file_of(text, format), f"x.{format}")[0].value == plain


@pytest.mark.parametrize(
    ("text", "srt", "vtt"),
    [
        ("Tom &amp; Jerry &lt;3 &#65;", "Tom &amp; Jerry &lt;3 &#65;", "Tom & Jerry <3 A"),
        ("&lt;i&gt; is a tag", "&lt;i&gt; is a tag", "<i> is a tag"),
        ("&amp;lt;", "&amp;lt;", "&lt;"),
        ("a&nbsp;b", "a&nbsp;b", "a\u00a0b"),
        ("&nosuch; &#xZZ;", "&nosuch; &#xZZ;", "&nosuch; &#xZZ;"),
        ("a<00:00:01.500> b<00:01.750><c> c</c>", "a<00:00:01.500> b<00:01.750> c", "a b c"),
        ("a</>b", "a</>b", "ab"),
    ],
)  # fmt: skip
def test_webvtt_only_elements(text: str, srt: str, vtt: str) -> None:
    assert (plain_text(text, "srt"), plain_text(text, "vtt")) == (srt, vtt)


@pytest.mark.parametrize(
    ("lines", "times"),
    [
        ("1\n00:00:01,500 --> 00:00:02,000\na", (1.5, 2)),
        ("1\n00:00:01.500 --> 00:00:02.000\na", (1.5, 2)),
        ("1\n0:0:1,5 --> 0:0:2,25\na", (1.5, 2.25)),
        ("1\n00:01,500 --> 00:02,000\na", (1.5, 2)),
        ("1\n00:00:01 --> 00:00:02\na", (1, 2)),
        ("1\n123:00:01,000-->123:00:02,000\na", (442_801, 442_802)),
        ("1\n  00:00:01,500  -->  00:00:02,000  X1:100 X2:200 Y1:1 Y2:20\na", (1.5, 2)),
        ("00:00:01,500 --> 00:00:02,000\na", (1.5, 2)),
        ("17\n00:00:01,500 --> 00:00:02,000\na", (1.5, 2)),
        ("\n\n1\n\n00:00:01,500 --> 00:00:02,000\n\na", (1.5, 2)),
        ("\ufeff\ufeff1\n00:00:01,500 --> 00:00:02,000\na", (1.5, 2)),
    ],
)
def test_srt_variants(read: Read, lines: str, times: tuple[float, float]) -> None:
    later = "\n\n2\n200:00:03,000 --> 200:00:04,000\nb\n"
    first, second = read(lines + later)
    assert (first, second.value) == (Segment(*times, "a"), "b")
    assert read((lines + later).replace("\n", "\r\n"))[0] == first
    assert read((lines + later).replace("\n", "\r"))[0] == first


def test_cues_with_missing_or_extra_blank_lines_and_numbers(read: Read) -> None:
    cues = "00:00:01,000 --> 00:00:02,000\na\n\n7\n{n}00:00:03,000 --> 00:00:04,000\n\n\nb\n\nc\n"
    for number, text in (("2\n", "a\n7"), ("", "a"), ("\n", "a\n7")):
        assert [cue.value for cue in read(cues.replace("{n}", number))] == [text, "b\nc"]
    tight = "1\n00:00:01,000 --> 00:00:02,000\na\n2\n00:00:03,000 --> 00:00:04,000\nb"
    joined = file_of("a", "srt") + "\n\ufeff1\n00:00:05,000 --> 00:00:06,000\nc\n"
    assert [cue.value for cue in read(tight)] == ["a", "b"]
    assert [cue.value for cue in read(joined)] == ["a", "end", "c"]


VTT_HEADERS = [
    "WEBVTT",
    "WEBVTT a title",
    "WEBVTT\tKind: captions",
    "\ufeffWEBVTT\nKind: captions\nLanguage: en",
    "WEBVTT\n\nNOTE one\ntwo\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:fred\n\nNOTE 00:00:00.100 --> 00:00:00.200",
    "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0",
]


@pytest.mark.parametrize("header", VTT_HEADERS)
@pytest.mark.parametrize("name", ["", "7\n", "intro words\n"])
def test_webvtt_variants(read: Read, header: str, name: str) -> None:
    first = f"{name}00:01.500 --> 00:02.000 align:start position:10%,line-left\na\n\n"
    body = f"{first}{name}01:00:03.000 --> 01:00:04.000\nb\n\nc\n"
    assert read(f"{header}\n\n{body}", "x.vtt") == [Segment(1.5, 2, "a"), Segment(3603, 3604, "b\nc")]
    assert read(f"WEBVTT\n{body.removeprefix(name)}", "x.vtt")[0].value == "a"


def test_blank_placeholder_cues_are_ignored(read: Read, refusal: Callable[..., str]) -> None:
    for text in ("&nbsp;", "\u00a0", "<i>&nbsp;</i>", "&#160;\n&nbsp;"):
        for format in ("srt", "vtt"):
            if format == "vtt" or ";" not in text or text == "&nbsp;":
                assert [cue.value for cue in read(file_of(text, format), f"x.{format}")] == ["end"]
    assert "holds no cue" in refusal("1\n00:00:01,000 --> 00:00:02,000\n&nbsp;\n")


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("\nWEBVTT\n\n00:01.000 --> 00:02.000\na\n", "x.vtt", "blank lines or spaces before WEBVTT"),
        ("\nWEBVTT\n\n00:01.000 --> 00:02.000\na\n", "x.srt", "blank lines or spaces before WEBVTT"),
        (" WEBVTT\n\n00:01.000 --> 00:02.000\na\n", "x.vtt", "blank lines or spaces before WEBVTT"),
        ("webvtt\n\n00:01.000 --> 00:02.000\na\n", "x.vtt", "begins with 'webvtt'"),
        ("WEBVTT1\n\n00:01.000 --> 00:02.000\na\n", "x.vtt", "begins with 'WEBVTT1'"),
        ("00:01.000 --> 00:02.000\na\n", "x.vtt", "is SRT inside but named .vtt: rename it to .srt"),
        ("1\n00:00:01,000 --> 00:00:02,000\na\n", "x.vtt", "is SRT inside but named .vtt: rename it to .srt"),
        ("intro\n00:01.000 --> 00:02.000\na\n", "x.vtt", "put a line WEBVTT and a blank line before everything else"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\na\n", "x.SRT", "is VTT inside but named .srt: rename it to .vtt"),
        ("1\n00:00:01,000 --> 00:00:02,000 Hello\n", "x.srt", "line 2: 'Hello' stands behind the times"),
        ("1\n00:00:01,000 --> 00:60:02,000\na\n", "x.srt", "line 2: '00:00:01,000 --> 00:60:02,000' is no timing"),
        ("1\n00:01 --> 00:02\na\n", "x.srt", "line 2: '00:01 --> 00:02' is no timing"),
        ("1\n-00:00:01,000 --> 00:00:02,000\na\n", "x.srt", "is no timing; write it like 00:00:01,000 -->"),
        ("a\n\n00:00:01,000 --> 00:00:02,000\na\n", "x.srt", "line 1: 'a' stands before the first cue: remove it"),
        ("WEBVTT\n\n00:01,000 --> 00:02,000\na\n", "x.vtt", "is no timing; write it like 00:00:01.000 -->"),
        (file_of("a\n\n3\n00:00:03,000 -> 00:00:04,000\nb", "srt"), "x.srt", "line 6: '00:00:03,000 -> 00:00:04,000'"),
        (file_of("a\n00:00:03;000 --> 00:00:04,000\nb", "srt"), "x.srt", "line 4: '00:00:03;000 --> 00:00:04,000'"),
        ("{10}{20}Hello", "x.sub", "neither SRT nor WebVTT but MicroDVD"),
        (file_of("a", "srt").encode("utf-32"), "x.srt", "is UTF-32"),
        (file_of("a\0b", "srt"), "x.srt", "has a NUL byte at position 33: remove it, for instance with: tr -d"),
    ],
)  # fmt: skip
def test_errors_name_the_fault(refusal: Callable[..., str], content: str | bytes, name: str, words: str) -> None:
    assert words in refusal(content, name)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (file_of("Größe", "srt").encode("utf-16"), "it's $(a).srt"),
        (file_of("Größe", "srt").encode("utf-16-le"), "my words.srt"),
        (file_of("Größe", "srt").encode("utf-16-be"), "-x.srt"),
        (file_of("Größe", "srt").encode("utf-32"), "a;b.srt"),
        (file_of("Größe", "srt").encode("cp1252"), "x.srt"),
        (file_of("Grö\0ße", "srt").encode(), "x y.srt"),
    ],
)
def test_advised_command_works(
    refusal: Callable[..., str], read: Read, tmp_path: Path, content: bytes, name: str
) -> None:
    command = refusal(content, name).partition("with: ")[2].rpartition(". File: ")[0]
    before = set(tmp_path.iterdir())
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    (made,) = set(tmp_path.iterdir()) - before
    assert read(made.read_bytes(), "made.srt")[0].value == "Größe"


HARD = [
    "42",
    "Chapter\n7",
    "7\n",
    "00:00:01,000 --> 00:00:02,000",
    "00:00:01.000 --> 00:00:02.000",
    "1\n00:00:01,000 --> 00:00:02,000\ntext",
    "1\n\n00:00:01.000 --> 00:00:02.000\n\ntext",
    "leaves 10:15:30,500 and arrives 11:20:10,250",
    "10:15.500-11:20.250",
    "a\n\nb\n \n\tc",
    "  leading and trailing \t",
    "-->",
    "--> a ----> b",
    "a & b &amp; c &lt; &nosuch;",
    "a < b > c <d",
    "<Bob> List<String>",
    r"C:\New {\"a\": 1} \N \h {b}",
    "a\rb\r\nc",
    "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg",
    "a\x00b\x07c\x7f",
    "\ufeffa\ufeff",
    "\ud800",
    "NOTE a",
    "STYLE",
    "WEBVTT",
    "\u0667\n\u0667",
    "🎥 \U0001d54f e\u0301",
]


def published(texts: list[str], format: str) -> tuple[list[Segment], bytes]:
    """Cues that overlap, and the file of them."""
    rows = [Segment(number, number + 1.5, text) for number, text in enumerate(texts)]
    encoder = encoder_for(Format(format))
    return rows, b"".join([encoder.header(), *map(encoder.row, rows), encoder.footer()])


def as_written(text: str, format: str) -> str:
    """What of a text a format can hold: no control characters, no blank lines, no arrow in SRT."""
    kept = re.sub(r"[\x00-\x08\x0e-\x1b\x1f\x7f]", "", text)
    lines = [line.strip() for line in kept.encode(errors="replace").decode().splitlines()]
    joined = "\n".join(line for line in lines if line)
    while format == "srt" and "-->" in joined:
        joined = joined.replace("-->", "->")
    return joined


def words(text: str) -> list[str]:
    return "".join(text.split()).split()


def check_again(texts: list[str], format: SubtitleFormat) -> None:
    rows, content = published(texts, format)
    expected = [(row.start, row.end, as_written(row.value, format)) for row in rows]
    expected = [row for row in expected if row[2]]
    cues = parse_subtitles(content.decode(), format) if expected else []
    found = [(cue.start / 1000, cue.end / 1000, plain_text(cue.text, format)) for cue in cues]
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for (*_, text), (*_, wanted) in zip(found, expected, strict=True):
        wanted = plain_text(wanted, "srt") if format == "srt" else wanted
        # A line with two times is two lines.
        assert words(text) == words(wanted)
        assert text == wanted or text.count(":") > 1
    others = pysubs2.SSAFile.from_string(content.decode(), format_=format, keep_html_tags=True)
    assert [(one.start / 1000, one.end / 1000) for one in others] == [row[:2] for row in expected]
    if format == "srt":
        assert [words(one.text.replace(r"\N", "\n")) for one in others] == [
            words(row[2].replace(r"\N", "\n")) for row in expected
        ]


@pytest.mark.parametrize("format", ["srt", "vtt"])
@pytest.mark.parametrize("text", HARD)
def test_published_subtitles_are_read_back(text: str, format: SubtitleFormat) -> None:
    check_again([text], format)
    check_again(["first", text, text, "last"], format)
    check_again([text, "last\n1"], format)


PIECES = st.one_of(
    st.sampled_from([
        "\n", "\n\n", "\r\n", " ", "-->", "->", "<", ">", "&", "&amp;", "<i>", "</b>", "{\\an8}", "{", "}", "\\N", "1",
        "42", "00:00:01,000", "00:00:01.000", "01:02.345", ":", ",", "\u2028", "\x85", "\x0c", "\x00", "\ufeff", "NOTE",
    ]),
    st.text(max_size=5),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=8).map("".join)


@pytest.mark.parametrize("format", ["srt", "vtt"])
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, max_size=4))
def test_any_text_is_read_back(format: SubtitleFormat, texts: list[str]) -> None:
    check_again(texts, format)


@settings(max_examples=200, deadline=None)
@given(text=st.lists(st.one_of(PIECES, st.just("\n00:00:01,000 --> 00:00:02,000\n")), max_size=30).map("".join))
def test_random_files_raise_no_untyped_error(text: str) -> None:
    for content, format in ((text, "srt"), (f"WEBVTT\n{text}", "vtt")):
        try:
            parse_subtitles(content, format)  # type: ignore[arg-type]
        except SubtitleSyntaxError as error:
            assert str(error).startswith("line ")


def test_long_lines_are_parsed_in_linear_time() -> None:
    for text in ("<c" + ".a" * 50_000, "<b " + "a=1 " * 50_000, "{\\q1" * 50_000, "{" + "\\b1" * 50_000, "1:" * 50_000):
        plain_text(text, "vtt")
        parse_subtitles(f"1\n00:00:01,000 --> 00:00:02,000\n\n{text}", "srt")
