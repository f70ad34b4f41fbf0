"""Watermark of published results."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.jobs.new_videos import LONGEST_INDEXING, OVERLAP, IndexEntry, ReadyVideo
from twelvelabs_provider.jobs.unpublished_videos import (
    MOST_RUNS,
    PublishingWatermark,
    UnpublishedVideos,
    unpublished_videos,
)

NOW = 1_000_000.0


def video(name: str, created: float, phase: Phase = Phase.READY, ready: float | None = None) -> IndexEntry:
    one = ReadyVideo("i", name, None, None, 6.0, None)
    return IndexEntry(phase, created, created if ready is None else ready, one)


def look(
    entries: Iterable[IndexEntry],
    watermark: PublishingWatermark,
    run: str = "run",
    done: Iterable[str] = (),
    most: int = 10,
) -> UnpublishedVideos:
    return unpublished_videos(entries, watermark, run, NOW, set(done).__contains__, most)


def test_all_of_a_burst_are_listed_oldest_first() -> None:
    burst = [video(f"v{number}", NOW - number) for number in range(1, 6)]
    found = look([*burst, burst[2]], PublishingWatermark.at(NOW - 5))
    assert found.videos == ("v5", "v4", "v3", "v2", "v1") and not found.more
    assert found.watermark.created <= NOW - 5


def test_videos_ready_before_the_first_poll_are_skipped() -> None:
    old = video("old", NOW - 2000, ready=NOW - 1500)
    slow = video("slow", NOW - 2000, ready=NOW - 50)
    assert look([old, slow], PublishingWatermark.at(NOW - 100)).videos == ("slow",)


def test_the_watermark_passes_no_unpublished_or_running_video() -> None:
    start = PublishingWatermark.at(NOW - 50_000)
    entries = [video("done", NOW - 9000), video("open", NOW - 8000), video("last", NOW)]
    assert look(entries, start, done=["done", "last"]).watermark.created == NOW - 8000
    running = [video("running", NOW - 9000, Phase.RUNNING), video("last", NOW)]
    assert look(running, start, done=["last"]).watermark.created == NOW - 9000
    endless = [video("endless", NOW - LONGEST_INDEXING - 1, Phase.RUNNING), video("last", NOW)]
    assert look(endless, start, done=["last"]).watermark.created == NOW - OVERLAP


def test_the_next_run_takes_the_rest() -> None:
    entries = [video(f"v{number}", NOW + number) for number in range(5)]
    first = look(entries, PublishingWatermark.at(NOW), "first", most=2)
    assert (first.videos, first.more) == (("v0", "v1"), 3)
    second = look(entries, first.watermark, "second", done=first.videos, most=2)
    assert (second.videos, second.more) == (("v2", "v3"), 1)


@pytest.mark.parametrize("clears", [0, 5])
def test_a_video_that_never_gets_a_result_is_given_up(clears: int) -> None:
    watermark, entries = PublishingWatermark.at(NOW - 20_000), [video("bad", NOW - 9000), video("last", NOW)]
    for number in range(MOST_RUNS):
        for _ in range(clears + 1):
            found = look(entries, watermark, f"run {number}", done=["last"])
            assert found.videos == ("bad",), "a cleared run does not count twice"
            watermark = PublishingWatermark.from_json(found.watermark.as_json())
    found = look(entries, watermark, "one more", done=["last"])
    assert (found.videos, found.given_up) == ((), ("bad",))
    assert found.watermark.created == NOW - OVERLAP and found.watermark.listed == {}


@pytest.mark.parametrize("value", [None, [], {}, {"version": 2}, {"version": 1, "created": "x"}])
def test_an_invalid_watermark_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not a watermark"):
        PublishingWatermark.from_json(value)
