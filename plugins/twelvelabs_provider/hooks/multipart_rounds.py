"""Rounds of a multipart upload: parts that the service rejects are sent again."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from twelvelabs_provider.api.errors import TwelveLabsTransientError
from twelvelabs_provider.api.multipart_plan import missing_chunks
from twelvelabs_provider.api.multipart_uploads import ChunkStatus, ChunkUrl, read_upload
from twelvelabs_provider.hooks.multipart import MultipartSender, PartSource

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)

_ROUNDS = 3
OCTETS = {"Content-Type": "application/octet-stream"}
"""Headers of a part, where the service names none."""


def send_missing_parts(
    hook: TwelveLabsHook,
    upload_id: str,
    source: PartSource,
    chunk_size: int,
    headers: Mapping[str, str],
    urls: Collection[ChunkUrl] = (),
    completed: Collection[int] | None = None,
) -> None:
    """Send the missing parts of an upload session.

    :param chunk_size: bytes of every part but the last.
    :param headers: of every part.
    :param urls: fresh addresses that are there already.
    :param completed: the parts that the service has; None to read them.
    :raises TwelveLabsSourceChangedError: the file changed, so that the parts may have different contents.
    :raises TwelveLabsTransientError: a part could not be sent, or the service did not accept all.
    """
    sender = MultipartSender(hook, upload_id, source, headers=headers)
    for _ in range(_ROUNDS):
        there = _completed(hook, upload_id) if completed is None else completed
        missing = missing_chunks(source.size, chunk_size, there)
        if there:
            log.info("Continuing upload %s: %d parts sent, %d missing", upload_id, len(there), len(missing))
        if not missing or sender.send(missing, urls):
            return
        urls, completed = (), None
    raise TwelveLabsTransientError(
        f"Service did not accept all parts of {source.filename} after {_ROUNDS} attempts; a retry continues"
    )


def _completed(hook: TwelveLabsHook, upload_id: str) -> frozenset[int]:
    chunks = hook.items(lambda paging: read_upload(upload_id, paging).then(lambda state: state.chunks))
    return frozenset(chunk.index for chunk in chunks if chunk.status == ChunkStatus.COMPLETED)
