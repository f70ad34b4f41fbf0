"""Operator that asks a model about a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from twelvelabs_provider.api.analysis.request import UNLIMITED, AnalysisMode, AnalysisRequest
from twelvelabs_provider.api.analysis.response_format import FormatType, segments_of
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsCutOffError
from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.analyzed_video import Subject
from twelvelabs_provider.inputs.policies import IfPublished
from twelvelabs_provider.inputs.typed_arguments import choice_of, mapping_of, optional_number, optional_text, texts_of
from twelvelabs_provider.jobs.analysis_submission import owns_analysis
from twelvelabs_provider.jobs.cost import definitions_in
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob
from twelvelabs_provider.jobs.result_deduplication import stem_with
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.operators.video_analysis import (
    VIDEO_FIELDS,
    VideoAnalysis,
    video_page,
    video_values,
)
from twelvelabs_provider.results.analyses import AnalysisFiles
from twelvelabs_provider.results.answered import Answered, Facts, Mode
from twelvelabs_provider.storage.locations import redact_url
from twelvelabs_provider.storage.manifest import Provenance, Published
from twelvelabs_provider.storage.publish import check_output
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.task import BILLED_COLOR, COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

MAX_PREVIEW = 1000
"""Characters of a text that the task returns."""
MAX_DATA = 8 * 1024
"""Bytes of structured data that the task returns; larger data is in the file only."""

KIND = "analysis"
_TASK_ID_DIGITS = 12


class TwelveLabsAnalyzeVideoOperator(TwelveLabsJobOperator):
    """Asks a model about a video and publishes the answer: a text, a JSON value, or timed segments.

    Service pages: https://docs.twelvelabs.io/api-reference/analyze-videos/sync-analysis and
    https://docs.twelvelabs.io/api-reference/analyze-videos/create-async-analysis-task

    A text becomes ``{output_name}.txt``. With ``response_format`` of type ``json_schema`` the parsed answer becomes
    ``.json``. With ``segment_definitions`` it becomes ``.json`` and, row by row, ``.jsonl``: ``start`` and ``end`` in
    seconds, ``value`` (the text among the fields), ``definition``, and the fields. The first complete JSON value of an
    answer counts: text around it, a code fence, escaped quotes or a repeated end do no harm.

    :param output_path: local path or URI of object storage for the results (templated).
    :param asset_id: the video as an asset (templated).
    :param video_url: the video as a URL from which the service fetches it (templated).
    :param video_file: the video as a path or object storage URI of a file of up to 30 MiB, sent within the request
        (templated).
    :param index_id: the index of ``video_id`` (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param video_id: the video as an indexed one; v1.3 analyzes the asset that it was made of, and refuses a video whose
        asset cannot be found (templated).
    :param prompt: the question (templated).
    :param prompt_v2: the question with reference images, ``input_text`` and ``media_sources``, instead of ``prompt``
        (templated).
    :param response_format: the service's object: ``type`` ``json_schema`` with ``json_schema``, or ``type``
        ``segment_definitions`` with those and ``segment_time_format``; checked before any request (templated).
    :param analysis_mode: ``general`` or ``time_based_metadata``, which answers ``segment_definitions`` (templated).
    :param start: seconds from which the video is analyzed (templated).
    :param end: seconds up to which it is analyzed (templated).
    :param model_name: None uses ``pegasus1.5``; on v1.2 the engine of the index answers (templated).
    :param temperature: 0 to 1 (templated).
    :param max_tokens: maximum length of the answer: 512 to 98,304, or 2,048 to 98,304 for segments (templated).
    :param min_segment_duration: seconds, at least 2 (templated).
    :param max_segment_duration: seconds, at least 2 (templated).
    :param custom_id: 1 to 64 letters, digits, hyphens and underscores, by which an analysis task is found again; None
        uses a digest of the task instance (templated).
    :param mode: ``sync`` (one request, up to an hour of video), ``stream`` (the text appears in the task's log as it is
        written), ``async`` (a task on the service), or ``auto``: ``async`` if the operator is deferrable or does not
        wait, if the analyzed range is over an hour or of unknown length, or if only a task can do it; else ``sync``.
    :param analysis_task_id: an analysis task that was submitted elsewhere: the operator waits for it and publishes its
        answer. Leave out the parameters that name a video then (templated).
    :param output_name: stem of the files. None uses ``analysis`` with a digest of the question, so that two questions
        about one video have two results (templated).
    :param formats: for segments any of ``jsonl``, ``json`` (the answer as it is), ``srt``, ``vtt``, ``parquet``; None
        means the first two. Else ``txt`` for a text or ``json`` for JSON, which are the defaults, and ``jsonl`` and
        ``parquet`` with the answer as one row (templated).
    :param source_uri: where the video came from, for the manifest (templated).
    :param if_published: ``skip`` returns a result of the same request that is published in the same place, at no cost,
        and renders missing formats from its files; ``replace`` sends the request again, which is billed, except in a
        retry of the attempt that published. Two requests are the same if service, API
        version, video, time range, model and all options are equal.
    :param resubmit_lost: a ``sync`` or ``stream`` answer that is lost may have been billed, and the service does not
        keep it: the task fails without a retry unless this is True, which lets a retry ask, and pay, again.
    :param max_billable_minutes: minutes that the task may bill; a question that would bill more, or an unknown number,
        fails before any billed request. None sets no limit (templated).
    :return: ``manifest`` (URI), ``files`` (format to URI), ``rows``, ``bytes``, ``mode``, ``model``,
        ``finish_reason``, ``usage`` (tokens), ``warning``, the ids (``generation_id``, ``analysis_task_id``,
        ``index_id``, ``video_id``, ``asset_id``), ``preview`` (the first 1,000 characters of a text), ``data`` (the
        structured answer if it has at most 8 KiB, else None).
    :raises TwelveLabsInputError: the service would ignore a part of the request; raised before any billed request.
    :raises TwelveLabsUnusableAnswerError: the answer is cut off or is not the JSON that was asked for; the raw text is
        kept in ``{output_name}.raw.txt``.
    :raises TwelveLabsUnknownOutcomeError: an answer is lost that may have been billed; the received part of a stream is
        kept in ``{output_name}.partial.txt``.
    :raises TwelveLabsJobFailedError: the analysis task failed.
    :raises TwelveLabsOutputError: the files could not be written; no partial file is visible.
    """

    template_fields: Sequence[str] = (
        *COMMON_FIELDS, "output_path", *VIDEO_FIELDS, "prompt", "prompt_v2", "response_format", "analysis_mode",
        "start", "end", "model_name", "temperature", "max_tokens", "min_segment_duration", "max_segment_duration",
        "custom_id", "analysis_task_id", "output_name", "formats", "source_uri", "max_billable_minutes",
    )  # fmt: skip
    ui_color = BILLED_COLOR

    def __init__(
        self,
        *,
        output_path: str,
        asset_id: str | None = None,
        video_url: str | None = None,
        video_file: str | None = None,
        index_id: str | None = None,
        index_name: str | None = None,
        video_id: str | None = None,
        prompt: str | None = None,
        prompt_v2: Mapping[str, Any] | str | None = None,
        response_format: Mapping[str, Any] | str | None = None,
        analysis_mode: str = AnalysisMode.GENERAL,
        start: float | str | None = None,
        end: float | str | None = None,
        model_name: str | None = None,
        temperature: float | str | None = None,
        max_tokens: int | str | None = None,
        min_segment_duration: float | str | None = None,
        max_segment_duration: float | str | None = None,
        custom_id: str | None = None,
        mode: str = Mode.AUTO,
        analysis_task_id: str | None = None,
        output_name: str | None = None,
        formats: Sequence[str] | str | None = None,
        source_uri: str | None = None,
        if_published: Literal["skip", "replace"] = "skip",
        resubmit_lost: bool = False,
        max_billable_minutes: float | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.output_path = output_path
        self.asset_id = asset_id
        self.video_url = video_url
        self.video_file = video_file
        self.index_id = index_id
        self.index_name = index_name
        self.video_id = video_id
        self.prompt = prompt
        self.prompt_v2 = prompt_v2
        self.response_format = response_format
        self.analysis_mode = analysis_mode
        self.start = start
        self.end = end
        self.model_name = model_name
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.min_segment_duration = min_segment_duration
        self.max_segment_duration = max_segment_duration
        self.custom_id = custom_id
        self.mode = mode
        self.analysis_task_id = analysis_task_id
        self.output_name = output_name
        self.formats = formats
        self.source_uri = source_uri
        self.if_published = IfPublished.parse(if_published)
        self.resubmit_lost = resubmit_lost
        self.max_billable_minutes = max_billable_minutes

    def submit(self, context: Context) -> PendingJob | Result:
        """Check and ask; or attach to the given task."""
        if self.analysis_task_id:
            return self._attach_to_given(context, self.analysis_task_id)
        question = self._question()
        self._files((question.response_format or {}).get("type")).formats()
        analysis = self._analysis(context)
        video = analysis.find_video(question)
        return analysis.ask(video, video.request(question, optional_text(self.model_name)), is_default=False)

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> Result:
        """Publish the answer of a task that is ready."""
        return self.publish(context, self._analysis(context).completed(pending))

    def publish(self, context: Context, answered: Answered) -> Result:
        """Publish the answer in the form that was asked for."""
        analysis, generation = self._analysis(context), answered.generation
        response_format = answered.facts.get("format")
        segments: Sequence[Segment] | None = None
        if response_format is None:
            data: Any = generation.text
            result = analysis.result(answered, preview=data[:MAX_PREVIEW], data=None)
        else:
            try:
                answer = generation.structured()
                data = answer.data
                segments = segments_of(data) if response_format == FormatType.SEGMENTS else None
            except TwelveLabsCutOffError:
                reason = "the answer was cut off at its maximum length: raise max_tokens, or ask for less"
                analysis.fail_unusable(answered, reason)
            except TwelveLabsAnswerError as error:
                analysis.fail_unusable(answered, error)
            result = analysis.result(answered, preview=None, data=data if len(answer.text) <= MAX_DATA else None)
        place, facts = analysis.place(answered.subject, answered.facts), analysis.manifest_facts(answered, result)
        published = self._files(response_format).publish(place, data, segments, facts)
        return analysis.finish(answered, published, result)

    def wanted_formats(self, facts: Facts) -> Sequence[str]:
        """Return the formats in which an answer is published."""
        return self._files(facts.get("format")).formats()

    def render(self, context: Context, saved: SavedResult, facts: Facts) -> Published | None:
        """Publish a saved answer in the wanted formats; None if no complete file has their data."""
        return self._files(facts.get("format")).republish(saved, Provenance.of(context["ti"]))

    def request_values(self) -> tuple[Any, ...]:
        """Return the video and the whole question."""
        question = (self.prompt, self.prompt_v2, self.response_format, self.analysis_mode, self.max_tokens)
        durations = (self.min_segment_duration, self.max_segment_duration)
        return (*video_values(self), *question, *durations, self.custom_id, self.analysis_task_id)

    def playground_page(self, pending: PendingJob) -> str | None:
        """Return the page of an indexed video."""
        return video_page(pending)

    def owns(self, pending: PendingJob) -> bool:
        """Return False for a given task, and for one that existed before."""
        return owns_analysis(pending) and not self.analysis_task_id

    def _analysis(self, context: Context) -> VideoAnalysis:
        return VideoAnalysis(self, context, KIND)

    def _files(self, response_format: str | None) -> AnalysisFiles:
        return AnalysisFiles(self.output_path, response_format, texts_of("formats", self.formats))

    def _question(self) -> AnalysisRequest:
        """Return the request without its video, which is looked up when the question is valid."""
        return AnalysisRequest(
            "",
            mode=choice_of("analysis_mode", self.analysis_mode, AnalysisMode),
            prompt=self.prompt or None,
            prompt_v2=mapping_of("prompt_v2", self.prompt_v2) or None,
            response_format=mapping_of("response_format", self.response_format) or None,
            max_tokens=_max_tokens(self.max_tokens),
            temperature=optional_number("temperature", self.temperature),
            min_segment_duration=optional_number("min_segment_duration", self.min_segment_duration),
            max_segment_duration=optional_number("max_segment_duration", self.max_segment_duration),
            custom_id=self.custom_id or None,
        )

    def _attach_to_given(self, context: Context, task_id: str) -> PendingJob:
        """Return a task that was submitted elsewhere as the job to wait for."""
        required(self, output_path=self.output_path)
        check_output(self.output_path)
        task = self.hook.execute(self.hook.api.read_analysis_task(task_id))
        source, request = task.raw.get("video_source") or {}, task.raw.get("request_params") or {}
        asset_id, uri = source.get("asset_id"), redact_url(self.source_uri or source.get("url") or "")
        subject = Subject("assets", asset_id or task.id, asset_id=asset_id, duration=task.duration, uri=uri or None)
        response_format = request.get("response_format") or {}
        facts: dict[str, Any] = {
            "mode": Mode.ASYNC.value,
            "model": task.model,
            "format": response_format.get("type"),
            "definitions": definitions_in(response_format),
            "window": [request.get("start_time"), request.get("end_time")],
            "options": {"analysis_mode": request.get("analysis_mode")},
            "stem": stem_with(KIND, task.id[-_TASK_ID_DIGITS:]),
        }
        self._files(facts["format"]).formats()
        return self.pending(context, JobRef(JobKind.ANALYSIS_TASK, task.id), subject=subject.as_json(), facts=facts)


def _max_tokens(value: int | str | None) -> int | str | None:
    """Return the argument, which a template may have turned into text."""
    text = optional_text(value)
    if text is None or text == UNLIMITED:
        return text
    try:
        return int(text)
    except ValueError:
        raise TwelveLabsInputError(f"max_tokens={value!r} must be a whole number, or {UNLIMITED!r}") from None
