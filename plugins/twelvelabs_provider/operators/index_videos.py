"""Operator that indexes many videos in one task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from twelvelabs_provider.api.resources import IndexingRoute
from twelvelabs_provider.hooks.masking import mask_secrets_in
from twelvelabs_provider.inputs.cost_limit import limit_from
from twelvelabs_provider.inputs.policies import IfIndexed
from twelvelabs_provider.inputs.typed_arguments import choice_of
from twelvelabs_provider.inputs.upload_method import AUTO, wanted_method
from twelvelabs_provider.inputs.user_metadata import user_metadata_of
from twelvelabs_provider.inputs.video_sources import allowed_failures, concurrency_of, videos_of
from twelvelabs_provider.jobs.bulk_indexing.pipeline import IndexingPipeline
from twelvelabs_provider.jobs.bulk_indexing.preflight import preflight
from twelvelabs_provider.jobs.bulk_indexing.state import IndexingState, Stage, key_of
from twelvelabs_provider.jobs.bulk_indexing.steps import Steps
from twelvelabs_provider.jobs.bulk_indexing.via_assets import AssetPipeline
from twelvelabs_provider.jobs.bulk_indexing.via_tasks import TaskPipeline
from twelvelabs_provider.jobs.bulk_state import digest_of
from twelvelabs_provider.jobs.checkpoint import Checkpoint
from twelvelabs_provider.jobs.cost import Bill
from twelvelabs_provider.jobs.identity import Identity, fingerprint
from twelvelabs_provider.jobs.index_resolution import index_arguments, resolve_index_for_videos
from twelvelabs_provider.jobs.outage import poll_through_outage
from twelvelabs_provider.jobs.task_state import TaskState, origin_in
from twelvelabs_provider.links import index_url
from twelvelabs_provider.operators.billing import count_bill
from twelvelabs_provider.operators.bulk import TwelveLabsBulkOperator
from twelvelabs_provider.results.bulk_outcome import BulkOutcome
from twelvelabs_provider.results.indexing_outcome import publish_outcome
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.publish import ResultPath, check_output
from twelvelabs_provider.storage.video_list import ListedVideo
from twelvelabs_provider.task import BILLED_COLOR, COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsIndexVideosOperator(TwelveLabsBulkOperator[IndexingPipeline]):
    """Indexes many videos in one task, a few at a time, and publishes one row per video.

    At most ``max_concurrent`` videos are indexed at once, and as many more are uploaded ahead of them (v1.3). With
    ``deferrable`` the task needs no worker meanwhile: one trigger waits for all of them and resumes the task when half
    are done. A rate limit of the service slows the task down and fails no video.

    Each video is billed once. A video that is already indexed, or being indexed, is reused: a mark in its metadata
    identifies its content. A checkpoint beside the outcome is written before each billed request, so a retry continues
    where the attempt stopped, on any Airflow, and reconciles requests whose response was lost. A clear starts again
    with the videos that are not in the index. On v1.1 and v1.2, where videos are marked when they are ready, a lost
    upload is found by its file name; if several videos have that name, the video fails with their ids.

    Indexing cannot be cancelled: after a kill or at the deadline it continues, and a retry attaches to it.

    Service pages: https://docs.twelvelabs.io/api-reference/indexed-assets/create and
    https://docs.twelvelabs.io/api-reference/tasks/create

    :param videos: the URI of a ``.jsonl`` file with one video a line, as :class:`TwelveLabsDiscoverVideosOperator`
        writes it; a video's path, URI or URL; a pattern with ``*``; a row (``uri``, and ``subtitle``, SRT or VTT, which
        is sent on v1.1 and v1.2); or a list of these, 5,000 videos at most (templated).
    :param output_path: local path or URI of object storage for the outcome and the checkpoint (templated).
    :param index_id: the index (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param create_index: create the index if no index has this name.
    :param models: of an index that is created, as :class:`TwelveLabsCreateIndexOperator` takes them (templated).
    :param max_concurrent: videos that are indexed at once, 1 to 100; plans allow 5 or 25 for all tasks together
        (templated).
    :param if_indexed: ``reuse`` an already indexed video, ``reindex`` it, which is billed again, or ``fail`` that video
        (templated).
    :param user_metadata: metadata of every video: names to texts, numbers, booleans or lists of texts, as a mapping or
        its JSON text; v1.3 only. The field ``airflow_source`` is added (templated).
    :param language: of the speech, for generations that take it (templated).
    :param unsupported_transcription: what to do with subtitles on v1.3, which takes none: ``warn`` and index without
        them, or ``fail`` before any upload.
    :param max_billable_minutes: minutes that the task may have billed; the files are looked into first (with the
        ``probe`` extra), and more is refused before anything is submitted. A video whose length is unknown then, such
        as a URL, is judged alone: on v1.3 by the length of its asset, on v1.1 and v1.2 it fails. None sets no limit
        (templated).
    :param method: upload method: ``auto``, ``url``, ``direct`` or ``multipart`` (v1.3). With ``url`` the service
        fetches objects of S3, GCS or Azure by presigned URLs, 4 GB at most. ``auto`` takes ``url`` on v1.3 where the
        store can sign, otherwise the method that fits the size; on v1.1 and v1.2 it sends the files (templated).
    :return: ``index_id``, ``videos``, ``indexed``, ``reused``, ``failed`` (numbers), ``minutes`` (billed), ``outcome``
        (URI of a ``.jsonl`` file with ``uri``, ``outcome``, ``video_id``, ``asset_id``, ``task_id``, ``reason``,
        ``error_type``, ``duration_seconds`` and ``minutes`` of each video, in the order given) and ``manifest`` (URI).
    :raises TwelveLabsInputError: the list cannot be read or would bill too much; raised before any upload.
    """

    chained_fields = ("outcome", "manifest")
    template_fields: Sequence[str] = (
        *COMMON_FIELDS, "videos", "output_path", "index_id", "index_name", "models", "max_concurrent", "max_failed",
        "if_indexed", "user_metadata", "language", "max_billable_minutes", "method",
    )  # fmt: skip
    ui_color = BILLED_COLOR

    def __init__(
        self,
        *,
        videos: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]],
        output_path: str,
        index_id: str | None = None,
        index_name: str | None = None,
        create_index: bool = False,
        models: Mapping[str, Sequence[str]] | str | None = None,
        max_concurrent: int | str = 5,
        if_indexed: str = IfIndexed.REUSE.value,
        user_metadata: Mapping[str, Any] | str | None = None,
        language: str | None = None,
        unsupported_transcription: Literal["fail", "warn"] = "warn",
        max_billable_minutes: float | str | None = None,
        method: str = AUTO,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.videos = videos
        self.output_path = output_path
        self.index_id = index_id
        self.index_name = index_name
        self.create_index = create_index
        self.models = models
        self.max_concurrent = max_concurrent
        self.if_indexed = if_indexed
        self.user_metadata = user_metadata
        self.language = language
        self.unsupported_transcription = unsupported_transcription
        self.max_billable_minutes = max_billable_minutes
        self.method = method
        self._listed: Sequence[ListedVideo] = ()

    def run_operator(self, context: Context) -> dict[str, Any]:
        """Start, or continue what an earlier attempt started; then process all videos."""
        required(self, videos=self.videos, output_path=self.output_path)
        policy = choice_of("if_indexed", self.if_indexed, IfIndexed)
        allowed_failures(self.max_failed, 0)
        self._listed = videos_of(self.videos)
        check_output(self.output_path)
        work = self._start_work(context, self._found_index(context))
        preflight(work, policy)
        work.checkpoint.begin(work.state)
        return self.process(context, work)

    def on_kill(self) -> None:
        """Log that the indexing continues."""
        if self._work is not None:
            running = len(self._work.state.at(Stage.RUNNING, Stage.SENDING))
            self.log.warning("Indexing of %d videos cannot be cancelled; a retry attaches to it", running)

    def resume(self, context: Context) -> dict[str, Any]:
        """Continue from the checkpoint after a wait."""
        self._listed = videos_of(self.videos)
        index_id = poll_through_outage(self.hook, lambda: self._found_index(context), "the index", math.inf)
        work = self._start_work(context, index_id, resumed=True)
        if work.state.preflight_digest != digest_of(work.videos):
            preflight(work, choice_of("if_indexed", self.if_indexed, IfIndexed))
        return self.process(context, work)

    def publish_outcome(self, context: Context, work: IndexingPipeline) -> BulkOutcome:
        """Publish the outcome of every video."""
        state, place = work.state, self._place(context, work.state.index_id)
        return publish_outcome(self.output_path, place, Provenance.of(context["ti"]), state, self._listed)

    def _found_index(self, context: Context) -> str:
        """Return the index. The first request is free and finds a wrong key, host or index before the uploads."""
        given = index_arguments(self.index_id, self.index_name)
        index = resolve_index_for_videos(
            self.hook,
            *given,
            create_index=self.create_index,
            models=self.models,
            task_state=TaskState(context.get("task_state_store"), self._identity(context, *given)),
        )
        self.playground_url = index_url(index.id)
        return index.id

    def _start_work(self, context: Context, index_id: str, *, resumed: bool = False) -> IndexingPipeline:
        place, identity = self._place(context, index_id), self._identity(context, index_id)
        checkpoint = Checkpoint(self.output_path, self.checkpoint_stem(place.stem, identity), IndexingState)
        # Of duplicates the first one counts.
        videos = {key_of(video.uri): video for video in reversed(self._listed)}
        videos = dict(reversed(videos.items()))
        # They may come from a file and not from a rendered field.
        mask_secrets_in([(video.uri, video.subtitle) for video in self._listed])
        route = self.hook.api.indexing_route()
        steps = Steps(
            self.hook,
            index_id,
            identity.lasting_key(),
            user_metadata_of("user_metadata", self.user_metadata),
            self.language or None,
            self._with_subtitles(),
            wanted_method(self.method, in_one_request=route is IndexingRoute.TASK),
        )
        state = checkpoint.read()
        begin = partial(IndexingState, index_id=index_id)
        pipeline = AssetPipeline if route is IndexingRoute.ASSET else TaskPipeline
        self._work = pipeline(
            self.hook,
            steps,
            checkpoint,
            self.required_state(state) if resumed else self.attempt_state(context, identity, state, begin),
            videos,
            concurrency_of(self.max_concurrent),
            limit_from(self.max_billable_minutes),
            self._count,
        )
        return self._work

    def _with_subtitles(self) -> bool:
        from twelvelabs_provider.jobs.input_checks import accepts_transcription

        given = sum(video.subtitle is not None for video in self._listed)
        named = f"Subtitles of {given} videos are" if given else None
        return accepts_transcription(self.hook, self.unsupported_transcription, named)

    def _place(self, context: Context, index_id: str) -> ResultPath:
        return ResultPath((index_id, "indexing"), self.outcome_name(context), "indexing_outcome")

    def _identity(self, context: Context, *index: str) -> Identity:
        asked = fingerprint(type(self).__name__, self.twelvelabs_conn_id, *index)
        store: Any = context.get("task_state_store")
        return Identity.of(cast(Mapping[str, Any], context), asked, origin_in(store))

    def _count(self, bill: Bill) -> None:
        count_bill(self, bill)
