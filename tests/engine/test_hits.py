"""Hits of a search and the lines that they match."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from twelvelabs_local.engine.hits import Evidence, Hit, all_of, any_of, combined, excluding, peaks, ranked
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.schema import open_database
from twelvelabs_local.store.search_lines import Kind, WordMatch, count_lines, lines_with, words_between
from twelvelabs_local.store.videos import Video, VideoResult


def hit(start: float, end: float, score: float, option: str = "a", video: str = "v") -> Hit:
    return Hit(video, start, end, score, {option: Evidence(score)})


def scored(hits: Sequence[Hit]) -> list[tuple[float, float, float]]:
    return [(one.start, one.end, round(one.score, 3)) for one in hits]


def test_a_clip_that_several_options_match_is_one_hit() -> None:
    (one,) = any_of([[hit(0, 1, 0.5)], [hit(0, 1, 0.8, "b")], [hit(0, 1, 0.2)]])
    assert one.score == 0.8
    assert {option: found.score for option, found in one.evidence.items()} == {"a": 0.5, "b": 0.8}


def test_a_hit_of_all_options_is_their_overlap() -> None:
    sides = [[hit(0, 4, 0.6)], [hit(2, 6, 0.9, "b"), hit(4, 6, 1, "b")], [hit(3, 9, 0.3, "c"), hit(3, 9, 1, video="w")]]
    (one,) = all_of(sides)
    assert scored([one]) == [(3, 4, 0.6)]
    assert set(one.evidence) == {"a", "b", "c"}
    assert all_of([[hit(0, 1, 1)], []]) == []


def test_a_match_of_words_and_image_has_the_full_score() -> None:
    found = combined([hit(0, 2, 0.8), hit(8, 9, 0.6)], [hit(1, 3, 1.0, "p"), hit(20, 30, 1.0, "p")])
    assert scored(ranked(found)) == [(1, 3, 0.9), (20, 30, 0.5), (0, 2, 0.4), (8, 9, 0.3)]


def test_excluded_clips_are_left_out() -> None:
    assert scored(excluding([hit(0, 2, 1), hit(2, 4, 1)], [hit(1, 2, 0.1)])) == [(2, 4, 1)]


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        ([1, 1, 0, 0.9], [(0, 2, 1), (3, 3.5, 0.9)]),
        ([0, 0, 0, 0], []),
        ([0.8, 0.9, 0.85, 0.8], [(0, 3.5, 0.9)]),
    ],
)
def test_peaks(scores: list[float], found: list[tuple[float, float, float]]) -> None:
    assert peaks([0, 1, 2, 3], scores, 3.5, 0.8) == found


def make(path: Path) -> Database:
    db = open_database(path)
    db.insert(Index(id="i", name="n", legacy=False, models=[], addons=[]))
    db.insert(Asset(id="a", method="direct", status="ready", filename="f", size_limit=1))
    db.insert(Video(id="v", index_id="i", asset_id="a", legacy=False, status="ready", filename="f"))
    keep(db, "Crème brûlée", "burning questions")
    return db


def keep(db: Database, *values: str) -> None:
    rows: list[SegmentRow] = [
        {"start": number, "end": number + 1, "value": value} for number, value in enumerate(values)
    ]
    db.replace(VideoResult(video_id="v", kind="transcription", segments=rows))


def found(db: Database, match: WordMatch, word: str) -> list[str]:
    return [line.value for line in lines_with(db, "i", Kind.SPEECH, match, word)]


def test_lines_follow_the_results_of_videos(tmp_path: Path) -> None:
    db = make(tmp_path / "db")
    assert found(db, WordMatch.LEXICAL, "creme") == ["Crème brûlée"]
    assert (found(db, WordMatch.LEXICAL, "burn"), found(db, WordMatch.SEMANTIC, "burns")) == ([], ["burning questions"])
    assert words_between(db, "v", 0.5, 1.5) == "Crème brûlée burning questions"
    keep(db, "other words")
    assert (found(db, WordMatch.SEMANTIC, "burns"), count_lines(db, "i", Kind.SPEECH)) == ([], 1)
    db.run("DELETE FROM indexes")
    for table in ("lines", "results"):
        assert db.value(f"SELECT count(*) FROM {table}") == 0
    assert found(db, WordMatch.LEXICAL, "other") == []


def test_an_older_data_folder_gets_its_lines(tmp_path: Path) -> None:
    db = make(tmp_path / "db")
    db.run("DELETE FROM lines")
    assert found(db, WordMatch.LEXICAL, "creme") == []
    for _ in range(2):
        again = open_database(tmp_path / "db")
        assert found(again, WordMatch.LEXICAL, "creme") == ["Crème brûlée"]
        assert count_lines(again, "i", Kind.SPEECH) == 2
