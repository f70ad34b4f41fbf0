"""A file that becomes an asset, once: what an earlier try made of it is taken, and a lost answer is looked for."""

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
"""The field of an asset's user metadata that tells which submission of which task made it."""


@dataclass(frozen=True)
class AssetUpload:
    """Brings one file to the service.

    :param marker: tells which submission of which task this is; the same for all tries.
    :param book: remembers an upload in parts from try to try.
    """

    hook: TwelveLabsHook
    source: Source
    marker: str
    book: UploadState

    def run(
        self,
        choice: UploadChoice,
        options: AssetOptions,
        media: AssetType = AssetType.VIDEO,
        *,
        look_first: bool = False,
    ) -> str:
        """Return the id of the file's asset, which is being prepared.

        Of a file that goes up in parts, those that an earlier try sent are not sent again. The asset of an object that
        the service fetches by a link bears no mark of its content yet; see :func:`mark_asset`.

        :param choice: by which way; a link that nobody asked for and that the service refuses makes way for an upload.
        :param look_first: an earlier try may have made the asset and never heard of it.
        :raises TwelveLabsSourceChangedError: the file changed while it was sent; no asset of it is left.
        """
        marked = replace(
            options,
            filename=options.filename or self.source.filename,
            user_metadata={**(options.user_metadata or {}), MARKER: self.marker},
        )
        earlier = self._find(marked) if look_first else None
        if earlier:
            log.info("an earlier try made asset %s of the same file: taking it", earlier)
            return earlier
        try:
            return self._made(choice.method, marked, media)
        except TwelveLabsBadRequestError as error:
            if choice.otherwise is None:
                raise
            log.warning("%s; %r is uploaded instead, method %s", error, self.source.uri, choice.otherwise.value)
        return self._made(choice.otherwise, marked, media)

    def _made(self, method: UploadMethod, options: AssetOptions, media: AssetType) -> str:
        return self._in_parts(options, media) if method is UploadMethod.MULTIPART else self._at_once(options, method)

    def _at_once(self, options: AssetOptions, method: UploadMethod) -> str:
        if method is not UploadMethod.URL or self.source.is_url:
            # A form is only whole if the content did not change; an address is all that is known of a URL.
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
            log.info("%s, but it was made: asset %s", error, found)
            return found

    def _in_parts(self, options: AssetOptions, media: AssetType) -> str:
        from twelvelabs_provider.hooks.multipart import PartSource
        from twelvelabs_provider.jobs.multipart_upload import MultipartUpload

        source = self.source
        parts = PartSource(source.filename, source.size or 0, source.open_range)
        asset_id = MultipartUpload(self.hook, self.book, parts, source.fingerprint).run(media, options)
        try:
            source.must_be_unchanged()
        except TwelveLabsSourceChangedError:
            self.book.clear()
            remove_asset(self.hook, asset_id)
            raise
        mark_asset(self.hook, asset_id, source)
        return asset_id

    def _find(self, options: AssetOptions) -> str | None:
        """Return the asset that bears this submission's marker, if its file has arrived and has not failed."""
        return next((asset.id for asset in arrived_assets(self.hook, options.filename, MARKER, self.marker)), None)


def mark_asset(hook: TwelveLabsHook, asset_id: str, source: Source) -> None:
    """Mark an asset with the content that it was made of, once that is certain; without a mark it is not reused."""
    try:
        hook.execute(update_asset_metadata(asset_id, {SOURCE_MARK: source_mark(source)}))
    except TwelveLabsError as error:
        log.warning("asset %s bears no mark of its source, another run will not reuse it: %s", asset_id, error)


def remove_asset(hook: TwelveLabsHook, asset_id: str) -> None:
    """Delete an asset whose content is not what it was taken for."""
    try:
        hook.execute(hook.api.delete_asset(asset_id))
    except TwelveLabsError as error:
        log.warning("asset %s could not be deleted: %s", asset_id, error)


def method_for(source: Source, wanted: UploadMethod | None = None, service: str | None = None) -> UploadChoice:
    """Return by which way a file is brought in.

    :param service: the origin of a service that may be given a link to it; None where it is to be uploaded.
    :raises TwelveLabsInputError: what is wanted cannot be, or no way takes so large a file.
    """
    try:
        if wanted is not None or source.signer is None:
            return choose_method(source.size, wanted, source.signer is not None)
        refusal = why_no_link(source, service) if service else None
        choice = choose_method(source.size, None, service is not None and refusal is None)
    except ValueError as error:
        raise TwelveLabsInputError(f"{source.uri!r} cannot be uploaded: {error}") from None
    return replace(choice, why=f"{choice.why}; {refusal}") if refusal else choice


def sent_by(method: UploadMethod | None, source: Source, service: str) -> FilePart | str:
    """Return what a form carries: the file, its address, or a link to it that its store signs now.

    :param service: the origin of the service.
    :raises TwelveLabsInputError: a link is asked for, and none can be signed that the service can follow.
    """
    if method is UploadMethod.URL and not source.is_url:
        return signed_link(source, service)
    return source.url or source.file_part()
