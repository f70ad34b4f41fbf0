"""Opening media files."""

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
"""Formats that hold their own content. Playlists (HLS, DASH, concat) would make FFmpeg open whatever they name, local
files and other hosts included."""


WHOLE = 0.9
"""Share of the announced pictures that a whole file has; edit lists hide some."""


def open_media(path: Path) -> InputContainer:
    """Open a media file for decoding.

    :param path: the file.
    :raises av.FFmpegError: when it is not one of ``FORMATS``.
    """
    import av

    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    # Titles that are not UTF-8 stop nobody; from PyAV 19 on they never do, and it no longer knows the word.
    lenient: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}
    container: InputContainer = av.open(str(path), options=options, **lenient)
    return container


@contextmanager
def decoding() -> Iterator[None]:
    """Name a file that cannot be decoded to its end: part of a video must not pass for all of it.

    :raises MediaError: ``video_file_broken``.
    """
    import av

    try:
        yield
    except av.FFmpegError as error:
        message = f"The file is broken: it cannot be decoded to its end ({type(error).__name__})."
        raise MediaError("video_file_broken", message) from error


def pictures(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Decode all pictures of a video.

    :param container: the opened file.
    :param stream: its video stream.
    :raises MediaError: ``video_file_broken`` when there are far fewer than the file says: a file that is cut between
        two pictures decodes without an error.
    """
    count = 0
    for frame in container.decode(stream):
        yield frame
        count += 1
    if count < stream.frames * WHOLE:
        raise MediaError("video_file_broken", f"The file is broken: it has {count} of {stream.frames} pictures.")


def quarter_turns(frame: VideoFrame) -> int:
    """Return by how many quarter turns, counter-clockwise, a frame must be turned to be shown upright."""
    return round(frame.rotation / 90) % 4
