"""Analysis of one video by a model, as the operators that analyze and summarize share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from twelvelabs_provider.api.analysis.generation import Generation, generation_of_task
from twelvelabs_provider.api.analysis.request import (
    DEFAULT_MODEL,
    INDEX_ENGINE,
    AnalysisRequest,
    SourceKind,
    VideoSource,
)
from twelvelabs_provider.api.analysis.stream import StreamedText
from twelvelabs_provider.api.call import ensure_supported
from twelvelabs_provider.inputs.analyzed_video import Named, Subject, find_subject
from twelvelabs_provider.inputs.typed_arguments import choice_of, optional_number, optional_text
from twelvelabs_provider.jobs.analysis_submission import AnalysisSubmission, task_mark
from twelvelabs_provider.jobs.billed_answer import BilledAnswer
from twelvelabs_provider.jobs.billed_call import BilledCall
from twelvelabs_provider.jobs.cost import analysis_bill, definitions_in
from twelvelabs_provider.jobs.index_resolution import resolve_index
from twelvelabs_provider.jobs.job import PendingJob
from twelvelabs_provider.jobs.result_deduplication import Deduplicator, stem_with
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.links import video_url
from twelvelabs_provider.operators.billing import count_bill, guard_cost
from twelvelabs_provider.results.answered import (
    Answered,
    Facts,
    Mode,
    ensure_valid,
    facts_of,
    fitting_mode,
    question_of,
)
from twelvelabs_provider.storage.failed_answers import forget_aside
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.locations import without_signatures
from twelvelabs_provider.storage.manifest import Provenance, Published
from twelvelabs_provider.storage.publish import ResultFacts, check_output
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.task import required

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
    from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator

    AnalysisOperator: TypeAlias = TwelveLabsAnalyzeVideoOperator | TwelveLabsSummarizeVideoOperator

Result = dict[str, Any]
_SHOWN = 60
"""Characters of an answer in the log."""

VIDEO_FIELDS = ("asset_id", "video_url", "video_file", "index_id", "index_name", "video_id")
"""Templated parameters that name a video."""


@dataclass(frozen=True)
class AnalyzedVideo:
    """A video, the range of it that is analyzed, and how the request names it."""

    subject: Subject
    source: VideoSource
    window: TimeRange

    @property
    def default_model(self) -> str:
        """The model that answers unless the operator names another."""
        return INDEX_ENGINE if self.source.kind is SourceKind.INDEXED else DEFAULT_MODEL

    def request(self, question: AnalysisRequest, model: str | None) -> AnalysisRequest:
        """Return the request that asks a question about the video.

        :param model: the operator's model; None for the default.
        """
        window = self.window
        return replace(
            question, video=self.source, model=model or self.default_model, start=window.start, end=window.end
        )


def video_values(operator: AnalysisOperator) -> tuple[Any, ...]:
    """Return the values that identify the video and how it is analyzed; a URL counts without its signature."""
    video = (operator.asset_id, without_signatures(operator.video_url or ""), operator.video_file)
    indexed = (operator.index_id, operator.index_name, operator.video_id)
    return (*video, *indexed, operator.start, operator.end, operator.model_name, operator.temperature, operator.mode)


def video_page(pending: PendingJob) -> str | None:
    """Return the playground page of an indexed video that a task analyzes."""
    subject = pending.memo.get("subject") or {}
    index_id, video_id = subject.get("index_id"), subject.get("video_id")
    return video_url(index_id, video_id) if index_id and video_id else None


class VideoAnalysis:
    """One analysis of one video by a model.

    It checks, asks in one request or as a task on the service, and publishes through its operator.

    :param kind: what the result holds; also the stem of its files unless the operator names another.
    """

    def __init__(self, operator: AnalysisOperator, context: Context, kind: str) -> None:
        self._operator = operator
        self._context = context
        self._kind = kind
        self._hook = operator.hook

    def find_video(self, question: AnalysisRequest | None = None) -> AnalyzedVideo:
        """Check the arguments, then look up the video, all without cost.

        :param question: the request without its video, checked before any request is sent.
        :raises TwelveLabsInputError: an argument cannot work.
        """
        operator = self._operator
        required(operator, output_path=operator.output_path)
        window = TimeRange.parse(operator.start, operator.end)
        mode = choice_of("mode", operator.mode, Mode)
        optional_number("temperature", operator.temperature)
        if question is not None:
            # Whether the answer comes at once depends on the video, unless the operator says so.
            ensure_valid(question, Mode.ASYNC if mode is Mode.AUTO else mode)
        check_output(operator.output_path)
        named = Named.of(
            asset_id=operator.asset_id,
            video_url=operator.video_url,
            video_file=operator.video_file,
            index_id=optional_text(operator.index_id) or operator.index_name,
            video_id=operator.video_id,
            source_uri=operator.source_uri,
        )
        if optional_text(operator.index_name) is not None:
            named = replace(named, index_id=resolve_index(self._hook, operator.index_id, operator.index_name))
        subject, source = find_subject(self._hook, named)
        window.ensure_before_end(subject.duration)
        if subject.index_id and subject.video_id:
            operator.playground_url = video_url(subject.index_id, subject.video_id)
        return AnalyzedVideo(subject, source, window)

    def ask(self, video: AnalyzedVideo, request: AnalysisRequest, *, is_default: bool) -> PendingJob | Result:
        """Ask, unless the answer is published already; return the task on the service, or the result.

        :param is_default: the question is the default one of its kind, so its files have no digest in their name.
        """
        operator, mode = self._operator, self._mode(video, request)
        ensure_valid(request, mode)
        question = question_of(self._hook.endpoint, self._kind, request)
        facts = {**facts_of(request, mode), **self.naming(question, is_default=is_default)}
        if operator.wait_for_completion or mode is not Mode.ASYNC:
            published = self.find_published(video.subject, facts)
            if published is not None:
                return published
        operator.log.info("Requesting %s of %s from %s (%s)", self._kind, video.subject.name, request.model, mode.value)
        if mode is Mode.ASYNC:
            return self._submit(video, request, facts)
        generation = self._generate(video, request, mode, facts)
        return operator.publish(self._context, Answered(video.subject, generation, video.window, facts))

    def naming(self, question: str, *, is_default: bool) -> Facts:
        """Return the digest of a question, and the stem of the files of its result."""
        return {"question": question, "stem": self._kind if is_default else stem_with(self._kind, question)}

    def find_published(self, subject: Subject, facts: Facts) -> Result | None:
        """Return the result that is published for the same question; None if there is none."""
        operator = self._operator

        def render(saved: SavedResult) -> Published | None:
            return operator.render(self._context, saved, facts)

        place, formats = self.place(subject, facts), operator.wanted_formats(facts)
        found = self._deduplicator(facts["question"]).find(place, formats, render)
        if found is not None:
            self._call.clear()
        return found

    def billed_answer(self, subject: Subject, facts: Facts) -> BilledAnswer:
        """Return the guard of a billed request whose answer the service does not keep."""
        operator, place = self._operator, self.place(subject, facts)
        push = partial(operator.push_before_failure, self._context)
        return BilledAnswer(self._call, operator.output_path, place, operator.resubmit_lost, push)

    def guard(self, video: AnalyzedVideo, definitions: int = 1) -> None:
        """Log the cost of a question before it is asked.

        :raises TwelveLabsInputError: the cost is above the limit.
        """
        bill = analysis_bill(video.window, video.subject.duration, definitions)
        guard_cost(f"{self._kind} of {video.subject.name}", bill, self._operator.max_billable_minutes)

    def completed(self, pending: PendingJob) -> Answered:
        """Return the answer of a task that is ready."""
        task = self._hook.execute(self._hook.api.read_analysis_task(pending.job.id))
        facts = {**pending.memo["facts"], "analysis_task_id": task.id}
        subject = Subject.from_json(pending.memo["subject"])
        subject = replace(subject, duration=task.duration or subject.duration)
        window = TimeRange.parse(*facts.get("window", (self._operator.start, self._operator.end)))
        return Answered(subject, generation_of_task(task), window, facts)

    def place(self, subject: Subject, facts: Facts) -> ResultPath:
        """Return where the result is published."""
        name = optional_text(self._operator.output_name) or facts.get("stem") or self._kind
        return ResultPath((subject.group, subject.name), name, self._kind)

    def result(self, answered: Answered, **more: Any) -> Result:
        """Return what the task returns besides the files.

        :param more: what this kind of answer adds.
        """
        return {"kind": self._kind, **answered.as_result(), **more}

    def manifest_facts(self, answered: Answered, result: Result) -> ResultFacts:
        """Return the manifest's entries."""
        answer = self._deduplicator(answered.question).answer(result) if answered.question else None
        return answered.table_facts(Provenance.of(self._context["ti"]), answer)

    def finish(self, answered: Answered, published: Published, result: Result) -> Result:
        """Count what was billed, clear the records of the request, and return the whole result."""
        operator = self._operator
        forget_aside(operator.output_path, self.place(answered.subject, answered.facts))
        self._call.clear()
        count_bill(operator, answered.bill())
        if answered.generation.warning:
            operator.log.warning("The answer has a warning: %s", answered.generation.warning)
        name, start = answered.subject.name, " ".join(answered.generation.text[:_SHOWN].split())
        operator.log.info(
            'Published %s of %s to %s; it starts with "%s"', self._kind, name, published.manifest_uri, start
        )
        return {**result, **published.as_xcom()}

    def fail_unusable(self, answered: Answered, reason: object) -> NoReturn:
        """Count an answer that was billed and is not what was asked for, keep it, and fail.

        :raises TwelveLabsUnusableAnswerError: naming the file.
        """
        count_bill(self._operator, answered.bill())
        self.billed_answer(answered.subject, answered.facts).unusable(answered.generation, reason)

    @property
    def _call(self) -> BilledCall:
        store: Any = self._context.get("task_state_store")
        return BilledCall(store, self._operator.identity(self._context))

    def _deduplicator(self, question: str) -> Deduplicator:
        operator = self._operator
        return Deduplicator.of(self._context, operator.output_path, question, operator.if_published)

    def _mode(self, video: AnalyzedVideo, request: AnalysisRequest) -> Mode:
        operator, mode = self._operator, choice_of("mode", self._operator.mode, Mode)
        if mode is not Mode.AUTO:
            return mode
        without_worker = operator.deferrable or not operator.wait_for_completion
        return fitting_mode(request, video.window.length(video.subject.duration), without_worker)

    def _submit(self, video: AnalyzedVideo, request: AnalysisRequest, facts: Facts) -> PendingJob:
        operator, identity = self._operator, self._operator.identity(self._context)
        self.guard(video, definitions_in(request.response_format))
        submission = AnalysisSubmission(self._hook, identity, partial(operator.pending, self._context), operator.poll)
        request = replace(request, custom_id=request.custom_id or task_mark(identity))
        return submission.submit(request, subject=video.subject.as_json(), facts=facts)

    def _generate(self, video: AnalyzedVideo, request: AnalysisRequest, mode: Mode, facts: Facts) -> Generation:
        """Return the answer to one request, or the one that an earlier attempt received and did not publish."""
        call = self._call
        known = call.response()
        if known is not None:
            self._operator.log.info("Publishing the answer that an earlier attempt received")
            return known
        self.guard(video, definitions_in(request.response_format))
        text = StreamedText(lambda line: self._operator.log.info("%s", line))
        send = self._sender(request, mode, text)
        with self.billed_answer(video.subject, facts).request(lambda: text.text):
            generation = send()
            call.record_response(generation)
        return generation

    def _sender(self, request: AnalysisRequest, mode: Mode, text: StreamedText) -> Callable[[], Generation]:
        """Return what sends the request; a request that this API generation lacks is refused before."""
        if mode is Mode.STREAM:
            stream = self._hook.api.analyze_stream(request)
            ensure_supported(stream, self._hook.endpoint.version)
            return lambda: text.take(self._hook.stream(stream))
        call = self._hook.api.analyze(request)
        ensure_supported(call, self._hook.endpoint.version)
        return lambda: self._hook.execute(call)
