"""Operations of v1.1 and v1.2 that take several requests."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.legacy.extras import TaskCounts
from twelvelabs_provider.hooks.signed_links import fetch_signed

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

MOST_IMAGE_BYTES = 32 * 1024**2
_IMAGES = (b"\xff\xd8\xff", b"\x89PNG")


def count_tasks(hook: TwelveLabsHook, index_id: str) -> TaskCounts:
    """Return the number of indexing tasks of an index by status, in any generation."""
    return reduce(add, (hook.execute(call) for call in hook.api.count_tasks(index_id)))


def thumbnail_image(hook: TwelveLabsHook, index_id: str, video_id: str, *, time: float | None = None) -> bytes:
    """Return a thumbnail of a video (v1.1 and v1.2), downloaded at once because its URL expires after an hour.

    :param time: seconds from the beginning; the service's own choice is the middle.
    :raises TwelveLabsUnsupportedError: in v1.3.
    :raises TwelveLabsAnswerError: the link opens no image.
    """
    link = hook.execute(hook.api.thumbnail(index_id, video_id, time=time))
    content = fetch_signed(link.url, hook.endpoint, MOST_IMAGE_BYTES)
    if not content.startswith(_IMAGES) and content[8:12] != b"WEBP":
        raise TwelveLabsAnswerError(f"the thumbnail of video {video_id} is no image (JPEG, PNG or WebP)")
    return content
