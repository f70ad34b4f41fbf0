"""Operators that publish the transcription and the on-screen text of a video."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsCutOffError, TwelveLabsUnsupportedError
from twelvelabs_provider.exceptions import TwelveLabsUnusableAnswerError
from twelvelabs_provider.inputs.policies import IfPublished
from twelvelabs_provider.jobs.cost import analysis_bill, definitions_in
from twelvelabs_provider.jobs.index_resolution import index_arguments
from twelvelabs_provider.jobs.job import JobState, PendingJob
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.links import video_url
from twelvelabs_provider.operators.billing import count_bill, guard_cost
from twelvelabs_provider.operators.extraction import TwelveLabsExtractOperator
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.storage.layout import ResultKind
from twelvelabs_provider.task import BILLED_COLOR

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.api.models import Video
    from twelvelabs_provider.jobs.result_deduplication import Deduplicator
    from twelvelabs_provider.storage.manifest import Published
    from twelvelabs_provider.storage.published_results import SavedResult


class TwelveLabsExtractTranscriptionOperator(TwelveLabsExtractOperator):
    """Publishes what was said in a video, segment by segment.

    Service page: https://docs.twelvelabs.io/api-reference/videos/retrieve

    :param transcription: SRT or VTT to publish instead of the service's speech recognition, path or URI; for subtitles
        that this generation of the API does not accept (templated).
    :return: ``manifest`` (URI), ``files`` (format to URI), ``rows``, ``bytes``, ``kind``, ``origin`` and the ids.
    :raises TwelveLabsInputError: the time range, a format, the output or the transcription is invalid.
    :raises TwelveLabsOutputError: the files cannot be written; no partial file is visible.
    """

    kind = ResultKind.TRANSCRIPTION
    template_fields = (*TwelveLabsExtractOperator.template_fields, "transcription")

    def __init__(self, *, transcription: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.transcription = transcription

    def run_operator(self, context: Context) -> Result:
        """Read the segments and publish them."""
        from twelvelabs_provider.api.analysis.request import within
        from twelvelabs_provider.storage.manifest import Origin
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

    v1.1 and v1.2 recognize the text, with ``origin`` ``ocr``. On v1.3 an analysis task generates the same rows, with
    ``origin`` ``generated``; it is billed once for all runs unless ``if_published`` is ``replace``.

    Service page: https://docs.twelvelabs.io/api-reference/analyze-videos/create-async-analysis-task

    :param asset_id: the asset of the video; None looks it up (templated).
    :param if_published: ``skip`` returns a result of the same request that is published in the same place, at no cost,
        and renders missing formats from its files; ``replace`` sends the request again, which is billed, except in a
        retry of the attempt that published.
    :param max_billable_minutes: minutes that the task may bill; an analysis that would bill more, or an unknown number,
        fails before any billed request. None sets no limit (templated).
    :return: ``manifest`` (URI), ``files`` (format to URI), ``rows``, ``bytes``, ``kind``, ``origin`` and the ids.
    :raises TwelveLabsInputError: the time range, a format or the output is invalid.
    :raises TwelveLabsJobFailedError: the analysis failed.
    :raises TwelveLabsUnusableAnswerError: the analysis was cut off or is not the requested JSON; the raw text is kept
        in ``text_in_video.raw.txt``.
    :raises TwelveLabsOutputError: the files cannot be written; no partial file is visible.
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
        """Read the rows if this API generation has them, else submit the analysis."""
        from twelvelabs_provider.api.call import ensure_supported
        from twelvelabs_provider.storage.manifest import Origin

        window, video = self.check()
        try:
            call = self.hook.api.text_in_video(self._found_index, self.video_id, start=window.start, end=window.end)
            ensure_supported(call, self.hook.endpoint.version)
        except TwelveLabsUnsupportedError:
            return self._analyze(context, window, video)
        return self.publish(context, self.hook.execute(call), window, video, Origin.OCR)

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> Result:
        """Publish the rows of a finished analysis."""
        from twelvelabs_provider.api.analysis.generation import generation_of_task
        from twelvelabs_provider.api.analysis.request import on_screen_text_from, within
        from twelvelabs_provider.storage.failed_answers import forget_aside
        from twelvelabs_provider.storage.manifest import Origin

        window, video = self.check(pending.memo.get("index_id"))
        task = self.hook.execute(self.hook.api.read_analysis_task(pending.job.id))
        if task.error:
            self.log.warning("%s is ready with a warning: %s", pending.job, task.error)
        generation = generation_of_task(task)
        usage = generation.usage
        # The request has one segment definition.
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
        """Return the video and the time range; output and formats may differ on a retry."""
        return (*index_arguments(self.index_id, self.index_name), self.video_id, self.asset_id, self.start, self.end)

    def owns(self, pending: PendingJob) -> bool:
        """Return False for an analysis task that existed before."""
        from twelvelabs_provider.jobs.analysis_submission import owns_analysis

        return owns_analysis(pending)

    def playground_page(self, pending: PendingJob) -> str | None:
        """Return the page of the video."""
        return video_url(pending.memo["index_id"], self.video_id)

    def _unusable(
        self, context: Context, window: TimeRange, text: str, pending: PendingJob, error: TwelveLabsAnswerError
    ) -> NoReturn:
        """Keep an unreadable answer in a file, and fail, because another request is billed again."""
        from twelvelabs_provider.jobs.billed_answer import keep_incomplete
        from twelvelabs_provider.storage.failed_answers import RAW

        push = partial(self.push_before_failure, context)
        kept = keep_incomplete(self.output_path, self.place(window), RAW, text, push)
        advice = ": extract shorter time ranges with start and end" if isinstance(error, TwelveLabsCutOffError) else ""
        raise TwelveLabsUnusableAnswerError(f"{error}{advice} ({pending.job}).{kept} Another request is billed again")

    def _analyze(self, context: Context, window: TimeRange, video: Video) -> PendingJob | Result:
        from twelvelabs_provider.api.analysis.request import on_screen_text_request
        from twelvelabs_provider.inputs.analyzed_video import without_asset
        from twelvelabs_provider.jobs.analysis_submission import AnalysisSubmission, task_mark
        from twelvelabs_provider.jobs.deduplication import asset_of
        from twelvelabs_provider.results.answered import question_of

        asset_id = self.asset_id or asset_of(self.hook, video)
        if not asset_id:
            raise without_asset(self._found_index, self.video_id)
        identity = self.identity(context)
        request = on_screen_text_request(asset_id, start=window.start, end=window.end, custom_id=task_mark(identity))
        question = question_of(self.hook.endpoint, self.kind.value, request)
        published = self._reused(context, window, question) if self.wait_for_completion else None
        if published is not None:
            return published
        bill = analysis_bill(window, video.duration, definitions_in(request.response_format))
        guard_cost(f"reading the on-screen text of video {self.video_id}", bill, self.max_billable_minutes)
        submission = AnalysisSubmission(self.hook, identity, partial(self.pending, context), self.poll)
        pending = submission.submit(request, question=question, index_id=self._found_index)
        version = self.hook.endpoint.version.value
        self.log.info("Reading the on-screen text by %s: API %s has no text-in-video", pending.job, version)
        return pending

    def _reused(self, context: Context, window: TimeRange, question: str) -> Result | None:
        from twelvelabs_provider.results.kinds import SEGMENTS
        from twelvelabs_provider.storage.manifest import Provenance
        from twelvelabs_provider.storage.republish import republish_segments

        formats = self._formats()

        def render(saved: SavedResult) -> Published | None:
            provenance = Provenance.of(context["ti"])
            return republish_segments(self.output_path, saved, formats, SEGMENTS[self.kind], provenance)

        return self._deduplicator(context, question).find(self.place(window), formats, render)

    def _deduplicator(self, context: Context, question: str) -> Deduplicator:
        from twelvelabs_provider.jobs.result_deduplication import Deduplicator

        return Deduplicator.of(context, self.output_path, question, self.if_published)
