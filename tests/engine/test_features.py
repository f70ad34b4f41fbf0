"""Feature vectors, feature tracks and segments of embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.engine.videos import make_sound, make_video
from twelvelabs_local.engine.embedding import EmbeddingInput, EmbeddingOptions, Option, Segmentation, embeddings, spans
from twelvelabs_local.engine.feature_tracks import FeatureTracks, Track
from twelvelabs_local.engine.features import (
    DIMENSIONS,
    RATE,
    blended,
    picture_vector,
    read_picture,
    similarity,
    sound_vector,
    text_vector,
)
from twelvelabs_local.engine.text_extraction import MediaFile
from twelvelabs_local.errors import MediaError


def scene(colour: tuple[int, int, int], x: int, y: int) -> Any:
    """A disc on a dark background."""
    picture = np.full((240, 320, 3), 30, np.uint8)
    cv2.circle(picture, (x, y), 60, colour, -1)
    return picture


def tone(hertz: float, seconds: float = 1.0, seed: int = 0) -> Any:
    moments = np.arange(round(RATE * seconds)) / RATE
    noise = np.random.default_rng(seed).normal(0, 0.01, len(moments))
    return 0.3 * np.sin(2 * np.pi * hertz * moments) + noise


def hiss(seed: int) -> Any:
    return np.random.default_rng(seed).normal(0, 0.2, RATE)


KINDS = {
    "text": (
        text_vector("a red car drives down the street"),
        text_vector("the red cars are driving down a street"),
        text_vector("boil the onions in a kitchen pot"),
    ),
    "text in another script": (
        text_vector("красная машина едет"),
        text_vector("Красная машина стоит"),
        text_vector("суп кипит на плите"),
    ),
    "picture": (
        picture_vector(scene((0, 0, 255), 100, 120)),
        picture_vector(scene((0, 10, 240), 110, 125)),
        picture_vector(scene((255, 80, 0), 250, 60)),
    ),
    "sound": (
        sound_vector(tone(440, seed=1)),
        sound_vector(tone(450, seed=2)),
        sound_vector(hiss(3)),
    ),
    "fused": (
        blended([text_vector("a red car"), picture_vector(scene((0, 0, 255), 100, 120))]),
        blended([text_vector("red cars"), picture_vector(scene((0, 0, 255), 105, 120))]),
        blended([text_vector("onion soup"), picture_vector(scene((255, 80, 0), 250, 60))]),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_similar_inputs_have_similar_vectors(kind: str) -> None:
    one, like, different = KINDS[kind]
    assert one.shape == (DIMENSIONS,) and np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert similarity(one, one) == pytest.approx(1, abs=1e-5)
    assert similarity(one, like) > similarity(one, different) + 0.1


def test_vectors_are_the_same_in_every_process() -> None:
    # a hash of Python's own would differ from run to run
    assert np.flatnonzero(text_vector("a")).tolist() == np.flatnonzero(text_vector("A")).tolist() == [340, 496]


def test_an_empty_text_is_zero_and_silence_is_not() -> None:
    assert not text_vector("... !").any()
    assert np.linalg.norm(sound_vector(np.zeros(RATE))) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(sound_vector(np.zeros(3))) == pytest.approx(1, abs=1e-5)


def test_a_file_that_is_no_image(tmp_path: Path) -> None:
    for content in (b"", b"no image"):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(MediaError, match="not an image"):
            read_picture(tmp_path / "x")


def track_of(moments: list[float], changes: list[float]) -> Track:
    vectors = np.eye(DIMENSIONS, dtype=np.float32)[: len(moments)]
    return Track(np.array(moments), vectors, np.array(changes, np.float32))


def test_a_time_range_is_the_mean_of_its_moments_or_the_moment_that_contains_it() -> None:
    track = track_of([0.0, 1.0, 2.0], [0, 0, 0])
    assert np.flatnonzero(track.between(0, 2)).tolist() == [0, 1]
    assert np.flatnonzero(track.between(1.2, 1.4)).tolist() == [1]
    assert np.flatnonzero(track.between(5, 6)).tolist() == [2]


def test_cuts_change_more_than_constant_motion() -> None:
    assert track_of([0, 1, 2, 3], [0, 0, 0.9, 0]).cuts() == [2.0]
    assert track_of([0, 1, 2, 3], [0, 0.3, 0.3, 0.35]).cuts() == []
    assert track_of([], []).cuts() == []


@pytest.mark.parametrize(
    ("how", "window", "cuts", "expected"),
    [
        (Segmentation(6), (0, 13), [], [(0, 6), (6, 12), (12, 13)]),
        (Segmentation(6), (1, 13.02), [], [(1, 7), (7, 13.02)]),
        (Segmentation(6, least=2), (0, 13), [], [(0, 6), (6, 12)]),
        (Segmentation(6, least=2), (0, 1), [], [(0, 1)]),
        (Segmentation(3, dynamic=True), (0, 9), [1, 4, 8], [(0, 4), (4, 9)]),
        (Segmentation(3, dynamic=True), (0, 25), [], [(0, 10), (10, 20), (20, 25)]),
        (Segmentation(3, dynamic=True), (0, 2), [], [(0, 2)]),
        (Segmentation(2, dynamic=True), (5, 20), [3, 9, 30], [(5, 9), (9, 20)]),
    ],
)
def test_segments_have_no_gaps(how: Segmentation, window: Any, cuts: list[float], expected: Any) -> None:
    assert spans(how, window, cuts) == expected


def test_a_video_is_split_where_its_slides_change(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", ("WINTER", "SUMMER 2031"), seconds=6)
    tracks = FeatureTracks(tmp_path)
    content = MediaFile(video, "v", 6.0)
    pictures = tracks.pictures(content, lambda _: None)
    assert pictures.cuts() == [3.0] and len(pictures.moments) == 10
    assert similarity(pictures.between(0, 3), pictures.between(0, 1)) > similarity(
        pictures.between(0, 3), pictures.between(3, 6)
    )
    # it is remembered: the file is not looked at again
    video.unlink()
    assert len(tracks.pictures(content, lambda _: None).moments) == 10


def test_a_video_without_sound_and_a_sound_without_pictures(tmp_path: Path) -> None:
    video = MediaFile(make_video(tmp_path / "v.mp4", seconds=4), "v", 4.0)
    sound = MediaFile(make_sound(tmp_path / "s.wav", 4.2), "s", 4.2)
    tracks = FeatureTracks(tmp_path)
    assert not tracks.sound(video, lambda _: None) and not tracks.pictures(sound, lambda _: None)
    assert tracks.sound(sound, lambda _: None).moments.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert (
        embeddings(
            EmbeddingOptions((Option.AUDIO,)), EmbeddingInput(4.0, None, tracks.sound(video, lambda _: None), None)
        )
        == []
    )


def test_words_are_embedded_in_their_segment() -> None:
    speech: Any = [{"start": 0.5, "end": 1.0, "value": "good"}, {"start": 7.0, "end": 7.5, "value": "morning"}]
    found = embeddings(EmbeddingOptions((Option.TRANSCRIPTION,), whole=False), EmbeddingInput(14.0, None, None, speech))
    assert [(row["start_sec"], row["end_sec"]) for row in found] == [(0, 6), (6, 12)]
    assert found[0]["embedding"] == [round(float(value), 6) for value in text_vector("good")]
