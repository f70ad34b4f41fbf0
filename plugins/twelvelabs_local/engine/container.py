"""Media files, opened for decoding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twelvelabs_local.errors import MediaError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,m4v,flv,asf,mxf,ogg,wav,mp3,aac,flac,"
    "png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe,gif"
)
"""Formats that contain their own media. Playlists (HLS, DASH, concat) would make FFmpeg open other files and hosts."""

MIN_FRAME_SHARE = 0.9
"""Share of the declared frames that a complete file has. Edit lists hide some frames."""


def open_media(path: Path) -> InputContainer:
    """Open a media file for decoding.

    :param path: the file.
    :raises av.FFmpegError: when it is not one of ``FORMATS``.
    """
    import av

    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    # metadata may be invalid UTF-8; PyAV 19 ignores such errors and removed the option
    lenient: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}
    container: InputContainer = av.open(str(path), options=options, **lenient)
    return container


@contextmanager
def decoding() -> Iterator[None]:
    """Turn decoding errors into media errors: a partial result must not pass for a complete one.

    :raises MediaError: ``video_file_broken``.
    """
    import av

    try:
        yield
    except av.FFmpegError as error:
        message = f"The file is broken: it cannot be decoded to its end ({type(error).__name__})."
        raise MediaError("video_file_broken", message) from error


def pictures(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Decode all frames of a video.

    :param container: the opened file.
    :param stream: its video stream.
    :raises MediaError: ``video_file_broken`` when far fewer frames are found than declared. A file that is truncated
        between two frames decodes without an error.
    """
    count = 0
    for frame in container.decode(stream):
        yield frame
        count += 1
    if count < stream.frames * MIN_FRAME_SHARE:
        raise MediaError("video_file_broken", f"The file is broken: it has {count} of {stream.frames} pictures.")


def quarter_turns(frame: VideoFrame) -> int:
    """Return the number of counter-clockwise quarter turns that show a frame upright."""
    return round(frame.rotation / 90) % 4
