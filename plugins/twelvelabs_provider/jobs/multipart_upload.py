"""An upload in parts that survives its task: what an earlier try sent is not sent again."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from twelvelabs_provider.api.assets import AssetOptions, AssetType
from twelvelabs_provider.api.errors import (
    TwelveLabsBadRequestError,
    TwelveLabsError,
    TwelveLabsNotFoundError,
    TwelveLabsPermissionError,
    TwelveLabsTransientError,
)
from twelvelabs_provider.api.multipart_plan import missing_chunks
from twelvelabs_provider.api.multipart_uploads import ChunkStatus, ChunkUrl, UploadStatus, create_upload, read_upload
from twelvelabs_provider.exceptions import TwelveLabsSourceChangedError
from twelvelabs_provider.hooks.multipart import MultipartSender, PartSource
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.jobs.kinds import phase_of
from twelvelabs_provider.jobs.task_state import BegunUpload

log = logging.getLogger(__name__)

_ROUNDS = 3
_OCTETS = {"Content-Type": "application/octet-stream"}
_GONE = (TwelveLabsNotFoundError, TwelveLabsPermissionError, TwelveLabsBadRequestError)


class UploadState(Protocol):
    """What remembers an upload in parts from one try to the next."""

    def earlier_upload(self) -> BegunUpload | None: ...
    def record_upload(self, upload: BegunUpload) -> None: ...
    def clear(self) -> None: ...


@dataclass(frozen=True)
class MultipartUpload:
    """Brings one file to the service in parts.

    :param task_state: remembers the session from one try of the task to the next.
    :param fingerprint: changes when the file's content changes; then an older session is of no use.
    """

    hook: TwelveLabsHook
    task_state: UploadState
    source: PartSource
    fingerprint: str

    def run(self, media: AssetType, options: AssetOptions) -> str:
        """Send what the service does not have yet and return the id of the asset, which is prepared from then on.

        :raises TwelveLabsTransientError: a part could not be sent; another try goes on with what is missing.
        """
        begun = self._earlier()
        if begun is not None:
            try:
                self._go_on(begun)
            except _GONE as error:
                log.warning("upload %s cannot be gone on with (%s): beginning anew", begun.upload_id, error)
            else:
                return begun.asset_id
        return self._begin(media, options)

    def _begin(self, media: AssetType, options: AssetOptions) -> str:
        session = self.hook.execute(create_upload(media, self.source.size, options))
        begun = BegunUpload(
            session.id,
            session.asset_id,
            session.chunk_size,
            self.source.size,
            self.fingerprint,
            dict(session.headers) or _OCTETS,
        )
        self.task_state.record_upload(begun)
        log.info("upload %s of %s: %d parts", session.id, self.source.filename, session.total_chunks)
        self._go_on(begun, session.urls, completed=())
        return session.asset_id

    def _earlier(self) -> BegunUpload | None:
        """Return what an earlier try began, if it is of the same file and not over."""
        begun = self.task_state.earlier_upload()
        if begun is None:
            return None
        if (begun.size, begun.fingerprint) != (self.source.size, self.fingerprint):
            log.info("%s changed since upload %s began: starting again", self.source.filename, begun.upload_id)
            self._remove(begun)
            return None
        try:
            status = self.hook.execute(read_upload(begun.upload_id)).status
            usable = status == UploadStatus.ACTIVE or (status == UploadStatus.COMPLETED and self._is_alive(begun))
        except _GONE as error:
            status, usable = str(error), False
        if not usable:
            log.info("upload %s of an earlier try is of no use (%s): beginning anew", begun.upload_id, status)
        return begun if usable else None

    def _remove(self, begun: BegunUpload) -> None:
        """Delete the asset of an upload whose parts may be of two contents."""
        self.task_state.clear()
        try:
            self.hook.execute(self.hook.api.delete_asset(begun.asset_id))
        except TwelveLabsError as error:
            log.warning("asset %s could not be deleted: %s", begun.asset_id, error)

    def _is_alive(self, begun: BegunUpload) -> bool:
        asset = self.hook.execute(self.hook.api.read_asset(begun.asset_id))
        return phase_of(asset.status) is not Phase.FAILED

    def _go_on(
        self, begun: BegunUpload, urls: Collection[ChunkUrl] = (), *, completed: Collection[int] | None = None
    ) -> None:
        """Send what is missing until nothing is; parts that the service could not take are sent once more.

        :param completed: the parts that the service has, None where it has to be asked.
        """
        sender = MultipartSender(self.hook, begun.upload_id, self.source, headers=begun.headers)
        for _ in range(_ROUNDS):
            there = self._completed(begun) if completed is None else completed
            missing = missing_chunks(begun.size, begun.chunk_size, there)
            if there:
                log.info("upload %s goes on: %d parts are there, %d missing", begun.upload_id, len(there), len(missing))
            try:
                if not missing or sender.send(missing, urls):
                    return
            except TwelveLabsSourceChangedError:
                self._remove(begun)
                raise
            urls, completed = (), None
        raise TwelveLabsTransientError(
            f"the service did not take all parts of {self.source.filename}, sent {_ROUNDS} times; a retry goes on"
        )

    def _completed(self, begun: BegunUpload) -> frozenset[int]:
        chunks = self.hook.items(lambda paging: read_upload(begun.upload_id, paging).then(lambda state: state.chunks))
        return frozenset(chunk.index for chunk in chunks if chunk.status == ChunkStatus.COMPLETED)
