"""The base of the operators that have text generated about a video: at once, as a stream, or as a task."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from twelvelabs_provider.api.analysis.generation import Generation, generation_of_task
from twelvelabs_provider.api.analysis.request import (
    DEFAULT_MODEL,
    INDEX_ENGINE,
    AnalysisRequest,
    SourceKind,
    VideoSource,
)
from twelvelabs_provider.api.analysis.rules import problems_of_request
from twelvelabs_provider.api.analysis.stream import StreamedText
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.subject import Named, Subject, find_subject
from twelvelabs_provider.inputs.templated import optional_number
from twelvelabs_provider.jobs.cost import analysis_bill, definitions_in
from twelvelabs_provider.jobs.job import JobState, PendingJob
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.links import video_url
from twelvelabs_provider.operators.billed_answer import TwelveLabsBilledAnswerOperator
from twelvelabs_provider.operators.job import Result
from twelvelabs_provider.operators.published import TwelveLabsPublishedOperator, question_digest, stem_with
from twelvelabs_provider.results.answered import Answered, Facts, Mode, asked_of, facts_of, fitting_mode
from twelvelabs_provider.storage.failed_answers import forget_aside
from twelvelabs_provider.storage.layout import TablePlace
from twelvelabs_provider.storage.manifest import Provenance, Published
from twelvelabs_provider.storage.publish import check_output
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.source import meaning_of
from twelvelabs_provider.storage.tables import TableFacts
from twelvelabs_provider.task import COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsGenerateOperator(TwelveLabsPublishedOperator, TwelveLabsBilledAnswerOperator):
    """Base of the operators that have text generated about one video, named in one of four ways.

    :param asset_id: the video as an asset (templated).
    :param video_url: the video as an address that the service fetches it from (templated).
    :param video_file: the video as a path or object storage URI of a file of up to 30 MiB, sent within the request
        (templated).
    :param index_id: the index of ``video_id`` (templated).
    :param video_id: the video as an indexed one; v1.3 analyses the asset that it was made of, and refuses a video
        whose asset cannot be found (templated).
    :param start: seconds from which the video is looked at (templated).
    :param end: seconds up to which it is looked at (templated).
    :param model_name: None takes ``pegasus1.5``; on v1.2 the engine of the index answers (templated).
    :param temperature: 0 to 1 (templated).
    :param mode: ``sync`` (one call, up to an hour of video), ``stream`` (the text comes into the task's log as it is
        written), ``async`` (a task on the service), or ``auto``: ``async`` when the operator is deferrable or does not
        wait, when the video or its window is over an hour or of unknown length, and when only a task can do it;
        else ``sync``.
    :param output_name: stem of the files. None takes the kind of the result, with a digest of the question where it is
        not the only one of its kind, so that two questions about one video have two results (templated).
    :param source_uri: where the video came from, for the manifest (templated).
    """

    template_fields: Sequence[str] = (
        *COMMON_FIELDS,
        "output_path",
        "asset_id",
        "video_url",
        "video_file",
        "index_id",
        "video_id",
        "start",
        "end",
        "model_name",
        "temperature",
        "output_name",
        "source_uri",
        "max_billable_minutes",
    )

    def __init__(
        self,
        *,
        asset_id: str | None = None,
        video_url: str | None = None,
        video_file: str | None = None,
        index_id: str | None = None,
        video_id: str | None = None,
        start: float | str | None = None,
        end: float | str | None = None,
        model_name: str | None = None,
        temperature: float | str | None = None,
        mode: str = Mode.AUTO,
        output_name: str | None = None,
        source_uri: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.asset_id = asset_id
        self.video_url = video_url
        self.video_file = video_file
        self.index_id = index_id
        self.video_id = video_id
        self.start = start
        self.end = end
        self.model_name = model_name
        self.temperature = temperature
        self.mode = mode
        self.output_name = output_name
        self.source_uri = source_uri

    @property
    @abstractmethod
    def result_kind(self) -> str:
        """What the result holds; also the stem of its files unless ``output_name`` says another."""

    @abstractmethod
    def is_plain(self, window: TimeRange) -> bool:
        """Tell whether the question is the usual one of its kind, whose files bear the name of the kind alone."""

    @abstractmethod
    def wanted_formats(self, facts: Facts) -> Sequence[str]:
        """Return the formats that the answer is published in."""

    @abstractmethod
    def render(self, context: Context, saved: SavedResult, facts: Facts) -> Published | None:
        """Publish a saved answer in the formats that are wanted; None where no file of it has what they need."""

    @abstractmethod
    def request(self, context: Context, video: VideoSource, window: TimeRange, model: str) -> AnalysisRequest:
        """Return what is asked about the video.

        :raises TwelveLabsInputError: if an argument cannot be read.
        """

    @abstractmethod
    def publish(self, context: Context, answered: Answered) -> Result:
        """Publish an answer; return where it is."""

    def begin(self, context: Context) -> PendingJob | Result:
        """Check everything that can be checked for nothing, then ask in the way that fits."""
        return self.ask(context, *self.checked())

    def ask(self, context: Context, window: TimeRange, subject: Subject, video: VideoSource) -> PendingJob | Result:
        """Ask about a video that is known; return the task, or the published answer."""
        request = self.request(context, video, window, self.model_for(video))
        mode = self._mode(request, subject, window)
        self.must_be_accepted(request, mode)
        question = question_digest(self.hook.endpoint, kind=self.result_kind, **asked_of(request))
        facts = {**facts_of(request, mode), **self.named(question, window)}
        if self.wait_for_completion or mode is not Mode.ASYNC:
            published = self.reused(context, subject, facts)
            if published is not None:
                return published
        self.log.info("%s of %s (%s) by %s", self.result_kind, subject.name, mode.value, request.model)
        if mode is Mode.ASYNC:
            self.guard_question(request, subject, window)
            request = replace(request, custom_id=request.custom_id or self.mark(context))
            return self.submit_analysis(context, request, subject=subject.as_json(), facts=facts)
        generation = self._ask(context, subject, request, mode, window, self.place(subject, facts))
        return self.publish(context, Answered(subject, generation, window, facts))

    def named(self, question: str, window: TimeRange) -> Facts:
        """Return what tells the result of a question from others, as facts."""
        stem = self.result_kind if self.is_plain(window) else stem_with(self.result_kind, question)
        return {"question": question, "stem": stem}

    def reused(self, context: Context, subject: Subject, facts: Facts) -> Result | None:
        """Return the published answer to the same question; None where there is none."""

        def render(saved: SavedResult) -> Published | None:
            return self.render(context, saved, facts)

        place, formats = self.place(subject, facts), self.wanted_formats(facts)
        found = self.reuse_published(context, self.output_path, place, facts["question"], formats, render)
        if found is not None:
            self.billed_call(context).settled()
        return found

    def guard_question(self, request: AnalysisRequest, subject: Subject, window: TimeRange) -> None:
        """Say what a question will bill.

        :raises TwelveLabsInputError: if it is more than is allowed.
        """
        bill = analysis_bill(window, subject.duration, definitions_in(request.response_format))
        self.guard(f"{self.result_kind} of {subject.name}", bill)

    def advance(self, context: Context, pending: PendingJob, state: JobState) -> Result:
        """Publish the answer of a task that is ready."""
        task = self.hook.execute(self.hook.api.read_analysis_task(pending.job.id))
        facts = {**pending.memo["facts"], "analysis_task_id": task.id}
        subject = Subject.from_json(pending.memo["subject"])
        subject = replace(subject, duration=task.duration or subject.duration)
        window = TimeRange.parse(*facts.get("window", (self.start, self.end)))
        return self.publish(context, Answered(subject, generation_of_task(task), window, facts))

    def asked(self) -> tuple[Any, ...]:
        """The video, the window and the model; a template may sign the same address anew for each try."""
        video = (self.asset_id, meaning_of(self.video_url or ""), self.video_file, self.index_id, self.video_id)
        return (*video, self.start, self.end, self.model_name, self.temperature, self.mode)

    def describe(self, pending: PendingJob) -> str | None:
        """The video's page, where it is indexed."""
        return video_url(self.index_id, self.video_id) if self.index_id and self.video_id else None

    def checked(self) -> tuple[TimeRange, Subject, VideoSource]:
        """Refuse what cannot work before anything is asked for that costs money; return the window and the video."""
        required(self, output_path=self.output_path)
        window = TimeRange.parse(self.start, self.end)
        check_output(self.output_path)
        named = Named.of(
            asset_id=self.asset_id,
            video_url=self.video_url,
            video_file=self.video_file,
            index_id=self.index_id,
            video_id=self.video_id,
            source_uri=self.source_uri,
        )
        subject, video = find_subject(self.hook, named)
        window.must_touch(subject.duration)
        if subject.index_id and subject.video_id:
            self.playground_url = video_url(subject.index_id, subject.video_id)
        return window, subject, video

    def _mode(self, request: AnalysisRequest, subject: Subject, window: TimeRange) -> Mode:
        wanted = Mode.parse(self.mode)
        task = self.deferrable or not self.wait_for_completion
        return fitting_mode(request, window.length(subject.duration), task) if wanted is Mode.AUTO else wanted

    def must_be_accepted(self, request: AnalysisRequest, mode: Mode) -> None:
        """Refuse what the service would refuse.

        :raises TwelveLabsInputError: naming every problem, with a JSON pointer into the request.
        """
        problems = problems_of_request(request, now=mode is not Mode.ASYNC)
        if problems:
            listed = "\n".join(f"  {problem}" for problem in problems)
            raise TwelveLabsInputError(f"the service would refuse this request:\n{listed}")

    def place(self, subject: Subject, facts: Facts) -> TablePlace:
        """Return where the result lies."""
        name = _given(self.output_name) or facts.get("stem") or self.result_kind
        return TablePlace((subject.group, subject.name), name, self.result_kind)

    def result(self, answered: Answered, **more: Any) -> Result:
        """Return what the task returns besides the files.

        :param more: what the kind of the answer adds.
        """
        return {"kind": self.result_kind, **answered.as_result(), **more}

    def manifest_facts(self, context: Context, answered: Answered, result: Result) -> TableFacts:
        """Return what the manifest says."""
        question = answered.question
        answer = self.answer_to(context, question, result) if question else None
        return answered.table_facts(Provenance.of(context["ti"]), answer)

    def published(self, context: Context, answered: Answered, published: Published, result: Result) -> Result:
        """Settle the books, and return the result."""
        generation = answered.generation
        forget_aside(self.output_path, self.place(answered.subject, answered.facts))
        self.billed_call(context).settled()
        self.count(answered.bill())
        if generation.warning:
            self.log.warning("the answer has a warning: %s", generation.warning)
        self.log.info("published: %s", published.manifest_uri)
        return {**result, **published.as_xcom()}

    def useless(self, context: Context, answered: Answered, why: object) -> NoReturn:
        """Count an answer that was billed and is not what was asked for, keep it aside, and fail.

        :raises TwelveLabsUnusableAnswerError: naming the file.
        """
        self.count(answered.bill())
        self.unusable(context, self.place(answered.subject, answered.facts), answered.generation, why)

    def _ask(
        self,
        context: Context,
        subject: Subject,
        request: AnalysisRequest,
        mode: Mode,
        window: TimeRange,
        place: TablePlace,
    ) -> Generation:
        known = self.billed_call(context).answer()
        if known is not None:
            self.log.info("an earlier try got the answer and did not publish it: it is not asked for again")
            return known
        self.guard_question(request, subject, window)
        text = StreamedText(lambda line: self.log.info("%s", line))
        answer = self._way(request, mode, text)
        with self.asking(context, place, lambda: text.text) as call:
            generation = answer()
            call.answered(generation)
        return generation

    def _way(self, request: AnalysisRequest, mode: Mode, text: StreamedText) -> Callable[[], Generation]:
        """Return what asks and waits for the answer; what this generation of the API lacks is refused before."""
        if mode is Mode.STREAM:
            stream = self.hook.api.analyze_stream(request)
            return lambda: text.take(self.hook.stream(stream))
        call = self.hook.api.analyze(request)
        return lambda: self.hook.execute(call)

    def model_for(self, video: VideoSource) -> str:
        """Return the model that is asked."""
        usual = INDEX_ENGINE if video.kind is SourceKind.INDEXED else DEFAULT_MODEL
        return self.model_name if self.model_name and self.model_name != "None" else usual

    def read_temperature(self) -> float | None:
        """Return the argument as a number."""
        return optional_number("temperature", self.temperature)


def _given(value: str | None) -> str | None:
    """Return an argument, or None for what rendered to nothing."""
    return None if value is None or str(value).strip() in ("", "None") else str(value)
