"""Frames of videos as images for searches."""

from __future__ import annotations

from pathlib import Path

import av
import cv2


def frame_of(video: Path, path: Path, moment: float) -> Path:
    """Write the frame of a video at a moment (seconds)."""
    with av.open(str(video)) as container:
        frame = next(frame for frame in container.decode(video=0) if (frame.time or 0) >= moment)
    assert cv2.imwrite(str(path), frame.to_ndarray(format="bgr24"))
    return path
