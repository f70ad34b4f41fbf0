"""Limits of videos and uploads in each generation, for checks before a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VideoLimits:
    """Bounds of one video.

    :param min_duration: shortest video in seconds.
    :param max_duration: longest video in seconds.
    :param min_side: smallest width and height in pixels.
    :param max_long_side: largest longer side in pixels.
    :param max_short_side: largest shorter side in pixels.
    :param max_aspect: longer side divided by shorter side, at most.
    :param max_bytes: largest file in bytes, by any route.
    """

    min_duration: float
    max_duration: float
    min_side: int
    max_long_side: int
    max_short_side: int
    max_aspect: float
    max_bytes: int


@dataclass(frozen=True)
class UploadLimits:
    """Bounds of one file by the way it comes to the service, in bytes.

    :param max_direct: in one request.
    :param max_url: fetched by the service.
    :param max_multipart: in parts.
    :param max_image: an image, by any way.
    """

    max_direct: int
    max_url: int
    max_multipart: int
    max_image: int
