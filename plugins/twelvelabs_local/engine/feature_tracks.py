"""Feature tracks: vectors of a video's pictures and sound over time, cached by the SHA-256 of the content."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twelvelabs_local.engine.container import decoding
from twelvelabs_local.engine.features import RATE, blended, picture_vector, sound_vector
from twelvelabs_local.engine.frames import sampled
from twelvelabs_local.engine.speech import mono_sound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from twelvelabs_local.engine.features import Vector
    from twelvelabs_local.engine.text_extraction import MediaFile

CACHE_VERSION = 1
"""Incremented when the vectors change, so that older ones are not used."""

PICTURE_INTERVAL = 0.5
"""Seconds between two pictures."""

SOUND_SECONDS = 1.0
"""Seconds of sound per vector."""

MAX_SIDE = 320
SKETCH_SIZE = (64, 36)
MIN_DIFFERENCE = 24
"""Grey levels by which a changed point differs."""

MIN_CHANGE = 0.01
"""Minimum share of changed points at a cut."""

CUT_FACTOR = 3.0
"""A cut changes this many times more points than the median, because some videos always move."""


@dataclass(frozen=True)
class Track:
    """Vectors over time.

    :param moments: seconds, ascending.
    :param vectors: one row per moment.
    :param changes: share of the picture that differs from the moment before; zeros for sound.
    """

    moments: NDArray[np.float64]
    vectors: NDArray[np.float32]
    changes: NDArray[np.float32]

    def __bool__(self) -> bool:
        """Whether the track has any moments."""
        return bool(len(self.moments))

    def between(self, start: float, end: float) -> Vector:
        """Return the vector of a time range: the mean of its moments, or the moment that contains it.

        :param start: seconds.
        :param end: seconds.
        """
        import numpy as np

        first, last = np.searchsorted(self.moments, (start, end))
        if first >= last:
            first = max(0, int(first) - 1)
            last = first + 1
        return blended(self.vectors[first:last])

    def cuts(self) -> list[float]:
        """Return the moments of cuts: much more of the picture changes than usual."""
        import numpy as np

        if not self:
            return []
        least = max(MIN_CHANGE, CUT_FACTOR * float(np.median(self.changes)))
        return [float(moment) for moment in self.moments[self.changes >= least]]


class FeatureTracks:
    """Computes feature tracks, or reads them from the cache.

    :param cache: the cache folder.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def pictures(self, file: MediaFile, progress: Callable[[float], None]) -> Track:
        """Return the track of the pictures; empty for a file without pictures.

        :param file: the video.
        :param progress: called with the completed share, 0 to 1.
        :raises MediaError: when it cannot be decoded to its end.
        """
        return self._track(file, "pictures", _picture_vectors, progress)

    def sound(self, file: MediaFile, progress: Callable[[float], None]) -> Track:
        """Return the track of the sound; empty for a file without sound.

        :param file: the video or sound.
        :param progress: called with the completed share, 0 to 1.
        :raises MediaError: when it cannot be decoded to its end.
        """
        return self._track(file, "sound", _sound_vectors, progress)

    def _track(
        self,
        file: MediaFile,
        kind: str,
        samples: Callable[[Path], Iterator[tuple[float, Vector, float]]],
        progress: Callable[[float], None],
    ) -> Track:
        cached = self._cache / f"{file.sha256}.{CACHE_VERSION}.{kind}.npz"
        if not cached.exists():
            found: list[tuple[float, Vector, float]] = []
            with decoding():
                for sample in samples(file.path):
                    progress(sample[0] / file.duration if file.duration else 1.0)
                    found.append(sample)
            _write_file(cached, found)
        return _read(cached)


def picture_samples(path: Path) -> Iterator[tuple[float, Any]]:
    """Decode a video and yield a small upright picture (blue, green, red) per half second.

    :param path: a probed video.
    """
    return sampled(path, PICTURE_INTERVAL, MAX_SIDE)


def _picture_vectors(path: Path) -> Iterator[tuple[float, Vector, float]]:
    import cv2

    before: Any = None
    for moment, picture in picture_samples(path):
        sketch = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), SKETCH_SIZE, interpolation=cv2.INTER_AREA)
        changed = 0.0 if before is None else float((cv2.absdiff(before, sketch) > MIN_DIFFERENCE).mean())
        before = sketch
        yield moment, picture_vector(picture), changed


def _sound_vectors(path: Path) -> Iterator[tuple[float, Vector, float]]:
    import numpy as np

    size = int(SOUND_SECONDS * RATE) * 2
    rest, number = bytearray(), 0
    for piece in mono_sound(path):
        rest += piece
        while len(rest) >= size:
            yield number * SOUND_SECONDS, sound_vector(np.frombuffer(bytes(rest[:size]), np.int16) / 32768), 0.0
            del rest[:size]
            number += 1
    # a short remainder after the last full second is left out
    if len(rest) > size // 4 or (rest and not number):
        yield (
            number * SOUND_SECONDS,
            sound_vector(np.frombuffer(bytes(rest[: len(rest) // 2 * 2]), np.int16) / 32768),
            0.0,
        )


def _write_file(path: Path, samples: Sequence[tuple[float, Vector, float]]) -> None:
    """Write a file atomically: a killed process must not leave a partial track."""
    import numpy as np

    moments, vectors, changes = zip(*samples, strict=True) if samples else ((), (), ())
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    with os.fdopen(handle, "wb") as file:
        np.savez(
            file,
            moments=np.array(moments, np.float64),
            vectors=np.array(vectors, np.float32),
            changes=np.array(changes, np.float32),
        )
    os.replace(name, path)


def _read(path: Path) -> Track:
    import numpy as np

    with np.load(path, allow_pickle=False) as saved:
        return Track(saved["moments"], saved["vectors"], saved["changes"])
