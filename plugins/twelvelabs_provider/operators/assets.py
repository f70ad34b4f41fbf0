"""Operators for assets: files that are stored once and used often."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.assets import UPLOADS, AssetOptions, AssetType
from twelvelabs_provider.api.call import ensure_supported
from twelvelabs_provider.api.errors import TwelveLabsConflictError, TwelveLabsError
from twelvelabs_provider.api.resources import IndexingRoute
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRefusedError
from twelvelabs_provider.inputs.typed_arguments import optional_choice, optional_text
from twelvelabs_provider.inputs.upload_method import AUTO, wanted_method
from twelvelabs_provider.inputs.user_metadata import user_metadata_of
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob
from twelvelabs_provider.jobs.source_upload import SourceUpload, link_failed, source_memo
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.storage.locations import without_signatures
from twelvelabs_provider.storage.media import must_be_image_asset, must_be_sound
from twelvelabs_provider.storage.probe import probe_video
from twelvelabs_provider.storage.source import Source, resolve_source
from twelvelabs_provider.task import COMMON_FIELDS, DELETE_COLOR, required

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsCreateAssetOperator(TwelveLabsJobOperator):
    """Uploads a file as an asset, and waits until it is ready for indexing, analysis or embedding.

    Files of up to 200 MB are uploaded in one request, larger ones (10 GB at most) in parallel parts and bounded memory;
    a retry sends the missing parts only. The service fetches URLs itself (4 GB at most).

    Service pages: https://docs.twelvelabs.io/api-reference/upload-content/direct-uploads/create and
    https://docs.twelvelabs.io/api-reference/upload-content/multipart-uploads/create

    :param source: http(s) URL that the service fetches, local path, or any URI of object storage, with the connection
        as user (``s3://aws_default@bucket/key.mp4``) (templated).
    :param filename: name of the asset; None uses the source's (templated).
    :param user_metadata: names to texts, numbers, booleans or lists of texts, as a mapping or its JSON text; the
        fields ``airflow_upload`` and ``airflow_source`` are added, which identify the task and the content (templated).
    :param asset_type: ``video``, ``audio`` or ``image``; None detects it by the file's name (templated).
    :param enable_hls: create a stream for players.
    :param enable_thumbnail: create a thumbnail.
    :param method: ``auto``, ``url``, ``direct`` or ``multipart`` (templated). With ``url`` the service fetches an
        object of S3, GCS or Azure by a presigned URL, 4 GB at most. ``auto`` uses ``url`` if the store can sign,
        otherwise, or if the service could not fetch the object, the method that fits the size.
    :return: ``asset_id``, ``status``, ``method``, ``filename``, ``file_type``, ``duration`` in seconds (None for an
        image), ``size`` in bytes, ``source_uri`` (without credentials). Without waiting ``job_kind``,
        ``job_id`` and ``asset_id``, for :class:`TwelveLabsAssetSensor`.
    :raises TwelveLabsInputError: a file, an argument or the method is invalid; raised before any request.
    :raises TwelveLabsJobFailedError: the service could not use the file; its asset is deleted.
    :raises TwelveLabsJobTimeoutError: it was not ready at the deadline; a retry waits for the same asset.
    """

    chained_fields = ("asset_id", "source_uri")
    template_fields = (*COMMON_FIELDS, "source", "filename", "user_metadata", "asset_type", "method")

    def __init__(
        self,
        *,
        source: str,
        filename: str | None = None,
        user_metadata: Mapping[str, Any] | str | None = None,
        asset_type: str | None = None,
        enable_hls: bool = False,
        enable_thumbnail: bool = False,
        method: str = AUTO,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.filename = filename
        self.user_metadata = user_metadata
        self.asset_type = asset_type
        self.enable_hls = enable_hls
        self.enable_thumbnail = enable_thumbnail
        self.method = method

    def submit(self, context: Context) -> PendingJob:
        """Check the arguments and the file, choose the upload method, and upload."""
        required(self, source=self.source)
        self._needs_assets()
        wanted = wanted_method(self.method)
        # The arguments are checked before the file is read.
        self._options()
        source = resolve_source(self.source, what="file")
        upload = self._upload(context, source.filename)
        choice = upload.choose(source, wanted, by_link=self.wait_for_completion)
        self._check(source, upload.media)
        asset_id = upload.upload(source, choice)
        self.log.info("Uploaded %s as asset %s", source.filename, asset_id)
        memo = {"source_uri": source.uri, "filename": source.filename, "asset_id": asset_id, **source_memo(source)}
        return self.pending(context, JobRef(JobKind.ASSET, asset_id), **memo, **choice.as_memo())

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> PendingJob | Result:
        """Return the asset, or upload a file that the service could not fetch."""
        upload = self._upload(context, pending.memo["filename"])
        if link_failed(pending, state):
            asset_id, choice = upload.upload_after_link(pending, state, self.clean_up)
            return self.next_job(pending, JobRef(JobKind.ASSET, asset_id), asset_id=asset_id, **choice.as_memo())
        upload.must_be_as_checked(pending, state)
        asset = self.hook.execute(self.hook.api.read_asset(pending.job.id))
        self.log.info("Asset of %s is %s: %s (%s)", asset.filename, asset.status, asset.id, asset.file_type)
        return {
            "asset_id": asset.id,
            "status": asset.status,
            "method": asset.method or pending.memo.get("method"),
            "filename": asset.filename,
            "file_type": asset.file_type,
            "duration": asset.duration,
            "size": asset.size,
            "source_uri": pending.memo.get("source_uri"),
        }

    def can_complete(self, pending: PendingJob, state: JobState) -> bool:
        """Return True also for a file that can be uploaded because the service could not fetch it by a link."""
        return link_failed(pending, state) or super().can_complete(pending, state)

    def request_values(self) -> tuple[Any, ...]:
        """Return the file and its options. The signature of a URL does not count."""
        options = (self.asset_type, self.enable_hls, self.enable_thumbnail, self.method)
        return (without_signatures(self.source), self.filename, str(self.user_metadata or ""), *options)

    def detached_result(self, pending: PendingJob) -> Result:
        """Return which asset the service prepares."""
        kept = {name: pending.memo.get(name) for name in ("method", "source_uri")}
        return {**super().detached_result(pending), "asset_id": pending.job.id, **kept}

    def clean_up(self, pending: PendingJob) -> None:
        """Remove the failed asset; a retry uploads again."""
        try:
            self.hook.execute(self.hook.api.delete_asset(pending.job.id, force=True))
        except TwelveLabsError as error:
            self.log.warning("Could not delete %s: %s", pending.job, error)

    def _upload(self, context: Context, filename: str) -> SourceUpload:
        options = self._options()
        return SourceUpload(
            self.hook,
            self.source,
            self._task_state(context),
            self.may_have_sent_before(context),
            partial(self.discard, context),
            options,
            self._media(options.filename or filename),
        )

    def _needs_assets(self) -> None:
        """Let a generation without assets refuse before a file is looked at."""
        if self.hook.api.indexing_route() is not IndexingRoute.ASSET:
            ensure_supported(self.hook.api.create_asset(""), self.hook.endpoint.version)

    def _options(self) -> AssetOptions:
        metadata = user_metadata_of("user_metadata", self.user_metadata)
        return AssetOptions(
            optional_text(self.filename), metadata or None, bool(self.enable_hls), bool(self.enable_thumbnail)
        )

    def _media(self, filename: str) -> AssetType:
        given = optional_choice("asset_type", self.asset_type, AssetType)
        if given is not None:
            return given
        guessed = (mimetypes.guess_type(filename)[0] or "video/").partition("/")[0]
        if guessed not in set(AssetType):
            raise TwelveLabsInputError(
                f"{filename!r} looks like {guessed}, and an asset is one of {', '.join(AssetType)}: if it is one, say"
                " so with asset_type"
            )
        return AssetType(guessed)

    def _check(self, source: Source, media: AssetType) -> None:
        if source.size is None:
            return
        if media is AssetType.IMAGE and source.size > UPLOADS.max_image:
            raise TwelveLabsInputError(
                f"the image {source.uri!r} has {source.size:,} bytes; the service takes at most {UPLOADS.max_image:,}"
            )
        if media is AssetType.IMAGE:
            must_be_image_asset(source)
        if media is AssetType.AUDIO:
            must_be_sound(source)
        if media is AssetType.VIDEO:
            # What is no video, or a damaged one, is found before it is uploaded; its length is the models' business.
            probe_video(source)


class TwelveLabsDeleteAssetOperator(TwelveLabsOperator):
    """Deletes an asset, for good; one that is not there counts as deleted.

    Service page: https://docs.twelvelabs.io/api-reference/upload-content/direct-uploads/delete

    :param asset_id: the asset (templated).
    :param force: delete it although videos in indexes were made of it; they go with it.
    :raises TwelveLabsRefusedError: if videos were made of it and ``force`` is False.
    """

    template_fields = (*COMMON_FIELDS, "asset_id")
    returns_fields = False
    ui_color = DELETE_COLOR

    def __init__(self, *, asset_id: str, force: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.asset_id = asset_id
        self.force = force

    def run_operator(self, context: Context) -> None:
        """Delete the asset."""
        required(self, asset_id=self.asset_id)
        try:
            self.hook.execute(self.hook.api.delete_asset(self.asset_id, force=self.force))
        except TwelveLabsConflictError as error:
            raise TwelveLabsRefusedError(
                f"{error}. Videos in indexes were made of asset {self.asset_id}: delete them first, or use force=True"
            ) from error
        self.log.info("Deleted asset %s", self.asset_id)
