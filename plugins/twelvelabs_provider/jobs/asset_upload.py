"""Upload of one file as an asset, without a duplicate after a retry or a lost response."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from twelvelabs_provider.api.assets import (
    AssetOptions,
    AssetType,
    UploadChoice,
    UploadMethod,
    choose_method,
    update_asset_metadata,
)
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsError
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.jobs.deduplication import SOURCE_MARK, arrived_assets, source_mark
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.storage.signing import signed_link, why_no_link
from twelvelabs_provider.storage.source import Source

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
    from twelvelabs_provider.jobs.multipart_upload import UploadState

log = logging.getLogger(__name__)

MARKER = "airflow_upload"
"""User metadata field with the submission that created an asset."""


@dataclass(frozen=True)
class AssetUpload:
    """Upload of one file.

    :param marker: identifies the submission of the task; the same for all attempts.
    :param state: the record of a multipart upload, kept between attempts.
    """

    hook: TwelveLabsHook
    source: Source
    marker: str
    state: UploadState

    def run(
        self,
        choice: UploadChoice,
        options: AssetOptions,
        media: AssetType = AssetType.VIDEO,
        *,
        look_first: bool = False,
    ) -> str:
        """Return the id of the file's asset, which the service then prepares.

        Parts that an earlier attempt sent are not sent again. The asset of an object that the service fetches by a link
        has no content mark yet; see :func:`mark_asset`.

        :param choice: the upload method; a refused link that was not requested falls back to an upload.
        :param look_first: an earlier attempt may have created the asset without a response.
        :raises TwelveLabsSourceChangedError: the file changed during the upload; its asset is deleted.
        """
        marked = replace(
            options,
            filename=options.filename or self.source.filename,
            user_metadata={**(options.user_metadata or {}), MARKER: self.marker},
        )
        earlier = self._find(marked) if look_first else None
        if earlier:
            log.info("Reusing asset %s of %s from an earlier attempt", earlier, marked.filename)
            return earlier
        try:
            return self._create(choice.method, marked, media)
        except TwelveLabsBadRequestError as error:
            if choice.otherwise is None:
                raise
            log.warning("%s is uploaded instead, method %s: %s", self.source.uri, choice.otherwise.value, error)
        return self._create(choice.otherwise, marked, media)

    def _create(self, method: UploadMethod, options: AssetOptions, media: AssetType) -> str:
        return self._multipart(options, media) if method is UploadMethod.MULTIPART else self._single(options, method)

    def _single(self, options: AssetOptions, method: UploadMethod) -> str:
        if method is not UploadMethod.URL or self.source.is_url:
            # A form upload fails if the content changes, and of a URL only the address is known.
            mark = {SOURCE_MARK: source_mark(self.source)}
            options = replace(options, user_metadata={**(options.user_metadata or {}), **mark})
        call = self.hook.api.create_asset(
            sent_by(method, self.source, self.hook.endpoint.origin),
            filename=options.filename,
            user_metadata=options.user_metadata,
            enable_hls=options.enable_hls,
            enable_thumbnail=options.enable_thumbnail,
        )
        try:
            return self.hook.execute(call).id
        except UNKNOWN_OUTCOME as error:
            found = self._find(options)
            if found is None:
                raise
            log.info("Found asset %s although its response was lost: %s", found, error)
            return found

    def _multipart(self, options: AssetOptions, media: AssetType) -> str:
        from twelvelabs_provider.hooks.multipart import PartSource
        from twelvelabs_provider.jobs.multipart_upload import MultipartUpload

        source = self.source
        parts = PartSource(source.filename, source.size or 0, source.open_range)
        asset_id = MultipartUpload(self.hook, self.state, parts, source.fingerprint).run(media, options)
        try:
            source.must_be_unchanged()
        except TwelveLabsSourceChangedError:
            self.state.clear()
            remove_asset(self.hook, asset_id)
            raise
        mark_asset(self.hook, asset_id, source)
        return asset_id

    def _find(self, options: AssetOptions) -> str | None:
        """Return the asset of this submission, if its file was uploaded and has not failed."""
        return next((asset.id for asset in arrived_assets(self.hook, options.filename, MARKER, self.marker)), None)


def mark_asset(hook: TwelveLabsHook, asset_id: str, source: Source) -> None:
    """Add the content mark to an asset once its content is certain; a failure is only logged."""
    try:
        hook.execute(update_asset_metadata(asset_id, {SOURCE_MARK: source_mark(source)}))
    except TwelveLabsError as error:
        log.warning("Could not mark asset %s with its content, other runs will not reuse it: %s", asset_id, error)


def remove_asset(hook: TwelveLabsHook, asset_id: str) -> None:
    """Delete an asset whose content is wrong; a failure is only logged."""
    try:
        hook.execute(hook.api.delete_asset(asset_id))
    except TwelveLabsError as error:
        log.warning("Could not delete asset %s: %s", asset_id, error)


def method_for(source: Source, wanted: UploadMethod | None = None, service: str | None = None) -> UploadChoice:
    """Choose the upload method of a file.

    :param service: the origin of a service that can fetch a link; None to upload the file.
    :raises TwelveLabsInputError: the requested method is impossible, or the file is too large for all methods.
    """
    try:
        if wanted is not None or not source.can_sign:
            return choose_method(source.size, wanted, source.can_sign)
        refusal = why_no_link(source, service) if service else None
        choice = choose_method(source.size, None, service is not None and refusal is None)
    except ValueError as error:
        raise TwelveLabsInputError(f"Cannot upload {source.uri!r}: {error}") from None
    return replace(choice, why=f"{choice.why}; {refusal}") if refusal else choice


def sent_by(method: UploadMethod | None, source: Source, service: str) -> FilePart | str:
    """Return the content of the form: the file, its URL, or a newly signed link to it.

    :param service: the origin of the service.
    :raises TwelveLabsInputError: a link is requested, but the service could not fetch it.
    """
    if method is UploadMethod.URL and not source.is_url:
        return signed_link(source, service)
    return source.url or source.file_part()
