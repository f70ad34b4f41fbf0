"""A video as vectors over time: what each moment looks and sounds like, kept by the content's SHA-256."""

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
    from twelvelabs_local.engine.understanding import Content

EDITION = 1
"""Raised when the vectors change, so that older ones are not used."""

LOOK_EVERY = 0.5
"""Seconds between the pictures that are described."""

LISTEN = 1.0
"""Seconds of sound that are described at a time."""

LONGEST_SIDE = 320
SKETCH = (64, 36)
CHANGED_BY = 24
"""Grey levels by which a point must differ to count as changed."""

LEAST_CHANGE = 0.01
"""Share of changed points below which there is no cut."""

OUTSTANDING = 3.0
"""How many times more than usual must change at a cut: a film that always moves is not all cuts."""


@dataclass(frozen=True)
class Track:
    """Vectors over time.

    :param moments: seconds at which each stretch begins, ascending.
    :param vectors: one row for each moment.
    :param changes: share of the picture that differs from the moment before; zeros for sound.
    """

    moments: NDArray[np.float64]
    vectors: NDArray[np.float32]
    changes: NDArray[np.float32]

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(len(self.moments))

    def between(self, start: float, end: float) -> Vector:
        """Return the vector of a stretch: the middle of its moments, or the moment that it lies in.

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
        """Return the moments at which much more of the picture changes than usual."""
        import numpy as np

        if not self:
            return []
        least = max(LEAST_CHANGE, OUTSTANDING * float(np.median(self.changes)))
        return [float(moment) for moment in self.moments[self.changes >= least]]


class Tracks:
    """Looks and listens, or remembers.

    :param cache: the folder where tracks are kept.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def pictures(self, content: Content, progress: Callable[[float], None]) -> Track:
        """Return what each moment looks like; nothing where there is no picture.

        :param content: the video.
        :param progress: called with the share that is done, 0 to 1.
        :raises MediaError: when it cannot be decoded to its end.
        """
        return self._track(content, "pictures", _looked_at, progress)

    def sound(self, content: Content, progress: Callable[[float], None]) -> Track:
        """Return what each second sounds like; nothing where there is no sound.

        :param content: the video or sound.
        :param progress: called with the share that is done, 0 to 1.
        :raises MediaError: when it cannot be decoded to its end.
        """
        return self._track(content, "sound", _listened_to, progress)

    def _track(
        self,
        content: Content,
        kind: str,
        samples: Callable[[Path], Iterator[tuple[float, Vector, float]]],
        progress: Callable[[float], None],
    ) -> Track:
        kept = self._cache / f"{content.sha256}.{EDITION}.{kind}.npz"
        if not kept.exists():
            found: list[tuple[float, Vector, float]] = []
            with decoding():
                for sample in samples(content.path):
                    progress(sample[0] / content.duration if content.duration else 1.0)
                    found.append(sample)
            _publish(kept, found)
        return _read(kept)


def picture_samples(path: Path) -> Iterator[tuple[float, Any]]:
    """Decode a video and give a picture (blue, green, red) for each half second, upright and small.

    :param path: a video that could be opened.
    """
    return sampled(path, LOOK_EVERY, LONGEST_SIDE)


def _looked_at(path: Path) -> Iterator[tuple[float, Vector, float]]:
    import cv2

    before: Any = None
    for moment, picture in picture_samples(path):
        sketch = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), SKETCH, interpolation=cv2.INTER_AREA)
        changed = 0.0 if before is None else float((cv2.absdiff(before, sketch) > CHANGED_BY).mean())
        before = sketch
        yield moment, picture_vector(picture), changed


def _listened_to(path: Path) -> Iterator[tuple[float, Vector, float]]:
    import numpy as np

    size = int(LISTEN * RATE) * 2
    rest, number = bytearray(), 0
    for piece in mono_sound(path):
        rest += piece
        while len(rest) >= size:
            yield number * LISTEN, sound_vector(np.frombuffer(bytes(rest[:size]), np.int16) / 32768), 0.0
            del rest[:size]
            number += 1
    # a few samples beyond the last second are no sound of their own
    if len(rest) > size // 4 or (rest and not number):
        yield number * LISTEN, sound_vector(np.frombuffer(bytes(rest[: len(rest) // 2 * 2]), np.int16) / 32768), 0.0


def _publish(path: Path, samples: Sequence[tuple[float, Vector, float]]) -> None:
    """Write a whole file or none: a kill in the middle must not leave half a track."""
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
