"""Checks of a video before the upload: its container's header against the service's limits."""

from __future__ import annotations

import codecs
import importlib
from dataclasses import dataclass
from typing import Any

from twelvelabs_provider.api.limits import VideoLimits
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.source import Source

_HEAD_BYTES = 4096
_TS_PACKET = 188
_M2TS_PACKET = 192

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpegtsraw,mpeg,mpegvideo,m4v,h264,hevc,flv,live_flv,asf,asf_o,"
    "mxf,ogg,ivf,rm,nut,yuv4mpegpipe,dv,nsv,wtv,gxf,r3d"
)
"""Containers that FFmpeg may recognise as a video; each holds its own pictures.

Playlists (HLS, DASH, concat, image sequences) are not among them: FFmpeg opens the files and hosts that they name.
"""
_NO_VIDEOS = (
    "wav,w64,mp3,aac,flac,ac3,eac3,aiff,caf,amr,au,gif,apng,png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe,avif,ico"
)
"""Sound and pictures, which are recognised in order to name them in the refusal."""
_NO_PROTOCOL = "none"
"""FFmpeg reads the given stream only; it opens nothing else by name."""

_BMFF_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"moof", b"sidx")
_BMFF_IMAGES = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1", b"M4A ", b"M4B ", b"crx ")
_VIDEO_STARTS = {
    b"\x1aE\xdf\xa3": "Matroska/WebM",
    b"FLV": "FLV",
    b"0&\xb2u\x8ef\xcf\x11": "ASF/WMV",
    b"OggS": "Ogg",
    b"\x00\x00\x01\xba": "MPEG-PS",
    b"\x00\x00\x01\xb3": "MPEG video",
    b"\x00\x00\x00\x01": "H.26x stream",
    b"\x06\x0e+4\x02\x05\x01\x01": "MXF",
    b".RMF": "RealMedia",
    b"DKIF": "IVF",
    b"YUV4MPEG2": "YUV4MPEG",
    b"nut/multimedia container": "NUT",
    b"\x1f\x07\x00": "DV",
}
_OTHER_STARTS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive (or an office document)",
    b"\x1f\x8b": "a gzip archive",
    b"ID3": "an MP3 file",
    b"fLaC": "a FLAC file",
    b"\x7fELF": "a program",
}


@dataclass(frozen=True)
class VideoFacts:
    """Facts from the header of a video.

    :param duration: seconds; None if the container has none (some live recordings).
    :param width: pixels of the first picture stream; None where the installed FFmpeg has no decoder for its codec.
    :param height: pixels of the first picture stream; None as for ``width``.
    :param container: name of the container format, as FFmpeg spells it.
    """

    duration: float | None
    width: int | None
    height: int | None
    has_audio: bool
    container: str


def probe_video(source: Source) -> VideoFacts | None:
    """Read a video's header through the source's stream, without downloading the rest.

    :return: None for a URL, and without PyAV (the first bytes are still checked).
    :raises TwelveLabsInputError: this is no video, or it is damaged.
    """
    if source.is_url:
        return None
    av = _pyav()
    with source.open() as stream:
        # Always before FFmpeg: it would follow a playlist, which is text, to other files and hosts.
        container = _refuse_other(source, stream.read(_HEAD_BYTES))
        if av is None:
            _refuse_unknown(source, container)
            return None
        stream.seek(0)
        return _read_header(source, stream, av)


def _pyav() -> Any:
    try:
        return importlib.import_module("av")
    except ImportError:
        return None


def container_of(head: bytes) -> str | None:
    """Return the name of the video container that begins with these bytes; None if it is unknown."""
    if head[4:8] in _BMFF_BOXES:
        return None if head[8:12] in _BMFF_IMAGES else "MP4/MOV"
    if head[:4] == b"RIFF":
        return "AVI" if head[8:11] == b"AVI" else None
    if _repeats(head, b"G", 0, _TS_PACKET) or _repeats(head, b"G", 4, _M2TS_PACKET):
        return "MPEG-TS"
    return next((name for start, name in _VIDEO_STARTS.items() if head.startswith(start)), None)


def check_video(source: Source, facts: VideoFacts | None, limits: VideoLimits) -> None:
    """Compare a video with the service's limits.

    :param facts: None checks the size only.
    :raises TwelveLabsInputError: names the value and the limit.
    """
    if source.size is not None and source.size > limits.max_bytes:
        raise _refused(source, f"has {source.size:,} bytes; the service takes at most {limits.max_bytes:,}")
    if facts is None:
        return
    _check_duration(source, facts, limits)
    _check_picture(source, facts, limits)


