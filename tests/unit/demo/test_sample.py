"""Committed sample video: it matches its script."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import av
import pysubs2

from demo.make_sample import DATA, SIZE, SLIDES, SPEECH

VIDEO = DATA / "sample.mp4"


def words(texts: list[str]) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", " ".join(texts).lower()))


def test_no_word_is_both_spoken_and_shown() -> None:
    shown = words([text for slide in SLIDES for text in (slide.title, slide.line)])
    assert shown
    assert shown.isdisjoint(words(list(SPEECH)))


def test_subtitles_equal_the_spoken_words() -> None:
    events = pysubs2.load(str(VIDEO.with_suffix(".srt")), encoding="utf-8").events
    assert tuple(event.plaintext for event in events) == SPEECH
    assert all(before.end <= after.start for before, after in itertools.pairwise(events))
    assert events[-1].end / 1000 <= duration(VIDEO)


def test_video_is_small_and_has_picture_and_sound() -> None:
    assert VIDEO.stat().st_size < 1_500_000
    assert 30 <= duration(VIDEO) <= 60
    with av.open(str(VIDEO)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert (picture.width, picture.height) == SIZE


def duration(path: Path) -> float:
    """Return the length in seconds."""
    with av.open(str(path)) as container:
        assert container.duration is not None
        return container.duration / 1_000_000
