"""Probe of a media file: duration, streams, size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twelvelabs_local.engine.container import open_media, quarter_turns
from twelvelabs_local.errors import MediaError

if TYPE_CHECKING:
    from av.container import InputContainer

MICROSECONDS = 1_000_000
STILL_FORMATS = frozenset({"png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe"})


@dataclass(frozen=True)
class Probe:
    """The properties of a media file.

    :param duration: seconds.
    :param size: bytes.
    :param container: the container's short name, for example ``mov,mp4,m4a,3gp,3g2,mj2``.
    :param width: pixels as shown (after rotation); 0 without a picture.
    :param height: pixels as shown; 0 without a picture.
    :param fps: frames per second; 0 without a picture.
    :param video_codec: for example ``h264``, or None.
    :param audio_codec: for example ``aac``, or None.
    :param subtitle_tracks: number of embedded subtitle tracks.
    """

    duration: float
    size: int
    container: str
    width: int
    height: int
    fps: float
    video_codec: str | None
    audio_codec: str | None
    subtitle_tracks: int

    @property
    def still(self) -> bool:
        """Whether the file is an image."""
        return self.container in STILL_FORMATS

    @property
    def file_type(self) -> str:
        """The MIME type, as the service reports it."""
        if self.still:
            return f"image/{'jpeg' if self.video_codec == 'mjpeg' else self.video_codec}"
        names = self.container.split(",")
        kind = "video" if self.video_codec else "audio"
        if "mp4" in names:
            return f"{kind}/mp4"
        known = {"matroska": "x-matroska", "avi": "x-msvideo", "mpegts": "mp2t", "mp3": "mpeg"}
        return f"{kind}/{known.get(names[0], names[0])}"


def probe(path: Path) -> Probe:
    """Probe a file and decode its first frame, which detects broken files early.

    :param path: the file.
    :raises MediaError: when it is no media file, or cannot be decoded.
    """
    import av

    try:
        with open_media(path) as container:
            found = _describe(container, path.stat().st_size, turned=_decode_first(container))
    except (av.FFmpegError, ValueError, IndexError, OSError) as error:
        raise MediaError("video_file_broken", f"The file is broken or not a video: {type(error).__name__}.") from error
    if not found.still and found.duration <= 0:
        raise MediaError("video_file_broken", "The file is broken: it has no duration.")
    return found


def _describe(container: InputContainer, size: int, turned: bool) -> Probe:
    pictures = [stream for stream in container.streams.video if not _is_cover(stream)]
    sounds = container.streams.audio
    video = pictures[0] if pictures else None
    width, height = (video.codec_context.width, video.codec_context.height) if video else (0, 0)
    if turned:
        width, height = height, width
    rate = video.average_rate or video.guessed_rate if video else None
    return Probe(
        duration=_duration(container),
        size=size,
        container=container.format.name,
        width=width,
        height=height,
        fps=round(float(rate), 3) if rate else 0.0,
        video_codec=video.codec_context.name if video else None,
        audio_codec=sounds[0].codec_context.name if sounds else None,
        subtitle_tracks=len(container.streams.subtitles),
    )


def _is_cover(stream: Any) -> bool:
    """Return whether a stream is the cover image of an audio file."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def _duration(container: InputContainer) -> float:
    if container.duration:
        return round(container.duration / MICROSECONDS, 3)
    lengths = [float(s.duration * s.time_base) for s in container.streams if s.duration and s.time_base]
    return round(max(lengths), 3) if lengths else 0.0


def _decode_first(container: InputContainer) -> bool:
    """Decode one frame of each kind, because a header alone proves nothing. Return whether the picture is rotated.

    :raises ValueError: when the file has nothing to decode.
    """
    from av.video.frame import VideoFrame

    turned = False
    streams = [*container.streams.video[:1], *container.streams.audio[:1]]
    if not streams:
        raise ValueError("neither picture nor sound")
    for stream in streams:
        container.seek(0)
        frame = next(container.decode(stream), None)
        if frame is None:
            raise ValueError(f"no frame in the {stream.type} stream")
        if isinstance(frame, VideoFrame):
            turned = quarter_turns(frame) % 2 == 1
    return turned
