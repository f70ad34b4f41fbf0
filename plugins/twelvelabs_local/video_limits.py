"""The service's limits of videos, and the checks of a file against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.errors import MediaError

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE

TASK_BYTES = 2 * GIBIBYTE
DIRECT_BYTES = 200 * MEBIBYTE
LINK_BYTES = 4 * GIBIBYTE
INLINE_BYTES = 36 * MEBIBYTE
MULTIPART_BYTES = 10 * GIBIBYTE
IMAGE_BYTES = 32 * MEBIBYTE

WIDEST = 2.4
"""Longer side divided by shorter side."""


@dataclass(frozen=True)
class VideoLimits:
    """Limits of a video.

    :param shortest: seconds.
    :param longest: seconds.
    :param smallest_side: least pixels of the shorter side.
    :param long_side: most pixels of the longer side.
    :param short_side: most pixels of the shorter side.
    """

    shortest: float
    longest: float
    smallest_side: int
    long_side: int
    short_side: int


MARENGO = VideoLimits(4, 4 * 3600, 360, 5184, 2160)
MARENGO_LEGACY = VideoLimits(4, 2 * 3600, 360, 4096, 2160)
PEGASUS = VideoLimits(4, 2 * 3600, 360, 5184, 2160)
PEGASUS_DIRECT = VideoLimits(4, 3600, 360, 5184, 2160)
"""Of direct analyses."""
PEGASUS_LEGACY = VideoLimits(5, 30 * 60, 360, 4096, 2160)


def limits_of(model_names: Sequence[str], legacy: bool) -> VideoLimits:
    """Return the limits of an index; with several models the narrowest.

    :param model_names: the models of the index.
    :param legacy: whether the index is one of v1.1 and v1.2.
    """
    if any(name.startswith("pegasus") for name in model_names):
        return PEGASUS_LEGACY if legacy else PEGASUS
    return MARENGO_LEGACY if legacy else MARENGO


def check_video(found: Probe, limits: VideoLimits) -> None:
    """Check a file against limits.

    :param found: the probe of the file.
    :raises MediaError: with the service's code for the first limit that the file exceeds.
    """
    check_picture(found, limits)
    check_shortest(found, limits)
    check_length(found, limits)


def check_shortest(found: Probe, limits: VideoLimits) -> None:
    """Check that a file is long enough.

    :raises MediaError: ``video_duration_too_short``.
    """
    if found.duration < limits.shortest:
        raise _duration("too_short", found, f"at least {limits.shortest:g}")


def check_sound_or_picture(kind: str, found: Probe, limits: VideoLimits) -> None:
    """Check that a file has the sound or the picture that its type needs.

    :param kind: ``audio`` or ``video``.
    :raises MediaError: when it has not.
    """
    if kind == "video":
        check_picture(found, limits)
    elif found.audio_codec is None:
        raise MediaError("unsupported_file_type", f"The file has no sound: its type is {found.file_type}.")


def check_length(found: Probe, limits: VideoLimits) -> None:
    """Check that a file is not too long.

    :raises MediaError: ``video_duration_too_long``.
    """
    if found.duration > limits.longest:
        raise _duration("too_long", found, f"at most {limits.longest:g}")


def check_picture(found: Probe, limits: VideoLimits) -> None:
    """Check the picture of a file.

    :raises MediaError: ``unsupported_file_type`` or one of ``video_resolution_*``.
    """
    if found.video_codec is None or found.still:
        raise MediaError("unsupported_file_type", f"The file is not a video: its type is {found.file_type}.")
    short, long = sorted((found.width, found.height))
    if short < limits.smallest_side:
        raise _resolution("too_low", found, f"at least {limits.smallest_side}x{limits.smallest_side}")
    if long > limits.long_side or short > limits.short_side:
        raise _resolution("too_high", found, f"at most {limits.long_side}x{limits.short_side}")
    if long / short > WIDEST:
        raise _resolution("invalid_aspect_ratio", found, f"no longer than 1:{WIDEST}")


def check_window(request: Mapping[str, Any], found: Probe, limits: VideoLimits = PEGASUS) -> None:
    """Check a file against the window of an analysis.

    :param request: a validated request.
    :raises MediaError: when the window is outside of the video, or the video exceeds a limit.
    """
    start, end = request.get("start_time") or 0.0, request.get("end_time")
    if end is None:
        check_video(found, limits)
    else:
        check_picture(found, limits)
    if start >= found.duration or (end is not None and end > found.duration + 1.0):
        message = f"The window {start:g} to {end if end is None else format(end, 'g')} is outside of the video."
        raise MediaError("parameter_invalid", f"{message} It is {found.duration:g} seconds long.")


def _resolution(what: str, found: Probe, need: str) -> MediaError:
    message = f"The resolution of the video is {found.width}x{found.height}; it must be {need}."
    return MediaError(f"video_resolution_{what}", message)


def _duration(what: str, found: Probe, need: str) -> MediaError:
    message = f"The video is {found.duration:g} seconds long; it must be {need} seconds."
    return MediaError(f"video_duration_{what}", message)
