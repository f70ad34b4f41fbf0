"""The operator that embeds texts, images, sounds and videos, and leaves the vectors in object storage."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.embedding.models import Embeddings, EmbeddingTask
from twelvelabs_provider.api.embedding.request import DEFAULT_MODEL, LONGEST_SYNC, EmbeddingRequest
from twelvelabs_provider.api.errors import (
    TwelveLabsAmbiguousError,
    TwelveLabsBadRequestError,
    TwelveLabsError,
    TwelveLabsUnsupportedError,
)
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsUnknownOutcomeError
from twelvelabs_provider.inputs.embedding import (
    MediaOptions,
    Medium,
    is_blank,
    lasting_input,
    picture_input,
    text_input,
)
from twelvelabs_provider.inputs.templated import texts_of
from twelvelabs_provider.jobs.cost import Bill, embedding_bill
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob
from twelvelabs_provider.jobs.reconcile_embedding import find_lost_task
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.operators.billing import TwelveLabsBillingOperator
from twelvelabs_provider.operators.job import Result
from twelvelabs_provider.operators.published import TwelveLabsPublishedOperator, question_digest, stem_with
from twelvelabs_provider.results.embeddings import (
    KIND,
    Destination,
    Embedded,
    folder_of,
    place_of,
    publish_embeddings,
)
from twelvelabs_provider.results.kinds import EMBEDDINGS
from twelvelabs_provider.storage.manifest import Answer, Provenance, Published
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.republish import republish_rows
from twelvelabs_provider.storage.source import meanings
from twelvelabs_provider.storage.tables import check_output, table_formats
from twelvelabs_provider.task import COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

MODES = ("auto", "sync", "async")
_INPUTS = ("text", "image", "audio", "video", "embedding_task_id")
_LASTING = ("audio", "video")


@dataclass(frozen=True)
class _Plan:
    """A checked request, and what is known of its input.

    :param versions: of all its media; they change when a file does.
    """

    request: EmbeddingRequest
    medium: Medium | None
    as_task: bool
    versions: Sequence[str | None]


class TwelveLabsEmbedOperator(TwelveLabsPublishedOperator, TwelveLabsBillingOperator):
    """Embeds a text, an image, a sound or a video, and publishes the vectors.

    Give one of ``text``, ``image``, ``audio``, ``video`` and ``embedding_task_id``; ``text`` and ``image`` together
    make one embedding of both. A medium is the id of an asset that is ready, an http(s) URL that the service fetches,
    or a file (local path or any URI of object storage) that goes along with the request. Vectors go to object storage
    only, as soon as they are there: the service keeps those of a task for seven days.

    Service pages: https://docs.twelvelabs.io/api-reference/create-embeddings-v2/create-embeddings and
    https://docs.twelvelabs.io/api-reference/create-embeddings-v2/create-async-embedding-task

    :param output_path: where results go: a local path or any URI of object storage (templated).
    :param text: 500 tokens at most (templated).
    :param image: JPEG or PNG of 32 MiB at most; a list of up to ten images, or a mapping of names to them that
        ``text`` refers to as ``<@name>``, makes one embedding of all (templated).
    :param audio: WAV, MP3 or FLAC (templated).
    :param video: any video (templated).
    :param embedding_task_id: a task that is there already, to publish what it found (templated).
    :param mode: ``auto``, ``sync`` or ``async``. ``auto`` asks at once for texts, images, and for audio and video known
        to last ten minutes at most; it makes a task of what is longer or of unknown length, and of audio and video
        where nobody waits on the worker (``deferrable``, ``wait_for_completion=False``) (templated).
    :param options: of audio ``audio``, ``transcription``; of video ``visual`` too; None is all (templated).
    :param scopes: ``clip`` (one vector per segment), ``asset`` (one for all); None is both (templated).
    :param types: ``separate_embedding``, ``fused_embedding``; None is separate (templated).
    :param segmentation: ``fixed``, or ``dynamic`` (video only: at its cuts); None is the service's way (templated).
    :param segment_seconds: length of a fixed segment, 2 to 10, or the least of a dynamic one, 2 to 5 (templated).
    :param start: seconds from which audio or video counts (templated).
    :param end: seconds up to which it counts (templated).
    :param model_name: the embedding model (templated).
    :param formats: any of ``jsonl``, ``json``, ``parquet`` (32-bit numbers) (templated).
    :param output_name: stem of the files. None means ``embeddings``, with a digest of the request if options, a time
        range or another model are given: two different embeddings of one input have two results (templated).
    :return: ``manifest`` (URI), ``files`` (format to URI), ``rows``, ``bytes``, ``dimensions``, ``model_name``,
        ``input_type``, ``asset_id`` and ``embedding_task_id`` (None where there is none), ``duration`` in seconds.
        With ``wait_for_completion=False`` and a task: ``job_kind``, ``job_id``.
    :raises TwelveLabsInputError: for whatever is wrong with the arguments or the file, before anything is sent.
    :raises TwelveLabsUnknownOutcomeError: if the answer to a billed request was lost, and the service's list does not
        tell what became of it.
    :raises TwelveLabsJobFailedError: if the task failed.
    :raises TwelveLabsOutputError: if the files cannot be written; nothing half-written is visible.
    """

    template_fields: Sequence[str] = (
        *COMMON_FIELDS, *_INPUTS, "output_path", "mode", "options", "scopes", "types", "segmentation",
        "segment_seconds", "start", "end", "model_name", "formats", "output_name", "max_billable_minutes",
    )  # fmt: skip

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

    def begin(self, context: Context) -> PendingJob | Result:
        """Embed at once, or submit a task; or attach to the one that was given."""
        given = self._check()
        if given == {"embedding_task_id"}:
            return self.pending(context, JobRef(JobKind.EMBEDDING_TASK, str(self.embedding_task_id)))
        try:
            plan = self._plan(given)
            call, as_task = self._call(plan)
        except TwelveLabsBadRequestError as error:
            raise TwelveLabsInputError(str(error)) from error
        embedded = self._embedded(plan)
        if self.wait_for_completion or not as_task:
            published = self._reused(context, embedded)
            if published is not None:
                return published
        if as_task:
            return self._submit(context, call, plan)
        return self._publish(context, self._embed(call, plan), embedded)

    def advance(self, context: Context, pending: PendingJob, state: JobState) -> Result:
        """Publish what a task found."""
        self._check()
        task = self.hook.execute(self.hook.api.read_embedding_task(pending.job.id))
        embedded = Embedded(**{"folder": task.id, **pending.memo, "embedding_task_id": task.id})
        return self._publish(context, task.embeddings(), embedded)

    def asked(self) -> tuple[Any, ...]:
        """The input and how it is embedded; a template may sign the same address anew for each try."""
        media = [meanings(value) for value in (self.image, self.audio, self.video)]
        what = (self.text, *media, self.embedding_task_id, self.model_name)
        return (*what, *vars(self._media_options()).values())

    def handed_over(self, pending: PendingJob) -> Result:
        """Which task was left running."""
        return {**super().handed_over(pending), "embedding_task_id": pending.job.id}

    def _check(self) -> set[str]:
        """Refuse what cannot work whatever the input is; return which inputs were given."""
        required(self, output_path=self.output_path, model_name=self.model_name)
        given = {name for name in _INPUTS if not is_blank(getattr(self, name))}
        if len(given) != 1 and given != {"text", "image"}:
            raise TwelveLabsInputError(
                f"give one of {', '.join(_INPUTS)}, or text and image (got {', '.join(sorted(given)) or 'none'})"
            )
        if self.mode not in MODES:
            raise TwelveLabsInputError(f"mode={self.mode!r} is not one of {', '.join(MODES)}")
        table_formats(texts_of("formats", self.formats))
        check_output(self.output_path)
        return given

    def _plan(self, given: set[str]) -> _Plan:
        """Read the arguments and look at the input, before anything is paid for."""
        kind = next((kind for kind in _LASTING if kind in given), None)
        if kind is None:
            self._media_options().must_be_unused(" and ".join(sorted(given)))
            if self.mode == "async":
                raise TwelveLabsInputError(
                    f"mode='async' is for audio and video; {sorted(given)[0]} is embedded at once"
                )
            text = str(self.text) if "text" in given else None
            found, media = picture_input(self.hook, text, self.image) if "image" in given else text_input(str(text))
            request = EmbeddingRequest(found, self.model_name)
            versions = [one.version for one in media]
            return _Plan(request, media[0] if len(media) == 1 else None, as_task=False, versions=versions)
        lasting, medium = lasting_input(self.hook, kind, str(getattr(self, kind)), self._media_options())
        long = medium.duration is not None and medium.duration > LONGEST_SYNC
        if long and self.mode == "sync":
            raise TwelveLabsInputError(
                f"{medium.shown} lasts {medium.duration:g} s; at most {LONGEST_SYNC:g} s are embedded at once: use"
                " mode='async'"
            )
        unwatched = self.deferrable or not self.wait_for_completion
        as_task = self.mode == "async" or (self.mode == "auto" and (long or medium.duration is None or unwatched))
        return _Plan(EmbeddingRequest(lasting, self.model_name), medium, as_task, [medium.version])

    def _call(self, plan: _Plan) -> tuple[Call[Any], bool]:
        """Return the call, and whether it makes a task; ``auto`` takes the other way where a generation lacks one."""
        ways = [plan.as_task, not plan.as_task] if self.mode == "auto" else [plan.as_task]
        refused: TwelveLabsUnsupportedError | None = None
        for as_task in ways:
            make = self.hook.api.create_embedding_task if as_task else self.hook.api.create_embeddings
            try:
                return make(plan.request), as_task
            except TwelveLabsUnsupportedError as error:
                # the last word is the more exact one: the first may only say which way is the right one
                refused = error
            except TwelveLabsBadRequestError:
                if refused is None:
                    raise
        assert refused is not None
        raise refused

    def _guard(self, plan: _Plan) -> None:
        """Say what a sound or a video will bill; texts and images are not billed by the minute."""
        if plan.medium is not None and plan.request.input.type.value in _LASTING:
            bill = embedding_bill(TimeRange.parse(self.start, self.end), plan.medium.duration)
            self.guard(f"embedding {plan.medium.shown}", bill)

    def _embed(self, call: Call[Embeddings], plan: _Plan) -> Embeddings:
        self._guard(plan)
        try:
            return self.hook.execute(call)
        except TwelveLabsAmbiguousError as error:
            if plan.medium is None or plan.request.input.type.value not in _LASTING:
                raise
            # Nothing remains on the service that could be looked for, and minutes of video are not cents.
            raise TwelveLabsUnknownOutcomeError(
                f"{error}. It is billed by the minute, so it is not sent again by itself: clear the task to send it"
                " again, or use mode='async', whose results can be fetched later"
            ) from error

    def _submit(self, context: Context, call: Call[EmbeddingTask], plan: _Plan) -> PendingJob:
        """Submit once for all tries: a task whose id was lost is looked for, not paid for again."""
        task_state = self._task_state(context)
        intended = task_state.unconfirmed()
        task = find_lost_task(self.hook, plan.request, intended.at) if intended and intended.at is not None else None
        if task is None:
            self._guard(plan)
            now = time.time()
            task_state.record_intent(now)
            try:
                task = self.hook.execute(call)
            except UNKNOWN_OUTCOME as error:
                task = self._found_or_unknown(plan, now, error)
            except TwelveLabsError:
                task_state.drop_intent()
                raise
        self.log.info("embedding task %s has begun", task.id)
        pending = self.pending(context, JobRef(JobKind.EMBEDDING_TASK, task.id), **asdict(self._embedded(plan)))
        task_state.record_job(pending)
        return pending

    def _found_or_unknown(self, plan: _Plan, since: float, error: TwelveLabsError) -> EmbeddingTask:
        task = find_lost_task(self.hook, plan.request, since)
        if task is None:
            raise TwelveLabsUnknownOutcomeError(
                f"{error}. Embedding is billed, so it is not sent again by itself, and the service lists no task for"
                " it yet: clear the task to send it again"
            ) from error
        return task

    def _embedded(self, plan: _Plan) -> Embedded:
        kind, medium = plan.request.input.type.value, plan.medium
        folder = folder_of(kind, self.text, *(medium for medium in (self.image, self.audio, self.video) if medium))
        question = self._question(kind, plan.versions)
        if medium is None:
            return Embedded(folder, kind, question=question)
        asset_id = medium.source.asset_id
        shown = None if asset_id else medium.shown
        return Embedded(folder, kind, asset_id, shown, medium.duration, question=question)

    def _question(self, kind: str, versions: Sequence[str | None]) -> str:
        media = {name: meanings(getattr(self, name)) for name in ("image", "audio", "video")}
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

    def _name(self, embedded: Embedded) -> str:
        """Return the stem of the files."""
        if not is_blank(self.output_name):
            return str(self.output_name)
        if embedded.question is None:
            return KIND
        options = [value for value in vars(self._media_options()).values() if not is_blank(value)]
        plain = not options and self.model_name == DEFAULT_MODEL
        return KIND if plain else stem_with(KIND, embedded.question)

    def _reused(self, context: Context, embedded: Embedded) -> Result | None:
        if embedded.question is None:
            return None
        formats = table_formats(texts_of("formats", self.formats))

        def render(saved: SavedResult) -> Published | None:
            return republish_rows(self.output_path, saved, formats, EMBEDDINGS, Provenance.of(context["ti"]))

        place = place_of(embedded, self._name(embedded))
        return self.reuse_published(context, self.output_path, place, embedded.question, formats, render)

    def _publish(self, context: Context, found: Embeddings, embedded: Embedded) -> Result:
        destination = Destination(self.output_path, texts_of("formats", self.formats), self._name(embedded))
        options = vars(self._media_options())
        bill = self._billed(found, embedded)

        def answer(result: Result) -> Answer | None:
            return self.answer_to(context, embedded.question, result) if embedded.question else None

        result = publish_embeddings(context, destination, embedded, found, self.model_name, options, answer, bill)
        if bill:
            self.count(bill)
        self.log.info("published %d embeddings: %s", result["rows"], result["manifest"])
        return result

    def _billed(self, found: Embeddings, embedded: Embedded) -> Bill | None:
        """Return what a sound or a video billed, by the length that the service tells of it."""
        told = found.input
        if (told.type or embedded.input_type) not in _LASTING:
            return None
        window = TimeRange.parse(self.start, self.end)
        if self.embedding_task_id:
            window = TimeRange(told.start, told.end)
        return embedding_bill(window, told.duration or embedded.duration)

    def _media_options(self) -> MediaOptions:
        return MediaOptions(
            self.start, self.end, self.segmentation, self.segment_seconds, self.options, self.scopes, self.types
        )
