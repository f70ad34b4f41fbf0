"""Multipart upload of one file, continued by a retry."""

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
)
from twelvelabs_provider.api.jobs import phase_of
from twelvelabs_provider.api.multipart_uploads import ChunkUrl, UploadStatus, create_upload, read_upload
from twelvelabs_provider.exceptions import TwelveLabsSourceChangedError
from twelvelabs_provider.hooks.multipart import PartSource
from twelvelabs_provider.hooks.multipart_rounds import OCTETS, send_missing_parts
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.jobs.task_state import BegunUpload

log = logging.getLogger(__name__)

_NOT_ACTIVE = (TwelveLabsNotFoundError, TwelveLabsPermissionError, TwelveLabsBadRequestError)


class UploadState(Protocol):
    """Record of a multipart upload that is kept between attempts."""

    def earlier_upload(self) -> BegunUpload | None: ...
    def record_upload(self, upload: BegunUpload) -> None: ...
    def clear(self) -> None: ...


@dataclass(frozen=True)
class MultipartUpload:
    """Multipart upload of one file.

    :param state: the record of the upload, kept between attempts.
    :param fingerprint: fingerprint of the file's content; an upload of other content is not continued.
    """

    hook: TwelveLabsHook
    state: UploadState
    source: PartSource
    fingerprint: str

    def run(self, media: AssetType, options: AssetOptions) -> str:
        """Send the missing parts and return the id of the asset, which the service then prepares.

        :raises TwelveLabsTransientError: a part could not be sent; a retry sends the missing parts.
        """
        begun = self._earlier()
        if begun is not None:
            try:
                self._send_missing(begun)
            except _NOT_ACTIVE as error:
                log.warning("Cannot continue upload %s, starting a new one: %s", begun.upload_id, error)
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
            dict(session.headers) or OCTETS,
        )
        self.state.record_upload(begun)
        log.info("Uploading %s in %d parts (upload %s)", self.source.filename, session.total_chunks, session.id)
        self._send_missing(begun, session.urls, completed=())
        return session.asset_id

    def _earlier(self) -> BegunUpload | None:
        """Return the upload of an earlier attempt, if it is active and of the same content."""
        begun = self.state.earlier_upload()
        if begun is None:
            return None
        if (begun.size, begun.fingerprint) != (self.source.size, self.fingerprint):
            log.info("%s changed since upload %s began, starting a new one", self.source.filename, begun.upload_id)
            self._remove(begun)
            return None
        try:
            status = self.hook.execute(read_upload(begun.upload_id)).status
            usable = status == UploadStatus.ACTIVE or (status == UploadStatus.COMPLETED and self._is_alive(begun))
        except _NOT_ACTIVE as error:
            status, usable = str(error), False
        if not usable:
            log.info("Upload %s of an earlier attempt is %s, starting a new one", begun.upload_id, status)
        return begun if usable else None

    def _remove(self, begun: BegunUpload) -> None:
        """Delete the asset of an upload whose parts may have different contents."""
        self.state.clear()
        try:
            self.hook.execute(self.hook.api.delete_asset(begun.asset_id))
        except TwelveLabsError as error:
            log.warning("Could not delete asset %s: %s", begun.asset_id, error)

    def _is_alive(self, begun: BegunUpload) -> bool:
        asset = self.hook.execute(self.hook.api.read_asset(begun.asset_id))
        return phase_of(asset.status) is not Phase.FAILED

    def _send_missing(
        self, begun: BegunUpload, urls: Collection[ChunkUrl] = (), *, completed: Collection[int] | None = None
    ) -> None:
        """Send the missing parts; parts that the service rejects are sent again.

        :param completed: the parts that the service has, None to read them.
        """
        try:
            send_missing_parts(
                self.hook, begun.upload_id, self.source, begun.chunk_size, begun.headers, urls, completed
            )
        except TwelveLabsSourceChangedError:
            self._remove(begun)
            raise