def _check_duration(source: Source, facts: VideoFacts, limits: VideoLimits) -> None:
    if facts.duration is None:
        return
    if facts.duration < limits.min_duration:
        raise _refused(source, f"lasts {facts.duration:.2f} s; the service takes at least {limits.min_duration:g} s")
    if facts.duration > limits.max_duration:
        excess = f"lasts {facts.duration:.0f} s; the service takes at most {limits.max_duration:g} s"
        raise _refused(source, f"{excess}: cut it in parts")


def _check_picture(source: Source, facts: VideoFacts, limits: VideoLimits) -> None:
    if not facts.width or not facts.height:
        return
    size = f"has a picture of {facts.width}x{facts.height} pixels"
    short, long = sorted((facts.width, facts.height))
    if short < limits.min_side:
        raise _refused(source, f"{size}; the service takes no side below {limits.min_side}")
    if long > limits.max_long_side or short > limits.max_short_side:
        largest = f"{limits.max_long_side}x{limits.max_short_side}"
        raise _refused(source, f"{size}; the service takes at most {largest}: scale it down")
    if long / short > limits.max_aspect:
        ratio = f"{long / short:.2f} to 1; the service takes at most {limits.max_aspect:g} to 1"
        raise _refused(source, f"{size}, {ratio}: crop or pad it")


def _settings(av: Any) -> dict[str, Any]:
    """Return options of PyAV: safe protocols, and no error for titles that are not UTF-8 (default from PyAV 19 on)."""
    options = {"format_whitelist": f"{CONTAINERS},{_NO_VIDEOS}", "protocol_whitelist": _NO_PROTOCOL}
    lenient = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
    return {"options": options, **lenient}


def _read_header(source: Source, stream: Any, av: Any) -> VideoFacts:
    try:
        with av.open(stream, mode="r", **_settings(av)) as container:
            return _facts(source, container, av.time_base)
    except TwelveLabsInputError:
        raise
    except av.error.FFmpegError as error:
        raise _refused(source, f"is not a readable video: {_words(error)}. It may be damaged or cut short") from error
    except OSError:
        # The store or the disk failed, not the video: a retry reads it again.
        raise
    except Exception as error:
        reason = f"has a header that cannot be read ({type(error).__name__}: {error})"
        raise _refused(source, f"{reason}. Check whether it plays, or convert it to MP4") from error


def _words(error: Any) -> str:
    """Return FFmpeg's reason; a seek beyond the end of a cut file is reported as a lack of permission."""
    return "its end is missing" if isinstance(error, PermissionError) else str(error.strerror)


def _facts(source: Source, container: Any, time_base: int) -> VideoFacts:
    picture = _picture_stream(container)
    if picture is None:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "none"
        name = container.format.name
        raise _refused(source, f"is not a video: its {name} file holds no moving pictures (streams: {kinds})")
    # None without a decoder (encrypted tracks, raw formats of cameras): the service judges such a video.
    decoder = picture.codec_context
    return VideoFacts(
        duration=_duration(container, picture, time_base),
        width=decoder.width if decoder else None,
        height=decoder.height if decoder else None,
        has_audio=bool(container.streams.audio),
        container=container.format.name,
    )


def _picture_stream(container: Any) -> Any:
    """Return the first stream of moving pictures; cover art of a song is a video stream too."""
    if container.format.name.endswith("_pipe") or container.format.name in ("image2", "gif", "apng", "tty"):
        return None
    return next((stream for stream in container.streams.video if not _is_cover(stream)), None)


def _is_cover(stream: Any) -> bool:
    disposition = getattr(stream, "disposition", None)
    return disposition is not None and bool(disposition & type(disposition).attached_pic)


def _duration(container: Any, picture: Any, time_base: int) -> float | None:
    if container.duration:
        return float(container.duration) / time_base
    return float(picture.duration * picture.time_base) if picture.duration else None


def _refuse_other(source: Source, head: bytes) -> str | None:
    container = container_of(head)
    if container is None:
        other = next((name for start, name in _OTHER_STARTS.items() if head.startswith(start)), None)
        if other or _is_text(head):
            raise _refused(source, f"is not a video but {other or 'text'}")
    return container


def _refuse_unknown(source: Source, container: str | None) -> None:
    if container is None:
        raise _refused(source, "does not begin like a video (MP4/MOV, Matroska/WebM, AVI, MPEG, FLV, ASF, Ogg, MXF)")


def _is_text(head: bytes) -> bool:
    try:
        # The last character may be cut.
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < _HEAD_BYTES)
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\r\n\t\f\ufeff" for character in text)


def _repeats(head: bytes, sync: bytes, first: int, packet: int) -> bool:
    places = range(first, min(len(head), first + 5 * packet), packet)
    return len(places) > 1 and all(head[place : place + 1] == sync for place in places)


def _refused(source: Source, reason: str) -> TwelveLabsInputError:
    return TwelveLabsInputError(f"The video {source.filename!r} {reason}. File: {source.uri}")
