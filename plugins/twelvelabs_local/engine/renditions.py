"""What is made of a file for looking at it: one picture, and a stream that is cut but not coded anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from twelvelabs_local.engine.container import open_media, quarter_turns
from twelvelabs_local.errors import MediaError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

PLAYLIST = "stream.m3u8"
SEGMENT_SECONDS = 6
WIDEST = 640
"""Pixels of the longer side of a thumbnail."""

JPEG_QUALITY = 85
COPIED = frozenset({"h264", "hevc", "aac", "mp3"})
"""Codecs that fit into the segments of a stream as they are."""


def make_thumbnail(path: Path, target: Path) -> None:
    """Write the picture in the middle of a video (or the image itself) as a small JPEG.

    :param path: a file that could be opened.
    :param target: the JPEG.
    :raises MediaError: when it has no picture.
    """
    import av
    import cv2
    import numpy as np

    try:
        with open_media(path) as container:
            frame = _middle(container)
            picture = np.rot90(frame.to_ndarray(format="bgr24"), quarter_turns(frame))
    except (av.FFmpegError, StopIteration, IndexError) as error:
        raise MediaError("unsupported_file_type", "The file has no picture.") from error
    shrink = min(1.0, WIDEST / max(picture.shape[:2]))
    small = cv2.resize(np.ascontiguousarray(picture), None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    target.write_bytes(content.tobytes())


def _middle(container: InputContainer) -> VideoFrame:
    stream = next(stream for stream in container.streams.video if not _is_cover(stream))
    if container.duration:
        container.seek(container.duration // 2)
    return next(container.decode(stream))


def make_stream(path: Path, folder: Path) -> None:
    """Cut a file into the segments of a stream, without coding it anew.

    :param path: a file that could be opened.
    :param folder: where the playlist and its segments go.
    :raises MediaError: when its codecs do not fit into such segments.
    """
    import av

    with open_media(path) as source:
        streams = _streams(source)
        if not streams:
            raise MediaError("unsupported_file_type", "The file has no stream that can be cut without coding it anew.")
        options = {
            "hls_time": str(SEGMENT_SECONDS),
            "hls_playlist_type": "vod",
            "hls_segment_filename": str(folder / "%05d.ts"),
        }
        try:
            with av.open(str(folder / PLAYLIST), "w", format="hls", options=options) as target:
                copies = {stream.index: target.add_stream_from_template(stream) for stream in streams}
                for packet in source.demux(streams):
                    if packet.dts is not None:
                        packet.stream = copies[packet.stream.index]
                        target.mux(packet)
        except av.FFmpegError as error:
            raise MediaError("video_file_broken", f"The file cannot be cut: {type(error).__name__}.") from error


def _streams(source: InputContainer) -> list[Any]:
    """The first picture and the first sound; a film without its picture would be no stream of it."""
    pictures = [stream for stream in source.streams.video if not _is_cover(stream)][:1]
    chosen: list[Any] = [*pictures, *source.streams.audio[:1]]
    if pictures and pictures[0].codec_context.name not in COPIED:
        return []
    return [stream for stream in chosen if stream.codec_context.name in COPIED]


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & type(stream.disposition).attached_pic)
