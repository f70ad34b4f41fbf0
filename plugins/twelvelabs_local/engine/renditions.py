"""Renditions of a file: a thumbnail, and an HLS stream without transcoding."""

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
THUMBNAIL_SIDE = 640
"""Maximum pixels of the longer side."""

JPEG_QUALITY = 85
HLS_CODECS = frozenset({"h264", "hevc", "aac", "mp3"})
"""Codecs that HLS segments can contain."""


def make_thumbnail(path: Path, target: Path) -> None:
    """Write the middle frame of a video (or the image itself) as a small JPEG.

    :param path: a probed file.
    :param target: the JPEG.
    :raises MediaError: when the file has no picture.
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
    scale = min(1.0, THUMBNAIL_SIDE / max(picture.shape[:2]))
    small = cv2.resize(np.ascontiguousarray(picture), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    target.write_bytes(content.tobytes())


def _middle(container: InputContainer) -> VideoFrame:
    stream = next(stream for stream in container.streams.video if not _is_cover(stream))
    if container.duration:
        container.seek(container.duration // 2)
    return next(container.decode(stream))


def make_stream(path: Path, folder: Path) -> None:
    """Write a file as an HLS stream without transcoding.

    :param path: a probed file.
    :param folder: the folder of the playlist and its segments.
    :raises MediaError: when HLS segments cannot contain its codecs.
    """
    import av

    with open_media(path) as source:
        streams = _streams(source)
        if not streams:
            raise MediaError(
                "unsupported_file_type", "The file has no stream that HLS can contain without transcoding."
            )
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
            raise MediaError("video_file_broken", f"The file cannot be segmented: {type(error).__name__}.") from error


def _streams(source: InputContainer) -> list[Any]:
    """Return the first video and audio streams; none if the video cannot be copied."""
    pictures = [stream for stream in source.streams.video if not _is_cover(stream)][:1]
    chosen: list[Any] = [*pictures, *source.streams.audio[:1]]
    if pictures and pictures[0].codec_context.name not in HLS_CODECS:
        return []
    return [stream for stream in chosen if stream.codec_context.name in HLS_CODECS]


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & type(stream.disposition).attached_pic)
