"""The base of the operators that bring a file to the service as an asset: by which way, once, and what of it is new."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from twelvelabs_provider.api.assets import (
    AssetOptions,
    AssetType,
    UploadChoice,
    UploadMethod,
    choose_method,
)
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import (
    TwelveLabsTransientError,
)
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.indexed import SOURCE_MARK, arrived_assets, source_mark
from twelvelabs_provider.jobs.once import UNKNOWN_OUTCOME
from twelvelabs_provider.operators.job import TwelveLabsJobOperator
from twelvelabs_provider.storage.source import Source, resolve_source

if TYPE_CHECKING:
    from airflow.sdk import Context

MARKER = "airflow_upload"
"""The field of an asset's user metadata that tells which submission of which task made it."""


class TwelveLabsUploadOperator(TwelveLabsJobOperator):
    """Base of the operators that upload a file.

    :param source: http(s) URL, local path, or any URI of object storage; set by the operator.
    """

    source: str

    def chosen_method(self, source: Source, wanted: UploadMethod | None = None) -> UploadChoice:
        """Return by which way a file is brought in, having said why.

        :raises TwelveLabsInputError: what is wanted cannot be, or no way takes so large a file.
        """
        try:
            choice = choose_method(source.size, wanted)
        except ValueError as error:
            raise TwelveLabsInputError(f"{source.uri!r} cannot be uploaded: {error}") from None
        self.log.info("%s goes up as an asset, method %s: %s", source.uri, choice.method.value, choice.why)
        return choice

    def upload_asset(
        self,
        context: Context,
        source: Source,
        method: UploadMethod,
        options: AssetOptions,
        media: AssetType = AssetType.VIDEO,
    ) -> str:
        """Bring a file to the service and return the id of its asset, which is being prepared.

        An asset that an earlier try of this task made and never heard of is taken instead of a second one; of a file
        that goes up in parts, those that an earlier try sent are not sent again.
        """
        marker = self.identity(context).submission_key("asset", source.fingerprint)[:32]
        marked = replace(
            options,
            filename=options.filename or source.filename,
            user_metadata={**(options.user_metadata or {}), MARKER: marker, SOURCE_MARK: source_mark(source)},
        )
        earlier = self._find_asset(marked, marker) if getattr(context["ti"], "try_number", 1) > 1 else None
        if earlier:
            self.log.info("an earlier try made asset %s of the same file: taking it", earlier)
            return earlier
        if method is UploadMethod.MULTIPART:
            return self._upload_in_parts(context, source, marked, media)
        return self._upload_at_once(source, marked, marker)

    def _upload_at_once(self, source: Source, options: AssetOptions, marker: str) -> str:
        call = self.hook.api.create_asset(
            media_of(source),
            filename=options.filename,
            user_metadata=options.user_metadata,
            enable_hls=options.enable_hls,
            enable_thumbnail=options.enable_thumbnail,
        )
        try:
            return self.hook.execute(call).id
        except UNKNOWN_OUTCOME as error:
            found = self._find_asset(options, marker)
            if found is None:
                raise
            self.log.info("%s, but it was made: asset %s", error, found)
            return found

    def _upload_in_parts(self, context: Context, source: Source, options: AssetOptions, media: AssetType) -> str:
        from twelvelabs_provider.hooks.multipart import PartSource
        from twelvelabs_provider.jobs.uploads import MultipartUpload

        parts = PartSource(source.filename, source.size or 0, source.open_range)
        ledger = self._ledger(context)
        asset_id = MultipartUpload(self.hook, ledger, parts, source.fingerprint).run(media, options)
        if resolve_source(self.source).fingerprint != source.fingerprint:
            ledger.forget()
            self.hook.execute(self.hook.api.delete_asset(asset_id))
            raise TwelveLabsTransientError(f"{source.uri!r} was changed while it was uploaded; a retry sends it anew")
        return asset_id

    def _find_asset(self, options: AssetOptions, marker: str) -> str | None:
        """Return the asset that bears this submission's marker, if its file has arrived and has not failed."""
        return next((asset.id for asset in arrived_assets(self.hook, options.filename, MARKER, marker)), None)


def media_of(source: Source) -> FilePart | str:
    """Return what a form carries: the file, or the address that the service fetches."""
    return source.url if source.url else FilePart(source.filename, source.open, source.size or 0)
