"""Text extraction without an engine process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.videos import make_video
from twelvelabs_local.engine.ocr import merge
from twelvelabs_local.engine.probe import probe
from twelvelabs_local.engine.subtitles import read_subtitles
from twelvelabs_local.engine.topics import Topic, topic_of
from twelvelabs_local.errors import MediaError
from twelvelabs_local.segments import within


def test_a_line_lasts_until_the_first_sample_without_it() -> None:
    samples = [(0.0, ["A", "B"]), (1.0, ["A"]), (2.0, ["a.", "C"]), (3.0, []), (4.0, ["A"])]
    assert merge(samples, 4.5) == [
        {"start": 0.0, "end": 1.0, "value": "B"},
        {"start": 0.0, "end": 3.0, "value": "A"},
        {"start": 2.0, "end": 3.0, "value": "C"},
        {"start": 4.0, "end": 4.5, "value": "A"},
    ]


def test_lines_that_differ_in_a_digit_are_two_lines() -> None:
    rows = merge([(0.0, ["Slide 1 of 20"]), (1.0, ["Slide 2 of 20"])], 2.0)
    assert [row["value"] for row in rows] == ["Slide 1 of 20", "Slide 2 of 20"]


def test_no_text_gives_no_segments() -> None:
    assert merge([], 5.0) == [] and merge([(0.0, [" .-"])], 5.0) == []


@pytest.mark.parametrize(
    ("texts", "topic"),
    [
        (("onscreen_text", "Text that appears"), Topic.SCREEN),
        (("segments", "Transcribe all text shown on screen"), Topic.SCREEN),
        (("x", "The text that is spoken"), Topic.SPEECH),
        (("dialogue", "who says what"), Topic.SPEECH),
        (("x", "y", "caption A caption"), Topic.SCREEN),
        (("goals", "A player scores"), Topic.OTHER),
    ],
)
def test_topic_of_a_definition(texts: tuple[str, ...], topic: Topic) -> None:
    assert topic_of(*texts) is topic


def test_srt_and_webvtt() -> None:
    row = {"start": 61.5, "end": 63.0, "value": "Two lines of it"}
    assert read_subtitles(b"\xef\xbb\xbf1\r\n00:01:01,500 --> 00:01:03,000\r\n<b>Two</b> lines\r\nof it\r\n") == [row]
    assert read_subtitles(b"WEBVTT\n\nid\n01:01.500 --> 01:03.000 align:start\nTwo lines of it\n") == [row]


@pytest.mark.parametrize("content", [b"", b"hello", b"WEBVTT\n", b"\xff\xfe1\x00", b"1\n00:00 --> x\nhello\n"])
def test_a_file_that_has_no_subtitles(content: bytes) -> None:
    with pytest.raises(MediaError):
        read_subtitles(content)


def test_a_playlist_is_no_video(tmp_path: Path) -> None:
    """A decoder would open the files that the playlist names."""
    make_video(tmp_path / "other.ts")
    (tmp_path / "list").write_text("ffconcat version 1.0\nfile other.ts\n")
    assert probe(tmp_path / "other.ts").width == 640
    with pytest.raises(MediaError):
        probe(tmp_path / "list")


def test_a_window_returns_the_overlapping_segments() -> None:
    rows = [{"start": float(n), "end": n + 1.0, "value": str(n)} for n in range(4)]
    assert [row["value"] for row in within(rows, 1.0, 3.0)] == ["1", "2"]  # type: ignore[arg-type]
    assert within(rows, None, None) == rows  # type: ignore[arg-type]
