"""On-screen text: RapidOCR over sampled frames. A frame that equals the last one is not read again."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twelvelabs_local.engine.frames import sampled
from twelvelabs_local.segments import SegmentRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frame = NDArray[np.uint8]

SAMPLE_INTERVAL = 1.0
"""Seconds between sampled frames, which is the precision of the times of on-screen text."""

MAX_SIDE = 960
"""Pixels; larger frames are scaled down."""

SKETCH_SIZE = (160, 90)
"""Size of the grey thumbnail that is used to compare frames."""

MIN_DIFFERENCE = 24
"""Grey levels by which a changed point differs; compression noise is below."""

MIN_CHANGED_POINTS = 3
"""Changed points for which a frame is read again; one small word changes more."""

MIN_CONFIDENCE = 0.6
"""Minimum confidence of a line."""


@dataclass
class _OpenLine:
    """A line of text that is on screen."""

    start: float
    end: float
    value: str


def read_screen(path: Path, duration: float, progress: Callable[[float], None]) -> list[SegmentRow]:
    """Return the lines of on-screen text with their times.

    :param path: a probed video.
    :param duration: its length in seconds; no line ends later.
    :param progress: called with the seconds that are read.
    """
    reader = _reader()
    samples: list[tuple[float, Sequence[str]]] = []
    seen: Any = None
    lines: Sequence[str] = ()
    for moment, frame in sampled(path, SAMPLE_INTERVAL, MAX_SIDE):
        progress(moment)
        sketch = _sketch(frame)
        if seen is None or _differs(seen, sketch):
            lines, seen = _lines(reader, frame), sketch
        samples.append((moment, lines))
    return merge(samples, duration)


def read_picture(path: Path) -> list[str]:
    """Return the lines of text in an image.

    :param path: a probed image.
    """
    reader = _reader()
    return [line for _, frame in sampled(path, SAMPLE_INTERVAL, MAX_SIDE) for line in _lines(reader, frame)]


def merge(samples: Sequence[tuple[float, Sequence[str]]], duration: float) -> list[SegmentRow]:
    """Merge the lines of samples into segments. A line lasts until the first sample without it.

    :param samples: moments in seconds, ascending, with their lines.
    :param duration: length of the video in seconds.
    """
    open_lines: dict[str, _OpenLine] = {}
    closed: list[_OpenLine] = []
    for position, (moment, lines) in enumerate(samples):
        following = samples[position + 1][0] if position + 1 < len(samples) else duration
        until = max(moment, min(following, duration))
        now = {_key(line): line for line in lines if _key(line)}
        closed += [open_lines.pop(key) for key in list(open_lines) if key not in now]
        for key, line in now.items():
            open_lines.setdefault(key, _OpenLine(moment, until, line)).end = until
    closed += open_lines.values()
    rows: list[SegmentRow] = [
        {"start": round(line.start, 3), "end": round(line.end, 3), "value": line.value}
        for line in closed
        if line.end > line.start
    ]
    return sorted(rows, key=lambda row: (row["start"], row["end"]))


def _key(line: str) -> str:
    """Return the letters of a line: two readings of it may differ in spaces and punctuation."""
    return "".join(letter for letter in line.casefold() if letter.isalnum())


def _reader() -> Any:
    # two threads, because the server and the other lane need CPU too
    threads = min(2, os.cpu_count() or 1)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            # on-screen text is upright
            "Global.use_cls": False,
            "Global.text_score": MIN_CONFIDENCE,
            # the default scales small frames up to 736 pixels, which takes three times as long and finds no more
            "Det.limit_type": "max",
            "Det.limit_side_len": MAX_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _sketch(frame: Frame) -> Any:
    import cv2

    return cv2.resize(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), SKETCH_SIZE, interpolation=cv2.INTER_AREA)


def _differs(before: Any, after: Any) -> bool:
    import cv2

    return int((cv2.absdiff(before, after) > MIN_DIFFERENCE).sum()) >= MIN_CHANGED_POINTS


def _lines(reader: Any, frame: Frame) -> Sequence[str]:
    found = reader(frame)
    return [text.strip() for text in found.txts or () if text.strip()]
