"""Feature vectors of texts, pictures and sounds, without a trained model.

Vectors of one kind are similar for texts that share words, pictures that share layout and colours, and sounds that
share a spectrum. Unlike the service's, vectors of different kinds cannot be compared. The same input always gives the
same vector, on every machine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twelvelabs_local.errors import MediaError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]
    Picture = NDArray[np.uint8]

MODEL_NAME = "twelvelabs-local-features"
DIMENSIONS = 512

RATE = 16_000
"""Samples per second of sounds."""

SIDE = 64
"""Pixels; pictures are scaled to this square first."""

LAYOUT = 16
CELLS = 4
ANGLES = 8
HUES, STRENGTHS, LIGHTS = 8, 4, 4
WINDOW, HOP, BANDS = 400, 160, 64

_WORD = re.compile(r"\w+")


def text_vector(text: str) -> Vector:
    """Return the vector of a text: signed hashes of its words, word pairs and letter trigrams.

    :param text: any language, case-insensitive. A text without letters or digits has a zero vector.
    """
    import numpy as np

    vector = np.zeros(DIMENSIONS, np.float32)
    for feature, weight in _text_features(_WORD.findall(text.casefold())):
        place, sign = _hashed(feature)
        vector[place] += sign * weight
    return unit(np.sign(vector) * np.sqrt(np.abs(vector)))


def _text_features(words: Sequence[str]) -> Iterator[tuple[str, float]]:
    for word in words:
        yield f"w:{word}", 1.0
        letters = f"<{word}>"
        for start in range(len(letters) - 2):
            yield f"l:{letters[start : start + 3]}", 0.3
    for first, second in pairwise(words):
        yield f"p:{first} {second}", 0.5


@lru_cache(maxsize=1 << 14)
def _hashed(feature: str) -> tuple[int, int]:
    number = int.from_bytes(hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=4).digest(), "big")
    return number % DIMENSIONS, 1 if number >> 31 else -1


def picture_vector(picture: Picture) -> Vector:
    """Return the vector of a picture: brightness layout, colour histogram and edge directions.

    :param picture: rows of pixels: blue, green, red.
    """
    import cv2
    import numpy as np

    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    layout = cv2.resize(grey, (LAYOUT, LAYOUT), interpolation=cv2.INTER_AREA).ravel()
    hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
    bins, ranges = [HUES, STRENGTHS, LIGHTS], [0, 180, 0, 256, 0, 256]
    colours = np.sqrt(cv2.calcHist([hsv], [0, 1, 2], None, bins, ranges).ravel())
    return unit(np.concatenate([unit(layout - layout.mean()), unit(colours), unit(_edges(grey))]))


def _edges(grey: Any) -> Any:
    """Return the strength of the edges by direction in each cell of a grid."""
    import numpy as np

    down, across = np.gradient(grey)
    strength = np.hypot(down, across)
    angle = np.minimum((np.arctan2(down, across) % np.pi / np.pi * ANGLES).astype(int), ANGLES - 1)
    rows, columns = np.indices(grey.shape) * CELLS // SIDE
    return np.bincount(((rows * CELLS + columns) * ANGLES + angle).ravel(), strength.ravel(), CELLS * CELLS * ANGLES)


def sound_vector(sound: Any) -> Vector:
    """Return the vector of a sound: the energy of each band and its variation.

    :param sound: samples from -1 to 1, ``RATE`` per second. The vector of silence is not zero.
    """
    import numpy as np

    padded = np.pad(np.asarray(sound, np.float32), (0, max(0, 2 * WINDOW - len(sound))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1)) ** 2
    bands = np.log1p(power @ _mel_bands() * 1e4)
    steps = np.diff(bands, axis=0)
    levels = np.percentile(bands, (10, 50, 90), axis=0)
    statistics = [bands.mean(0), bands.std(0), *levels, bands.max(0), np.abs(steps).mean(0), steps.std(0)]
    # the shape of a spectrum distinguishes sounds, not their loudness; the constant keeps silence from being zero
    return unit(np.concatenate([values - values.mean() for values in statistics]) + 1e-3)


@lru_cache(maxsize=1)
def _mel_bands() -> Any:
    """Return triangular filters over the spectrum, evenly spaced on the mel scale."""
    import numpy as np

    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    return np.clip(np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)), 0, None)


def blended(vectors: Iterable[Vector]) -> Vector:
    """Return the mean direction of some vectors, for example of the moments of a clip.

    :param vectors: at least one.
    """
    import numpy as np

    return unit(np.sum(np.stack(list(vectors)), axis=0))


def unit(vector: Any) -> Vector:
    """Return a vector with length 1; zero stays zero."""
    import numpy as np

    length = float(np.linalg.norm(vector))
    whole: Vector = np.asarray(vector / length if length else vector, np.float32)
    return whole


def similarity(first: Vector, second: Vector) -> float:
    """Return the cosine of two vectors of length 1."""
    return float(first @ second)


def numbers(vector: Vector) -> list[float]:
    """Return a vector for JSON."""
    return [round(float(value), 6) for value in vector]


def read_picture(path: Path) -> Picture:
    """Decode an image file.

    :param path: the file.
    :raises MediaError: when the file is no image.
    """
    import cv2
    import numpy as np

    data = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise MediaError("image_file_broken", "The file is broken or not an image.")
    found: Picture = np.asarray(picture, np.uint8)
    return found
