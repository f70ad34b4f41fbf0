"""Source and segmentation of a medium to embed."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError

LARGEST_INLINE = 36 * 2**20
"""Bytes of audio or video inside a request."""


@dataclass(frozen=True)
class MediaSource:
    """The location of a medium: exactly one of three.

    :param url: the service fetches it; it may be signed and stays out of ``repr``.
    :param asset_id: an asset that is ready.
    :param file: a file that is sent inside the request; 36 MiB at most in v1.3, as Base64.
    """

    url: str | None = field(default=None, repr=False)
    asset_id: str | None = None
    file: FilePart | None = None

    def __post_init__(self) -> None:
        # Protects money: the request carries one source, and the others would be ignored.
        if sum(bool(given) for given in (self.url, self.asset_id, self.file)) != 1:
            raise TwelveLabsBadRequestError(f"{self!r} needs exactly one of url, asset_id and file")

    def must_hold_at_most(self, limit: int) -> None:
        """Refuse a larger file. Protects a long upload that the service would refuse at its end.

        :param limit: bytes.
        :raises TwelveLabsBadRequestError: names both sizes.
        """
        if self.file and self.file.size > limit:
            raise TwelveLabsBadRequestError(
                f"{self.file.filename} has {self.file.size:,} bytes; a request carries {limit:,} at most: create an"
                " asset of it, or give a URL"
            )

    def body(self) -> dict[str, Any]:
        """Return the JSON object; a file is read and written as Base64."""
        if self.file is None:
            return {"url": self.url} if self.url else {"asset_id": self.asset_id}
        self.must_hold_at_most(LARGEST_INLINE)
        with self.file.open() as stream:
            content = base64.b64encode(stream.read()).decode("ascii")
        if self.file.verify:
            self.file.verify()
        return {"base64_string": content}


@dataclass(frozen=True)
class FixedSegmentation:
    """Segments of one length.

    :param seconds: 2 to 10, whole.
    """

    seconds: int = 6

    def body(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {"strategy": "fixed", "fixed": {"duration_sec": self.seconds}}


@dataclass(frozen=True)
class DynamicSegmentation:
    """Segments that follow the cuts of a video.

    :param shortest: seconds, 2 to 5, whole.
    """

    shortest: int = 4

    def body(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {"strategy": "dynamic", "dynamic": {"min_duration_sec": self.shortest}}
