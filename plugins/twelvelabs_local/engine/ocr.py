"""Reading: RapidOCR over sampled frames; frames that look like the last one are not read again."""

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

SAMPLE_EVERY = 1.0
"""Seconds between the frames that are looked at; so exact are the times of on-screen text."""

LONGEST_SIDE = 960
"""Pixels; larger frames are made smaller before reading."""

SKETCH = (160, 90)
"""Size of the small grey picture by which frames are compared."""

CHANGED_BY = 24
"""Grey levels by which a point of the sketch must differ; compression alone moves it less."""

CHANGED_POINTS = 3
"""Points that must differ before a frame is read again: one small word is more."""

SURE = 0.6
"""Least confidence of a line that is believed."""


@dataclass
class _Open:
    """A line of text that is on screen."""

    start: float
    end: float
    value: str


def read_screen(path: Path, duration: float, progress: Callable[[float], None]) -> list[SegmentRow]:
    """Return the lines of text on screen, each as long as it stays.

    :param path: a video that could be opened.
    :param duration: its length in seconds; no line ends later.
    :param progress: called with the seconds that have been looked at.
    """
    reader = _reader()
    samples: list[tuple[float, Sequence[str]]] = []
    seen: Any = None
    lines: Sequence[str] = ()
    for moment, frame in sampled(path, SAMPLE_EVERY, LONGEST_SIDE):
        progress(moment)
        sketch = _sketch(frame)
        if seen is None or _differs(seen, sketch):
            lines, seen = _lines(reader, frame), sketch
        samples.append((moment, lines))
    return merge(samples, duration)


def read_picture(path: Path) -> list[str]:
    """Return the lines of text in a still picture.

    :param path: an image that could be opened.
    """
    reader = _reader()
    return [line for _, frame in sampled(path, SAMPLE_EVERY, LONGEST_SIDE) for line in _lines(reader, frame)]


def merge(samples: Sequence[tuple[float, Sequence[str]]], duration: float) -> list[SegmentRow]:
    """Turn what was read at some moments into segments: a line lasts until the first sample without it.

    :param samples: moments in seconds, ascending, with the lines that were read there.
    :param duration: length of the video in seconds.
    """
    open_lines: dict[str, _Open] = {}
    closed: list[_Open] = []
    for position, (moment, lines) in enumerate(samples):
        following = samples[position + 1][0] if position + 1 < len(samples) else duration
        until = max(moment, min(following, duration))
        now = {_key(line): line for line in lines if _key(line)}
        closed += [open_lines.pop(key) for key in list(open_lines) if key not in now]
        for key, line in now.items():
            open_lines.setdefault(key, _Open(moment, until, line)).end = until
    closed += open_lines.values()
    rows: list[SegmentRow] = [
        {"start": round(line.start, 3), "end": round(line.end, 3), "value": line.value}
        for line in closed
        if line.end > line.start
    ]
    return sorted(rows, key=lambda row: (row["start"], row["end"]))


def _key(line: str) -> str:
    """What two readings of one line have in common: a space or a dot more is the same text."""
    return "".join(letter for letter in line.casefold() if letter.isalnum())


def _reader() -> Any:
    # two threads: the API and the other lane need the machine as well
    threads = min(2, os.cpu_count() or 1)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            # words on a screen stand upright
            "Global.use_cls": False,
            "Global.text_score": SURE,
            # the default enlarges every small frame to 736 pixels, which costs thrice the time and reads no more
            "Det.limit_type": "max",
            "Det.limit_side_len": LONGEST_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _sketch(frame: Frame) -> Any:
    import cv2

    return cv2.resize(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), SKETCH, interpolation=cv2.INTER_AREA)


def _differs(before: Any, after: Any) -> bool:
    import cv2

    return int((cv2.absdiff(before, after) > CHANGED_BY).sum()) >= CHANGED_POINTS


def _lines(reader: Any, frame: Frame) -> Sequence[str]:
    found = reader(frame)
    return [text.strip() for text in found.txts or () if text.strip()]
