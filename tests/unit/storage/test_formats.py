from __future__ import annotations

import io
import json
from collections.abc import Iterable

import pyarrow.parquet
import pysubs2
import pytest

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.formats import Format, encoder_for, timestamp

ROWS = [
    Segment(0, 1.5, "Größe & <b>mass</b> 数"),
    Segment(1.5, 2, "first\r\n\r\n second\x0bthird\n", {"speaker": "A", "start": "not this one"}),
    Segment(360_000.0, 360_001.2345, "late --> later ---->"),
]


def encode(format: Format, rows: Iterable[Segment]) -> str:
    encoder = encoder_for(format)
    return b"".join([encoder.header(), *(encoder.row(row) for row in rows), encoder.footer()]).decode()


def test_parse_all_keeps_the_order_and_drops_duplicates() -> None:
    assert Format.parse_all(["srt", "JSONL", "srt"]) == (Format.SRT, Format.JSONL)


@pytest.mark.parametrize(
    ("values", "named"), [(["jsonl", "xml"], "'xml'"), ([], "[]"), ("srt", "'srt'"), ([None], "None")]
)
def test_parse_all_names_invalid_and_valid_formats(values: list[str], named: str) -> None:
    with pytest.raises(TwelveLabsInputError) as caught:
        Format.parse_all(values)
    assert named in str(caught.value)
    assert "jsonl, json, srt, vtt" in str(caught.value)


def test_jsonl_has_one_object_per_line_in_plain_unicode() -> None:
    text = encode(Format.JSONL, ROWS)
    assert "Größe" in text
    first, second, _ = [json.loads(line) for line in text.splitlines()]
    assert first == {"start": 0, "end": 1.5, "value": ROWS[0].value}
    assert list(second) == ["start", "end", "value", "speaker"]
    assert second["start"] == 1.5


def test_jsonl_lines_are_not_split_by_other_line_breaks() -> None:
    text = encode(Format.JSONL, [Segment(0, 1, "a\u2028b\u2029c\x85d\re")])
    assert len(text.splitlines()) == 1
    assert json.loads(text)["value"] == "a\u2028b\u2029c\x85d\re"


def test_parquet_keeps_extra_fields_in_one_column() -> None:
    encoder = encoder_for(Format.PARQUET)
    content = b"".join([encoder.header(), *(encoder.row(row) for row in ROWS), encoder.footer()])
    first, second, _ = pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
    assert first == {"start": 0.0, "end": 1.5, "value": ROWS[0].value, "extra": None}
    assert json.loads(second["extra"]) == {"speaker": "A"}


def test_json_is_an_array_of_the_same_rows() -> None:
    rows = json.loads(encode(Format.JSON, ROWS))
    assert rows == [json.loads(line) for line in encode(Format.JSONL, ROWS).splitlines()]


def test_srt_cues() -> None:
    assert encode(Format.SRT, ROWS) == (
        "1\n00:00:00,000 --> 00:00:01,500\nGröße & <b>mass</b> 数\n\n"
        "2\n00:00:01,500 --> 00:00:02,000\nfirst\nsecond\nthird\n\n"
        "3\n100:00:00,000 --> 100:00:01,234\nlate -> later ->\n\n"
    )


def test_vtt_cues() -> None:
    assert encode(Format.VTT, ROWS) == (
        "WEBVTT\n\n"
        "1\n00:00:00.000 --> 00:00:01.500\nGröße &amp; &lt;b&gt;mass&lt;/b&gt; 数\n\n"
        "2\n00:00:01.500 --> 00:00:02.000\nfirst\nsecond\nthird\n\n"
        "3\n100:00:00.000 --> 100:00:01.234\nlate --&gt; later ----&gt;\n\n"
    )


@pytest.mark.parametrize(("format", "empty"), [("jsonl", ""), ("json", "[\n]\n"), ("srt", ""), ("vtt", "WEBVTT\n\n")])
def test_no_rows_make_a_valid_file(format: str, empty: str) -> None:
    assert encode(Format(format), []) == empty


@pytest.mark.parametrize("format", [Format.SRT, Format.VTT])
def test_cues_have_a_duration_and_a_text(format: Format) -> None:
    rows = [Segment(1, 1, "instant"), Segment(3, 2, "backwards"), Segment(4, 5, " \n "), Segment(5, 6, "\x00next")]
    cues = pysubs2.SSAFile.from_string(encode(format, rows))
    assert [(cue.start, cue.end, cue.text) for cue in cues] == [
        (1000, 1500, "instant"),
        (3000, 3500, "backwards"),
        (5000, 6000, "next"),
    ]


def test_timestamps_round_to_the_nearest_millisecond() -> None:
    text = encode(Format.SRT, [Segment(59.9996, 3599.9994, "x"), Segment(-1, 1, "y")])
    assert "00:01:00,000 --> 00:59:59,999" in text
    assert "00:00:00,000 --> 00:00:01,000" in text
    assert timestamp(360_000_000 + 1) == "100:00:00.001"


@pytest.mark.parametrize("format", list(Format))
def test_times_that_are_not_numbers_are_refused(format: Format) -> None:
    with pytest.raises((ValueError, OverflowError)):
        encoder_for(format).row(Segment(float("nan"), float("inf"), "x"))


@pytest.mark.parametrize("format", [format for format in Format if format is not Format.PARQUET])
def test_lone_surrogate_is_written(format: Format) -> None:
    assert "a?b" in encode(format, [Segment(0, 1, "a\ud800b")])
