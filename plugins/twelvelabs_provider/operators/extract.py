"""Operators that publish the transcription and the on-screen text of a video."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsCutOffError, TwelveLabsUnsupportedError
from twelvelabs_provider.exceptions import TwelveLabsUnusableAnswerError
from twelvelabs_provider.inputs.typed_arguments import texts_of
from twelvelabs_provider.jobs.cost import analysis_bill, definitions_in
from twelvelabs_provider.jobs.index_resolution import index_arguments, resolve_index
from twelvelabs_provider.jobs.job import JobState, PendingJob
from twelvelabs_provider.jobs.result_deduplication import Deduplicator, IfPublished, question_digest
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.links import video_url
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.operators.billing import count_bill, guard_cost
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.results.kinds import SEGMENTS
from twelvelabs_provider.storage.failed_answers import RAW, forget_aside
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultKind, ResultPath
from twelvelabs_provider.storage.manifest import Origin, Provenance, Published, ResultFacts
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.task import BILLED_COLOR, COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.api.models import Segment, Video

DEFAULT_FORMATS = ("jsonl",)


class TwelveLabsExtractOperator(TwelveLabsOperator):
    """Base of the extractions: what is asked for, and how it is published.

    :param index_id: the index of the video (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param video_id: the video, as :class:`TwelveLabsIndexVideoOperator` returns it (templated).
    :param output_path: where results go: a local path or any URI of object storage (templated).
    :param formats: any of ``jsonl``, ``json``, ``srt``, ``vtt``, ``parquet`` (templated).
    :param start: seconds; only segments that end after it; the file names have the stretch (templated).
    :param end: seconds; only segments that begin before it (templated).
    :param source_uri: where the video came from, for the manifest (templated).
    """

    kind: ResultKind
    template_fields: Sequence[str] = (
        *COMMON_FIELDS,
        "index_id",
        "index_name",
        "video_id",
        "output_path",
        "formats",
        "start",
        "end",
        "source_uri",
    )

    def __init__(
        self,
        *,
        video_id: str,
        output_path: str,
        index_id: str | None = None,
        index_name: str | None = None,
        formats: Sequence[str] | str = DEFAULT_FORMATS,
        start: float | str | None = None,
        end: float | str | None = None,
        source_uri: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.index_id = index_id
        self.index_name = index_name
        self._found_index = ""
        self.video_id = video_id
        self.output_path = output_path
        self.formats = formats
        self.start = start
        self.end = end
        self.source_uri = source_uri

    def check(self, index_id: str | None = None) -> tuple[TimeRange, Video]:
        """Check all arguments before anything is billed; return the time range and the video.

        :param index_id: the index that an earlier attempt found.
        """
        from twelvelabs_provider.storage.publish import check_output

        required(self, video_id=self.video_id, output_path=self.output_path)
        index_arguments(self.index_id, self.index_name)
        self._formats()
        window = TimeRange.parse(self.start, self.end)
        check_output(self.output_path)
        self._found_index = index_id or resolve_index(self.hook, self.index_id, self.index_name)
        video = self.hook.execute(self.hook.api.read_video(self._found_index, self.video_id))
        window.ensure_before_end(video.duration)
        self.playground_url = video_url(self._found_index, self.video_id)
        return window, video

    def place(self, window: TimeRange) -> ResultPath:
        """Return where the result lies: two stretches of one video have two places."""
        return ResultPath((self._found_index, self.video_id), f"{self.kind.value}{window.suffix()}", self.kind)

    def result(self, origin: Origin) -> Result:
        """Return what the task returns besides the files."""
        return {
            "index_id": self._found_index,
            "video_id": self.video_id,
            "kind": self.kind.value,
            "origin": origin.value,
        }

    def publish(
        self, context: Context, rows: Sequence[Segment], window: TimeRange, video: Video, origin: Origin, **facts: Any
    ) -> Result:
        """Write the files, then the manifest; return their places and counts."""
        from twelvelabs_provider.storage.publish import publish_segments

        published = publish_segments(
            self.output_path,
            self.place(window),
            rows,
            self._formats(),
            ResultFacts(
                source_uri=self.source_uri,
                index_id=self._found_index,
                video_id=self.video_id,
                asset_id=video.asset_id,
                duration=video.duration,
                origin=origin,
                window={"start": window.start, "end": window.end},
                provenance=Provenance.of(context["ti"]),
                **facts,
            ),
            SEGMENTS[self.kind],
        )
        self.log.info("published %d segments (%s): %s", published.rows, origin.value, published.manifest_uri)
        return {**self.result(origin), **published.as_xcom()}

    def _formats(self) -> tuple[Format, ...]:
        return Format.parse_all(texts_of("formats", self.formats))


class TwelveLabsExtractTranscriptionOperator(TwelveLabsExtractOperator):
    """Publishes what was said in a video, segment by segment.

    Service page: https://docs.twelvelabs.io/api-reference/videos/retrieve

    :param transcription: SRT or VTT to publish instead of what the service heard, path or URI: for a given transcript
        that this generation of the API has no place for (templated).
    :return: ``manifest`` (URI), ``files`` (format to URI), ``rows``, ``bytes``, ``kind``, ``origin`` and the ids.
    :raises TwelveLabsInputError: for a window, a format, an output or a transcription that cannot work.
    :raises TwelveLabsOutputError: if the files cannot be written; nothing half-written is visible.
    """

    kind = ResultKind.TRANSCRIPTION
    template_fields = (*TwelveLabsExtractOperator.template_fields, "transcription")

    def __init__(self, *, transcription: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.transcription = transcription

    def run_operator(self, context: Context) -> Result:
        """Read the segments and publish them."""
        from twelvelabs_provider.api.analysis.request import within
        from twelvelabs_provider.storage.source import resolve_source
        from twelvelabs_provider.storage.subtitles import read_subtitles

        window, video = self.check()
        if self.transcription:
            given = read_subtitles(
                resolve_source(self.transcription, what="transcription"), video_duration=video.duration
            )
            rows = within(given.segments, window.start, window.end)
            return self.publish(context, rows, window, video, Origin.GIVEN)
        call = self.hook.api.transcription(self._found_index, self.video_id, start=window.start, end=window.end)
        return self.publish(context, self.hook.execute(call), window, video, Origin.SERVICE)


class TwelveLabsExtractTextInVideoOperator(TwelveLabsExtractOperator, TwelveLabsJobOperator):
    """Publishes the text that was shown in a video, segment by segment.

    Where the API reads text letter by letter (v1.1, v1.2) the rows are that, ``origin`` ``ocr``. Where it does not
    (v1.3) an analysis task is asked for the same rows; they are generated by a model, ``origin`` ``generated``, and
    the analysis is billed, once for all runs unless ``if_published`` is ``replace``.

    Service page: https://docs.twelvelabs.io/api-reference/analyze-videos/create-async-analysis-task

    :param asset_id: the asset of the video; None looks it up (templated).
    :param if_published: what to do if the same analysis is published where this task publishes: ``skip``
        returns it and bills nothing, and renders missing formats from its files. ``replace`` analyzes, and pays, again,
        except in a retry of the attempt that published.
    :param max_billable_minutes: minutes that the task may bill; an analysis that would bill more, or an unknown number,
        fails before any billed request. None sets no limit (templated).
    :return: ``manifest`` (URI), ``files`` (format to URI), ``rows``, ``bytes``, ``kind``, ``origin`` and the ids.
    :raises TwelveLabsInputError: for a window, a format or an output that cannot work.
    :raises TwelveLabsJobFailedError: if the analysis failed.
    :raises TwelveLabsUnusableAnswerError: if the analysis was cut off or is not the JSON that was asked for; the raw
        text is kept in ``text_in_video.raw.txt``.
    :raises TwelveLabsOutputError: if the files cannot be written; nothing half-written is visible.
    """

    kind = ResultKind.TEXT_IN_VIDEO
    template_fields = (*TwelveLabsExtractOperator.template_fields, "asset_id", "max_billable_minutes")
    ui_color = BILLED_COLOR

    def __init__(
        self,
        *,
        asset_id: str | None = None,
        if_published: Literal["skip", "replace"] = "skip",
        max_billable_minutes: float | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.asset_id = asset_id
        self.if_published = IfPublished.parse(if_published)
        self.max_billable_minutes = max_billable_minutes

    def submit(self, context: Context) -> PendingJob | Result:
        """Read the rows where the service has them; submit the analysis where it has not."""
        from twelvelabs_provider.api.call import ensure_supported

        window, video = self.check()
        try:
            call = self.hook.api.text_in_video(self._found_index, self.video_id, start=window.start, end=window.end)
            ensure_supported(call, self.hook.endpoint.version)
        except TwelveLabsUnsupportedError:
            return self._analyze(context, window, video)
        return self.publish(context, self.hook.execute(call), window, video, Origin.OCR)

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> Result:
        """Publish the rows of an analysis that is ready."""
        from twelvelabs_provider.api.analysis.generation import generation_of_task
        from twelvelabs_provider.api.analysis.request import on_screen_text_from, within

        window, video = self.check(pending.memo.get("index_id"))
        task = self.hook.execute(self.hook.api.read_analysis_task(pending.job.id))
        if task.error:
            self.log.warning("%s is ready with a warning: %s", pending.job, task.error)
        generation = generation_of_task(task)
        usage = generation.usage
        # One segment definition is asked for.
        bill = analysis_bill(window, task.duration or video.duration)
        bill = bill.with_tokens(usage.input_tokens, usage.output_tokens)
        try:
            rows = within(on_screen_text_from(generation.structured().text), window.start, window.end)
        except TwelveLabsAnswerError as error:
            count_bill(self, bill)
            self._unusable(context, window, generation.text, pending, error)
        memo = pending.memo
        model = task.model or memo.get("model")
        question = memo.get("prompt_hash")
        asked = memo.get("question")
        result = self.publish(
            context,
            rows,
            window,
            video,
            Origin.GENERATED,
            model=model,
            prompt_hash=question,
            billed=bill.as_json(),
            answer=self._deduplicator(context, asked).answer(self.result(Origin.GENERATED)) if asked else None,
        )
        count_bill(self, bill)
        forget_aside(self.output_path, self.place(window))
        return result

    def request_values(self) -> tuple[Any, ...]:
        """The video and the window; output and formats may differ on a retry."""
        return (*index_arguments(self.index_id, self.index_name), self.video_id, self.asset_id, self.start, self.end)

    def owns(self, pending: PendingJob) -> bool:
        """Return False for an analysis task that existed before."""
        from twelvelabs_provider.jobs.analysis_submission import owns_analysis

        return owns_analysis(pending)

    def playground_page(self, pending: PendingJob) -> str | None:
        """Return the video's page."""
        return video_url(pending.memo["index_id"], self.video_id)

    def _unusable(
        self, context: Context, window: TimeRange, text: str, pending: PendingJob, error: TwelveLabsAnswerError
    ) -> NoReturn:
        """Keep an answer that cannot be read in a file, and fail: asking again is billed again."""
        from twelvelabs_provider.jobs.billed_answer import keep_incomplete

        push = partial(self.push_before_failure, context)
        kept = keep_incomplete(self.output_path, self.place(window), RAW, text, push)
        advice = ": extract shorter windows with start and end" if isinstance(error, TwelveLabsCutOffError) else ""
        raise TwelveLabsUnusableAnswerError(f"{error}{advice} ({pending.job}).{kept} Another request is billed again")

    def _analyze(self, context: Context, window: TimeRange, video: Video) -> PendingJob | Result:
        from twelvelabs_provider.api.analysis.request import on_screen_text_request
        from twelvelabs_provider.inputs.analyzed_video import without_asset
        from twelvelabs_provider.jobs.analysis_submission import AnalysisSubmission, task_mark
        from twelvelabs_provider.jobs.deduplication import asset_of
        from twelvelabs_provider.results.answered import asked_of

        asset_id = self.asset_id or asset_of(self.hook, video)
        if not asset_id:
            raise without_asset(self._found_index, self.video_id)
        identity = self.identity(context)
        request = on_screen_text_request(asset_id, start=window.start, end=window.end, custom_id=task_mark(identity))
        question = question_digest(self.hook.endpoint, kind=self.kind.value, **asked_of(request))
        published = self._reused(context, window, question) if self.wait_for_completion else None
        if published is not None:
            return published
        bill = analysis_bill(window, video.duration, definitions_in(request.response_format))
        guard_cost(f"reading the on-screen text of video {self.video_id}", bill, self.max_billable_minutes)
        submission = AnalysisSubmission(self.hook, identity, partial(self.pending, context), self.poll)
        pending = submission.submit(request, question=question, index_id=self._found_index)
        self.log.info("no text-in-video endpoint in this API: %s reads asset %s", pending.job, asset_id)
        return pending

    def _reused(self, context: Context, window: TimeRange, question: str) -> Result | None:
        from twelvelabs_provider.storage.republish import republish_segments

        formats = self._formats()

        def render(saved: SavedResult) -> Published | None:
            provenance = Provenance.of(context["ti"])
            return republish_segments(self.output_path, saved, formats, SEGMENTS[self.kind], provenance)

        return self._deduplicator(context, question).find(self.place(window), formats, render)

    def _deduplicator(self, context: Context, question: str) -> Deduplicator:
        return Deduplicator(context, self.output_path, question, self.if_published)
