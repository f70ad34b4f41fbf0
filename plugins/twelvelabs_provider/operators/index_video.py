"""Operator that indexes a video."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.inputs.policies import IfIndexed
from twelvelabs_provider.inputs.typed_arguments import choice_of
from twelvelabs_provider.inputs.upload_method import AUTO, wanted_method
from twelvelabs_provider.inputs.user_metadata import user_metadata_of
from twelvelabs_provider.jobs.cost import indexing_bill
from twelvelabs_provider.jobs.index_resolution import index_arguments, resolve_index_for_videos
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Memo, PendingJob
from twelvelabs_provider.jobs.polling import duration_text
from twelvelabs_provider.links import index_url, video_url
from twelvelabs_provider.operators.billing import count_bill, guard_cost
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.storage.locations import without_signatures
from twelvelabs_provider.task import BILLED_COLOR, COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.jobs.input_checks import GivenTranscription
    from twelvelabs_provider.jobs.source_upload import SourceUpload
    from twelvelabs_provider.jobs.video_deduplication import VideoDeduplicator
    from twelvelabs_provider.storage.probe import VideoFacts
    from twelvelabs_provider.storage.source import Source


class TwelveLabsIndexVideoOperator(TwelveLabsJobOperator):
    """Uploads a video, indexes it, and waits until it is ready.

    The file, its length and picture size (with the ``probe`` extra), the transcription, the index and the API key are
    checked before the upload. On v1.3 a file of up to 200 MB is uploaded in one request, a larger one in parts; a retry
    sends the missing parts only.

    An already indexed video is reused and not billed again. A mark in its metadata identifies its content: the checksum
    of the source, or its size and modification time; for a URL only the address. The mark is set with the upload on
    v1.3, and when the video is ready on v1.1 and v1.2. Two runs that start at the same moment may both index a video.

    With ``wait_for_completion=False`` the task ends when indexing is submitted; on v1.3 that is after the service has
    prepared the upload.

    Service pages: https://docs.twelvelabs.io/api-reference/indexed-assets/create and
    https://docs.twelvelabs.io/api-reference/tasks/create

    :param source: http(s) URL that the service fetches, local path, or URI of object storage, with the connection as
        user (``s3://aws_default@bucket/key.mp4``) (templated).
    :param index_id: the index (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param create_index: create the index if no index has this name.
    :param models: of an index that is created, as :class:`TwelveLabsCreateIndexOperator` takes them (templated).
    :param transcription: path, URI or URL of SRT or VTT subtitles, which the service uses instead of speech recognition
        (v1.1, v1.2) (templated).
    :param unsupported_transcription: what to do with a transcription on v1.3, which takes none: ``fail`` before the
        upload, or ``warn`` and index without it.
    :param language: of the speech, for generations that take it (templated).
    :param user_metadata: metadata for searches and filters: names to texts, numbers, booleans or lists of texts, as a
        mapping or its JSON text; v1.3 only. The field ``airflow_source`` is added (templated).
    :param if_indexed: ``reuse`` an already indexed video, ``reindex`` it, which is billed again, or ``fail``, unless an
        earlier attempt of this task indexed it (the metadata field ``airflow_task`` says so) (templated).
    :param method: upload method: ``auto``, ``url``, ``direct`` or ``multipart`` (v1.3). With ``url`` the service
        fetches an object of S3, GCS or Azure by a presigned URL, 4 GB at most. ``auto`` takes ``url`` on v1.3 where the
        store can sign, otherwise the method that fits the size; on v1.1 and v1.2 it sends the file (templated).
    :param max_billable_minutes: minutes that the task may bill; a video that would bill more, or an unknown number,
        fails before any billed request. None sets no limit (templated).
    :return: ``index_id``, ``video_id``, ``asset_id`` (None on v1.1 and v1.2), ``duration`` in seconds, ``source_uri``
        (without credentials), ``filename``, ``transcription_used``, ``reused`` (nothing was billed). Without waiting
        also ``job_kind``, ``job_id`` and ``indexing_task_id``: :class:`TwelveLabsIndexingSensor` takes ``index_id`` and
        ``video_id`` (v1.3), or ``indexing_task_id`` (v1.1, v1.2, where the video has no id yet).
    :raises TwelveLabsInputError: the video, the transcription or an argument is invalid, before any upload; or the
        video is already indexed, with ``if_indexed="fail"``.
    :raises TwelveLabsUnknownOutcomeError: the response to a billed upload was lost (v1.1, v1.2) and its task cannot be
        identified. It is not sent again, because that would be billed.
    :raises TwelveLabsJobFailedError: the service could not index the video.
    :raises TwelveLabsJobTimeoutError: the video is not ready at the deadline; a retry attaches to the same job.
    """

    chained_fields = ("video_id", "asset_id", "source_uri")
    template_fields = (
        *COMMON_FIELDS, "source", "index_id", "index_name", "models", "transcription", "language", "user_metadata",
        "if_indexed", "max_billable_minutes", "method",
    )  # fmt: skip
    ui_color = BILLED_COLOR

    def __init__(
        self,
        *,
        source: str,
        index_id: str | None = None,
        index_name: str | None = None,
        create_index: bool = False,
        models: Mapping[str, Sequence[str]] | str | None = None,
        transcription: str | None = None,
        unsupported_transcription: str = "fail",
        language: str | None = None,
        user_metadata: Mapping[str, Any] | str | None = None,
        if_indexed: str = IfIndexed.REUSE.value,
        method: str = AUTO,
        max_billable_minutes: float | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.index_id = index_id
        self.index_name = index_name
        self.create_index = create_index
        self.models = models
        self.transcription = transcription
        self.unsupported_transcription = unsupported_transcription
        self.language = language
        self.user_metadata = user_metadata
        self.if_indexed = if_indexed
        self.method = method
        self.max_billable_minutes = max_billable_minutes

    def submit(self, context: Context) -> PendingJob | Result:
        """Check the arguments, search for the video in the index, upload it, and submit the indexing."""
        from twelvelabs_provider.api.resources import IndexingRoute
        from twelvelabs_provider.jobs.deduplication import job_of, source_mark
        from twelvelabs_provider.jobs.source_upload import source_memo

        required(self, source=self.source)
        index_arguments(self.index_id, self.index_name)
        metadata, policy = self._metadata(), choice_of("if_indexed", self.if_indexed, IfIndexed)
        wanted_method(self.method)
        source, facts = self._checked_source()
        given = self._given_transcription(facts)
        # The first request is free and finds a wrong key, host or index before the upload.
        index = resolve_index_for_videos(
            self.hook,
            self.index_id,
            self.index_name,
            create_index=self.create_index,
            models=self.models,
            task_state=self._task_state(context),
        )
        self.playground_url = index_url(index.id)
        memo = {
            "index_id": index.id,
            "source_uri": source.uri,
            "filename": source.filename,
            **source_memo(source),
            "duration": facts.duration if facts else None,
            "transcription_used": given is not None,
            # A transcription that is sent with a file makes another video of it.
            "mark": source_mark(source, *((given.source.uri, given.source.fingerprint) if given else ())),
        }
        video = self._deduplicator(context).existing_video(policy, metadata, memo)
        if video is not None:
            job = job_of(self.hook, index.id, video)
            return self.pending(context, job, **memo) if job else self._indexed(video.id, memo, video.duration)
        # Preparing an asset is free, and its length is known before it is indexed.
        later = self.hook.api.indexing_route() is IndexingRoute.ASSET
        bill = indexing_bill(facts.duration if facts else None)
        guard_cost(f"indexing {source.filename}", bill, self.max_billable_minutes, length_follows=later)
        if later:
            return self._upload_asset(context, source, policy, memo)
        from twelvelabs_provider.jobs.indexing_submission import VideoUpload, upload_and_index

        upload = VideoUpload(
            source,
            wanted_method(self.method, in_one_request=True),
            given.part if given else None,
            self.language,
            metadata,
        )
        job, sent = upload_and_index(self.hook, self._task_state(context), upload, memo)
        return self.pending(context, job, **memo | sent)

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> PendingJob | Result:
        """Index an asset that is ready, or return the indexed video. Upload a file that the service could not fetch."""
        from twelvelabs_provider.jobs.source_upload import link_failed

        if pending.job.kind is JobKind.ASSET:
            upload = self._source_upload(context)
            if link_failed(pending, state):
                asset_id, choice = upload.upload_after_link(pending, state, self.clean_up)
                return self.next_job(pending, JobRef(JobKind.ASSET, asset_id), asset_id=asset_id, **choice.as_memo())
            upload.must_be_as_checked(pending, state)
            return self._index_asset(context, pending, state)
        video_id = state.video_id
        if not video_id:
            raise TwelveLabsAnswerError(f"{pending.job} is ready, but the service names no video for it")
        ours = pending.job.kind is JobKind.INDEXING_TASK and not pending.memo.get("reused")
        if ours and self._source_upload(context).is_unchanged(pending):
            self._deduplicator(context).mark(video_id, pending.memo)
        return self._indexed(video_id, pending.memo, state.duration, pending.started_at)

    def request_values(self) -> tuple[Any, ...]:
        """Return the video, the index and the transcription. The signature of a URL does not count."""
        index = index_arguments(self.index_id, self.index_name)
        asked = (without_signatures(self.source), *index, without_signatures(self.transcription or ""), self.language)
        metadata = self._metadata()
        wishes = () if self.if_indexed == IfIndexed.REUSE else (self.if_indexed,)
        return (*asked, *wishes, sorted(metadata.items())) if metadata else (*asked, *wishes)

    def playground_page(self, pending: PendingJob) -> str | None:
        """Return the page of the video if its id is known, else of the index."""
        if pending.job.kind is JobKind.INDEXED_ASSET:
            return video_url(pending.memo["index_id"], pending.job.id)
        index_id, video_id = pending.memo["index_id"], pending.memo.get("video_id")
        return video_url(index_id, video_id) if video_id else index_url(index_id)

    def can_detach(self, pending: PendingJob) -> bool:
        """Return False for an asset: the task has to wait for it before it can submit the indexing."""
        return pending.job.kind is not JobKind.ASSET

    def detached_result(self, pending: PendingJob) -> Result:
        """Return which video is being indexed, under the names that the sensor and later tasks take."""
        is_task = pending.job.kind is JobKind.INDEXING_TASK
        reused = bool(pending.memo.get("reused"))
        if not reused:
            # The task ends before the video is ready, so its cost is counted now.
            count_bill(self, indexing_bill(pending.memo.get("duration")))
        kept = {name: pending.memo.get(name) for name in ("video_id", "asset_id", "duration", "source_uri", "filename")}
        return {
            **super().detached_result(pending),
            **kept,
            "index_id": pending.memo["index_id"],
            "indexing_task_id": pending.job.id if is_task else None,
            "transcription_used": bool(pending.memo.get("transcription_used")),
            "reused": reused,
        }

    def can_complete(self, pending: PendingJob, state: JobState) -> bool:
        """Return True also for a file that can be uploaded because the service could not fetch it by a link."""
        from twelvelabs_provider.jobs.source_upload import link_failed

        return link_failed(pending, state) or super().can_complete(pending, state)

    def owns(self, pending: PendingJob) -> bool:
        """Return False for a video or asset of another task."""
        memo = pending.memo
        return not memo.get("reused") and not (memo.get("shared") and pending.job.kind is JobKind.ASSET)

    def clean_up(self, pending: PendingJob) -> None:
        """Delete the failed video and its asset, so that a retry uploads again."""
        from twelvelabs_provider.jobs.deduplication import remove_failed

        if self.owns(pending):
            asset_id = None if pending.memo.get("shared") else pending.memo.get("asset_id")
            remove_failed(self.hook, pending.job, asset_id)

    def _indexed(self, video_id: str, memo: Memo, duration: float | None, started_at: float | None = None) -> Result:
        """Return the result for a video that is ready, and count what it bills."""
        took = f" in {duration_text(time.time() - started_at)}" if started_at and not memo.get("reused") else ""
        self.log.info("Indexed %s as video %s%s", memo["filename"], video_id, took)
        self.playground_url = video_url(memo["index_id"], video_id)
        duration, reused = duration or memo.get("duration"), bool(memo.get("reused"))
        if not reused:
            count_bill(self, indexing_bill(duration))
        return {
            "index_id": memo["index_id"],
            "video_id": video_id,
            "asset_id": memo.get("asset_id"),
            "duration": duration,
            "source_uri": memo.get("source_uri"),
            "filename": memo.get("filename"),
            "transcription_used": bool(memo.get("transcription_used")),
            "reused": reused,
        }

    def _metadata(self) -> Mapping[str, Any]:
        return user_metadata_of("user_metadata", self.user_metadata)

    def _checked_source(self) -> tuple[Source, VideoFacts | None]:
        from twelvelabs_provider.jobs.input_checks import checked_video
        from twelvelabs_provider.storage.source import resolve_source

        given = checked_video(resolve_source(self.source), self.hook.api.LIMITS)
        self.log.info("%s: %s (%s)", given.source.filename, given.described, given.source.uri)
        return given.source, given.facts

    def _given_transcription(self, facts: VideoFacts | None) -> GivenTranscription | None:
        """Return the checked transcription, if the service takes one."""
        from twelvelabs_provider.jobs.input_checks import accepts_transcription, checked_transcription
        from twelvelabs_provider.storage.source import resolve_source

        source = resolve_source(self.transcription, what="transcription") if self.transcription else None
        given = checked_transcription(source, facts.duration if facts else None) if source else None
        named = f"The transcription {source.uri} is" if source else None
        if not accepts_transcription(self.hook, self.unsupported_transcription, named) or not given:
            return None
        self.log.info("%s: transcription, %s (%s)", given.source.filename, given.described, given.source.uri)
        return given

    def _source_upload(self, context: Context) -> SourceUpload:
        from twelvelabs_provider.jobs.source_upload import SourceUpload

        look_first, discard = self.may_have_sent_before(context), partial(self.discard, context)
        return SourceUpload(self.hook, self.source, self._task_state(context), look_first, discard)

    def _deduplicator(self, context: Context) -> VideoDeduplicator:
        from twelvelabs_provider.jobs.video_deduplication import VideoDeduplicator

        return VideoDeduplicator(self.hook, self._task_state(context))

    def _upload_asset(self, context: Context, source: Source, policy: IfIndexed, memo: Result) -> PendingJob:
        asset_id = self._deduplicator(context).existing_asset(policy, source, memo)
        if asset_id is not None:
            return self.pending(context, JobRef(JobKind.ASSET, asset_id), **memo, asset_id=asset_id, shared=True)
        upload = self._source_upload(context)
        choice = upload.choose(source, wanted_method(self.method))
        asset_id = upload.upload(source, choice)
        self.log.info("Uploaded %s as asset %s", source.filename, asset_id)
        return self.pending(context, JobRef(JobKind.ASSET, asset_id), **memo, **choice.as_memo(), asset_id=asset_id)

    def _index_asset(self, context: Context, pending: PendingJob, state: JobState) -> PendingJob:
        from twelvelabs_provider.jobs.indexing_submission import index_marked_asset

        asset_id, duration, index_id = pending.job.id, pending.memo.get("duration"), pending.memo["index_id"]
        # An earlier attempt may have submitted the indexing without receiving the response.
        video_id = self.hook.execute(self.hook.api.find_indexed_asset(index_id, asset_id))
        shared = bool(video_id and pending.memo.get("shared"))
        reused = shared and not self._deduplicator(context).is_own(str(video_id), pending.memo)
        if video_id is None:
            # The service bills the length that it measures, which may differ from the file's header.
            length = state.duration or duration
            if duration is None or length != duration:
                guard_cost(f"indexing {pending.memo['filename']}", indexing_bill(length), self.max_billable_minutes)
            video_id = index_marked_asset(self.hook, asset_id, pending.memo, self._metadata())
        self.log.info("Indexing %s as video %s", pending.memo["filename"], video_id)
        job = JobRef(JobKind.INDEXED_ASSET, video_id, index_id)
        return self.next_job(pending, job, video_id=video_id, duration=state.duration or duration, reused=reused)
