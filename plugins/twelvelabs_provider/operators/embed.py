"""Operator that embeds texts, images, audio and videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.embedding.models import Embeddings, EmbeddingTask
from twelvelabs_provider.api.embedding.request import DEFAULT_MODEL
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.embedding_inputs import MediaOptions, is_blank
from twelvelabs_provider.inputs.embedding_plan import (
    INPUTS,
    MODES,
    TIMED,
    EmbeddingPlan,
    embedding_call,
    given_inputs,
    plan_embedding,
)
from twelvelabs_provider.inputs.policies import IfPublished
from twelvelabs_provider.inputs.typed_arguments import choice_of, texts_of
from twelvelabs_provider.jobs.cost import Bill, embedding_bill
from twelvelabs_provider.jobs.embedding_submission import embed_at_once, submit_once
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob
from twelvelabs_provider.jobs.result_deduplication import Deduplicator, question_digest, stem_with
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.operators.billing import count_bill, guard_cost
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.results.embeddings import (
    KIND,
    Destination,
    Embedded,
    folder_of,
    place_of,
    publish_embeddings,
)
from twelvelabs_provider.results.kinds import EMBEDDINGS
from twelvelabs_provider.storage.locations import without_signatures
from twelvelabs_provider.storage.manifest import Answer, Provenance, Published
from twelvelabs_provider.storage.publish import check_output, table_formats
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.republish import republish_rows
from twelvelabs_provider.task import BILLED_COLOR, COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsEmbedOperator(TwelveLabsJobOperator):
    """Embeds a text, an image, audio or a video, and publishes the vectors.

    Give one of ``text``, ``image``, ``audio``, ``video`` and ``embedding_task_id``; ``text`` and ``image`` together
    make one embedding of both. A medium is the id of an asset that is ready, an http(s) URL that the service fetches,
    or a file (local path or any URI of object storage) that is sent with the request. Vectors go to object storage
    only: the service keeps those of a task for seven days.

    Service pages: https://docs.twelvelabs.io/api-reference/create-embeddings-v2/create-embeddings and
    https://docs.twelvelabs.io/api-reference/create-embeddings-v2/create-async-embedding-task

    :param output_path: local path or URI of object storage for the results (templated).
    :param text: 500 tokens at most (templated).
    :param image: JPEG or PNG of 32 MiB at most; a list of up to ten images, or a mapping of names to them that
        ``text`` refers to as ``<@name>``, makes one embedding of all (templated).
    :param audio: WAV, MP3 or FLAC (templated).
    :param video: any video (templated).
    :param embedding_task_id: an existing task, whose vectors are published (templated).
    :param mode: ``auto``, ``sync`` or ``async``. ``auto`` sends one request for texts, images, and for audio and video
        known to last ten minutes at most. It creates a task for longer ones, for unknown lengths, and for audio and
        video if the operator is ``deferrable`` or has ``wait_for_completion=False`` (templated).
    :param options: of audio ``audio``, ``transcription``; of video ``visual`` too; None means all (templated).
    :param scopes: ``clip`` (one vector per segment), ``asset`` (one for all); None means both (templated).
    :param types: ``separate_embedding``, ``fused_embedding``; None means separate (templated).
    :param segmentation: ``fixed``, or ``dynamic`` (video only: at its cuts); None uses the service's default
        (templated).
    :param segment_seconds: length of a fixed segment, 2 to 10, or the least of a dynamic one, 2 to 5 (templated).
    :param start: seconds from which audio or video is embedded (templated).
    :param end: seconds up to which it is embedded (templated).
    :param model_name: the embedding model (templated).
    :param formats: any of ``jsonl``, ``json``, ``parquet`` (32-bit numbers) (templated).
    :param output_name: stem of the files. None means ``embeddings``, with a digest of the request if options, a time
        range or another model are given: two different embeddings of one input have two results (templated).
    :param if_published: ``skip`` returns a result of the same request that is published in the same place, at no cost,
        and renders missing formats from its files; ``replace`` sends the request again, which is billed, except in a
        retry of the attempt that published. Two requests are the same if service, API
        version, input, model and all options are equal.
    :param max_billable_minutes: minutes that the task may bill; audio or video that would bill more, or an unknown
        number, fails before any billed request. None sets no limit (templated).
    :return: ``manifest`` (URI), ``files`` (format to URI), ``rows``, ``bytes``, ``dimensions``, ``model_name``,
        ``input_type``, ``asset_id`` and ``embedding_task_id`` (None if there is none), ``duration`` in seconds.
        With ``wait_for_completion=False`` and a task: ``job_kind``, ``job_id``.
    :raises TwelveLabsInputError: an argument or a file is invalid; raised before any billed request.
    :raises TwelveLabsUnknownOutcomeError: the response to a billed request is lost, and the service's list does not
        contain its outcome.
    :raises TwelveLabsJobFailedError: the task failed.
    :raises TwelveLabsOutputError: the files could not be written; no partial file is visible.
    """

    template_fields: Sequence[str] = (
        *COMMON_FIELDS, *INPUTS, "output_path", "mode", "options", "scopes", "types", "segmentation",
        "segment_seconds", "start", "end", "model_name", "formats", "output_name", "max_billable_minutes",
    )  # fmt: skip
    ui_color = BILLED_COLOR

    def __init__(
        self,
        *,
        output_path: str,
        text: str | None = None,
        image: str | Sequence[str] | Mapping[str, str] | None = None,
        audio: str | None = None,
        video: str | None = None,
        embedding_task_id: str | None = None,
        mode: str = "auto",
        options: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
        types: Sequence[str] | None = None,
        segmentation: str | None = None,
        segment_seconds: int | str | None = None,
        start: float | str | None = None,
        end: float | str | None = None,
        model_name: str = DEFAULT_MODEL,
        formats: Sequence[str] = ("jsonl",),
        output_name: str | None = None,
        if_published: Literal["skip", "replace"] = "skip",
        max_billable_minutes: float | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.output_path = output_path
        self.text = text
        self.image = image
        self.audio = audio
        self.video = video
        self.embedding_task_id = embedding_task_id
        self.mode = mode
        self.options = options
        self.scopes = scopes
        self.types = types
        self.segmentation = segmentation
        self.segment_seconds = segment_seconds
        self.start = start
        self.end = end
        self.model_name = model_name
        self.formats = formats
        self.output_name = output_name
        self.if_published = IfPublished.parse(if_published)
        self.max_billable_minutes = max_billable_minutes

    def submit(self, context: Context) -> PendingJob | Result:
        """Embed at once or submit a task; or attach to the given task."""
        if self._check() == {"embedding_task_id"}:
            return self.pending(context, JobRef(JobKind.EMBEDDING_TASK, str(self.embedding_task_id)))
        without_worker = self.deferrable or not self.wait_for_completion
        try:
            plan = plan_embedding(
                self.hook, self._inputs(), self.model_name, self._media_options(), self.mode,
                without_worker=without_worker,
            )  # fmt: skip
            call, as_task = embedding_call(self.hook, plan, self.mode)
        except TwelveLabsBadRequestError as error:
            raise TwelveLabsInputError(str(error)) from error
        embedded = self._embedded(plan)
        if self.wait_for_completion or not as_task:
            published = self._find_published(context, embedded)
            if published is not None:
                return published
        if as_task:
            return self._submit(context, call, plan, embedded)
        self._guard(plan)
        return self._publish(context, embed_at_once(self.hook, call, is_billed=plan.is_timed), embedded)

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> Result:
        """Publish the vectors of a task that is ready."""
        self._check()
        task = self.hook.execute(self.hook.api.read_embedding_task(pending.job.id))
        embedded = Embedded(**{"folder": task.id, **pending.memo, "embedding_task_id": task.id})
        return self._publish(context, task.embeddings(), embedded)

    def request_values(self) -> tuple[Any, ...]:
        """Return the input and how it is embedded; a URL counts without its signature."""
        media = [without_signatures(value) for value in (self.image, self.audio, self.video)]
        what = (self.text, *media, self.embedding_task_id, self.model_name)
        return (*what, *vars(self._media_options()).values())

    def detached_result(self, pending: PendingJob) -> Result:
        """Return the task that is left running."""
        return {**super().detached_result(pending), "embedding_task_id": pending.job.id}

    def _inputs(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in INPUTS}

    def _check(self) -> set[str]:
        """Refuse arguments that are invalid for every input; return the given inputs."""
        required(self, output_path=self.output_path, model_name=self.model_name)
        given = given_inputs(self._inputs())
        self.mode = choice_of("mode", self.mode, MODES)
        table_formats(texts_of("formats", self.formats))
        check_output(self.output_path)
        return given

    def _guard(self, plan: EmbeddingPlan) -> None:
        """Log the cost of audio or video; texts and images are not billed by the minute."""
        if plan.medium is not None and plan.is_timed:
            bill = embedding_bill(TimeRange.parse(self.start, self.end), plan.medium.duration)
            guard_cost(f"embedding {plan.medium.shown}", bill, self.max_billable_minutes)

    def _submit(
        self, context: Context, call: Call[EmbeddingTask], plan: EmbeddingPlan, embedded: Embedded
    ) -> PendingJob:
        task_state = self._task_state(context)
        task = submit_once(self.hook, task_state, plan.request, call, lambda: self._guard(plan))
        pending = self.pending(context, JobRef(JobKind.EMBEDDING_TASK, task.id), **asdict(embedded))
        task_state.record_job(pending)
        return pending

    def _embedded(self, plan: EmbeddingPlan) -> Embedded:
        kind, medium = plan.kind, plan.medium
        folder = folder_of(kind, self.text, *(medium for medium in (self.image, self.audio, self.video) if medium))
        question = self._question(kind, plan.versions)
        if medium is None:
            return Embedded(folder, kind, question=question)
        asset_id = medium.source.asset_id
        shown = None if asset_id else medium.shown
        return Embedded(folder, kind, asset_id, shown, medium.duration, question=question)

    def _question(self, kind: str, versions: Sequence[str | None]) -> str:
        media = {name: without_signatures(getattr(self, name)) for name in ("image", "audio", "video")}
        return question_digest(
            self.hook.endpoint,
            kind=KIND,
            input_type=kind,
            text=self.text,
            **media,
            versions=list(versions),
            model=self.model_name,
            options={name: value for name, value in vars(self._media_options()).items() if not is_blank(value)},
        )

    def _stem(self, embedded: Embedded) -> str:
        """Return the stem of the files."""
        if not is_blank(self.output_name):
            return str(self.output_name)
        options = [value for value in vars(self._media_options()).values() if not is_blank(value)]
        is_default = not options and self.model_name == DEFAULT_MODEL
        return KIND if is_default or embedded.question is None else stem_with(KIND, embedded.question)

    def _find_published(self, context: Context, embedded: Embedded) -> Result | None:
        if embedded.question is None:
            return None
        formats = table_formats(texts_of("formats", self.formats))

        def render(saved: SavedResult) -> Published | None:
            return republish_rows(self.output_path, saved, formats, EMBEDDINGS, Provenance.of(context["ti"]))

        deduplicator = Deduplicator.of(context, self.output_path, embedded.question, self.if_published)
        return deduplicator.find(place_of(embedded, self._stem(embedded)), formats, render)

    def _publish(self, context: Context, found: Embeddings, embedded: Embedded) -> Result:
        destination = Destination(self.output_path, texts_of("formats", self.formats), self._stem(embedded))
        options, bill, question = vars(self._media_options()), self._bill(found, embedded), embedded.question

        def answer(result: Result) -> Answer | None:
            if question is None:
                return None
            return Deduplicator.of(context, self.output_path, question, self.if_published).answer(result)

        result = publish_embeddings(context, destination, embedded, found, self.model_name, options, answer, bill)
        if bill:
            count_bill(self, bill)
        self.log.info("Published %d embeddings to %s", result["rows"], result["manifest"])
        return result

    def _bill(self, found: Embeddings, embedded: Embedded) -> Bill | None:
        """Return what audio or video billed, by the length that the service states."""
        described = found.input
        if (described.type or embedded.input_type) not in TIMED:
            return None
        window = TimeRange.parse(self.start, self.end)
        if self.embedding_task_id:
            window = TimeRange(described.start, described.end)
        return embedding_bill(window, described.duration or embedded.duration)

    def _media_options(self) -> MediaOptions:
        return MediaOptions(
            self.start, self.end, self.segmentation, self.segment_seconds, self.options, self.scopes, self.types
        )
