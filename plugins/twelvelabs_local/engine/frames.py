"""Frames of a video: one as a JPEG, or one per interval."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twelvelabs_local.engine.container import decoding, open_media, pictures, quarter_turns
from twelvelabs_local.errors import MediaError

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

MICROSECONDS = 1_000_000


def jpeg_at(path: Path, moment: float) -> bytes:
    """Return the frame at a moment as an upright JPEG.

    :param path: the video.
    :param moment: seconds; a moment after the end gives the last frame.
    :raises MediaError: when the file has no picture or is broken.
    """
    with decoding():
        frame = _shown_at(path, moment)
        if frame is None:
            raise MediaError("unsupported_file_type", "The file has no picture.")
        return _jpeg(_upright(frame))


def sampled(path: Path, every: float, longest_side: int) -> Iterator[tuple[float, Any]]:
    """Decode a video and yield the first frame of each interval (blue, green, red), upright and scaled down.

    :param path: a probed video.
    :param every: seconds of an interval.
    :param longest_side: maximum pixels of the longer side.
    """
    import numpy as np

    with open_media(path) as container:
        if not container.streams.video:
            return
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        origin = float((stream.start_time or 0) * (stream.time_base or 0))
        due = 0.0
        for frame in pictures(container, stream):
            moment = (frame.time or 0.0) - origin
            # half a frame of tolerance: rounded timestamps must not shift a sample by a frame
            if moment + 0.02 < due:
                continue
            scale = min(1.0, longest_side / max(frame.width, frame.height))
            width, height = max(1, int(frame.width * scale)), max(1, int(frame.height * scale))
            picture = frame.to_ndarray(format="bgr24", width=width, height=height)
            yield max(0.0, moment), np.ascontiguousarray(np.rot90(picture, quarter_turns(frame)))
            due = moment + every


def _shown_at(path: Path, moment: float) -> VideoFrame | None:
    with open_media(path) as container:
        if not container.streams.video:
            return None
        # a frame is shown until the next one
        container.seek(int(moment * MICROSECONDS), backward=True)
        shown = None
        for frame in container.decode(container.streams.video[0]):
            if shown is not None and (frame.time or 0.0) > moment:
                break
            shown = frame
        return shown


def _upright(frame: VideoFrame) -> VideoFrame:
    turns = quarter_turns(frame)
    if not turns:
        return frame
    import numpy as np
    from av.video.frame import VideoFrame as Frame

    pixels: Any = np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), turns))
    return Frame.from_ndarray(pixels, format="rgb24")


def _jpeg(frame: VideoFrame) -> bytes:
    from av.codec import CodecContext
    from av.video.codeccontext import VideoCodecContext

    codec = CodecContext.create("mjpeg", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt, codec.time_base = frame.width, frame.height, "yuvj420p", Fraction(1, 25)
    picture = frame.reformat(format="yuvj420p")
    picture.pts, picture.time_base = 0, codec.time_base
    return b"".join(bytes(packet) for packet in (*codec.encode(picture), *codec.encode(None)))
