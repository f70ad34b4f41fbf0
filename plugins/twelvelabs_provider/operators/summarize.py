"""Operator that summarizes a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from twelvelabs_provider.api.analysis.request import AnalysisRequest, SourceKind
from twelvelabs_provider.api.analysis.summaries import Summary, SummaryKind, summary_of, summary_request
from twelvelabs_provider.api.call import Call, ensure_supported
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsCutOffError, TwelveLabsUnsupportedError
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.policies import IfPublished
from twelvelabs_provider.inputs.typed_arguments import choice_of, optional_number, optional_text, texts_of
from twelvelabs_provider.jobs.analysis_submission import owns_analysis
from twelvelabs_provider.jobs.job import JobState, PendingJob
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.operators.video_analysis import (
    VIDEO_FIELDS,
    AnalyzedVideo,
    VideoAnalysis,
    video_page,
    video_values,
)
from twelvelabs_provider.results.answered import Answered, Facts, Mode, question_of_summary
from twelvelabs_provider.results.summaries import SummaryFiles
from twelvelabs_provider.storage.manifest import Provenance, Published
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.task import BILLED_COLOR, COMMON_FIELDS

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsSummarizeVideoOperator(TwelveLabsJobOperator):
    """Publishes a summary, chapters, highlights, a title, topics, hashtags, or a gist of a video.

    Where the API has endpoints for it (v1.2) they are used; where it has none (v1.3) the operator asks a packaged
    question with a JSON schema. The results have the same shape. Chapters and highlights are rows with ``start`` and
    ``end`` in seconds, ``value`` (title of the chapter, or the highlight), ``summary`` and, for chapters, ``number``.
    The others are one JSON object with the requested ones of ``summary``, ``title``, ``topics`` and ``hashtags``.

    Service page: https://docs.twelvelabs.io/api-reference/analyze-videos/sync-analysis

    :param kind: ``summary``, ``chapters``, ``highlights``, ``titles``, ``topics``, ``hashtags`` or ``gist``
        (templated).
    :param output_path: local path or URI of object storage for the results (templated).
    :param asset_id: the video as an asset (templated).
    :param video_url: the video as a URL from which the service fetches it (templated).
    :param video_file: the video as a path or object storage URI of a file of up to 30 MiB, sent within the request
        (templated).
    :param index_id: the index of ``video_id`` (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param video_id: the video as an indexed one; v1.3 analyzes the asset that it was made of, and refuses a video whose
        asset cannot be found (templated).
    :param prompt: what to consider, in addition to the packaged question (templated).
    :param start: seconds from which the video is analyzed (templated).
    :param end: seconds up to which it is analyzed (templated).
    :param model_name: None uses ``pegasus1.5``; on v1.2 the engine of the index answers (templated).
    :param temperature: 0 to 1 (templated).
    :param mode: ``sync`` (one request, up to an hour of video), ``stream`` (the text appears in the task's log as it is
        written), ``async`` (a task on the service), or ``auto``: ``async`` if the operator is deferrable or does not
        wait, if the analyzed range is over an hour or of unknown length, or if only a task can do it; else ``sync``.
    :param output_name: stem of the files. None uses the kind, with a digest of the question unless it is the packaged
        question about the whole video, so that two questions have two results (templated).
    :param formats: of chapters and highlights any of ``jsonl`` (the default), ``json``, ``srt``, ``vtt``, ``parquet``;
        of the others any of ``json`` (the default), ``jsonl``, ``parquet`` (templated).
    :param source_uri: where the video came from, for the manifest (templated).
    :param if_published: ``skip`` returns a result of the same request that is published in the same place, at no cost,
        and renders missing formats from its files; ``replace`` sends the request again, which is billed, except in a
        retry of the attempt that published. Two requests are the same if service, API
        version, video, time range, model and all options are equal.
    :param resubmit_lost: a ``sync`` or ``stream`` answer that is lost may have been billed, and the service does not
        keep it: the task fails without a retry unless this is True, which lets a retry ask, and pay, again.
    :param max_billable_minutes: minutes that the task may bill; a question that would bill more, or an unknown number,
        fails before any billed request. None sets no limit (templated).
    :return: ``manifest`` (URI), ``files`` (format to URI), ``rows``, ``bytes``, ``kind``, ``mode``, ``model``,
        ``usage`` (tokens), ``warning``, the ids (``generation_id``, ``analysis_task_id``, ``index_id``, ``video_id``,
        ``asset_id``), and ``data``: the JSON object of the kinds that have one, None for rows.
    :raises TwelveLabsInputError: the service would refuse the request; raised before any request.
    :raises TwelveLabsUnusableAnswerError: the answer is cut off or is not what was asked for; the raw text is kept in
        ``{output_name}.raw.txt``.
    :raises TwelveLabsUnknownOutcomeError: an answer is lost that may have been billed.
    :raises TwelveLabsJobFailedError: the analysis task failed.
    :raises TwelveLabsOutputError: the files could not be written; no partial file is visible.
    """

    template_fields: Sequence[str] = (
        *COMMON_FIELDS, "kind", "output_path", *VIDEO_FIELDS, "prompt", "start", "end", "model_name", "temperature",
        "output_name", "formats", "source_uri", "max_billable_minutes",
    )  # fmt: skip
    ui_color = BILLED_COLOR

    def __init__(
        self,
        *,
        kind: str = SummaryKind.SUMMARY,
        output_path: str,
        asset_id: str | None = None,
        video_url: str | None = None,
        video_file: str | None = None,
        index_id: str | None = None,
        index_name: str | None = None,
        video_id: str | None = None,
        prompt: str | None = None,
        start: float | str | None = None,
        end: float | str | None = None,
        model_name: str | None = None,
        temperature: float | str | None = None,
        mode: str = Mode.AUTO,
        output_name: str | None = None,
        formats: Sequence[str] | str | None = None,
        source_uri: str | None = None,
        if_published: Literal["skip", "replace"] = "skip",
        resubmit_lost: bool = False,
        max_billable_minutes: float | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.output_path = output_path
        self.asset_id = asset_id
        self.video_url = video_url
        self.video_file = video_file
        self.index_id = index_id
        self.index_name = index_name
        self.video_id = video_id
        self.prompt = prompt
        self.start = start
        self.end = end
        self.model_name = model_name
        self.temperature = temperature
        self.mode = mode
        self.output_name = output_name
        self.formats = formats
        self.source_uri = source_uri
        self.if_published = IfPublished.parse(if_published)
        self.resubmit_lost = resubmit_lost
        self.max_billable_minutes = max_billable_minutes

    def submit(self, context: Context) -> PendingJob | Result:
        """Ask the endpoint if there is one, else the packaged question."""
        self.wanted_formats({})
        analysis = self._analysis(context)
        video = analysis.find_video()
        call = self._endpoint(video) if self.video_id else None
        if call is not None:
            return self._ask_endpoint(context, call, video)
        return analysis.ask(video, self._request(video), is_default=self._is_default(video))

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> Result:
        """Publish the answer of a task that is ready."""
        return self.publish(context, self._analysis(context).completed(pending))

    def publish(self, context: Context, answered: Answered) -> Result:
        """Publish the rows or the object of an answer."""
        kind = self._kind()
        try:
            summary = summary_of(kind, answered.generation)
        except TwelveLabsCutOffError:
            reason = f"the {kind} were cut off at the maximum length: analyze shorter ranges"
            self._analysis(context).fail_unusable(answered, reason)
        except TwelveLabsAnswerError as error:
            self._analysis(context).fail_unusable(answered, error)
        return self._publish_summary(context, answered, summary)

    def wanted_formats(self, facts: Facts) -> Sequence[str]:
        """Return the formats in which rows, or one object, are published."""
        return self._files().formats()

    def render(self, context: Context, saved: SavedResult, facts: Facts) -> Published | None:
        """Publish a saved summary in the wanted formats; None if no complete file has their data."""
        return self._files().republish(saved, Provenance.of(context["ti"]))

    def request_values(self) -> tuple[Any, ...]:
        """Return the video and what is wanted of it."""
        return (*video_values(self), self.kind, self.prompt)

    def playground_page(self, pending: PendingJob) -> str | None:
        """Return the page of an indexed video."""
        return video_page(pending)

    def owns(self, pending: PendingJob) -> bool:
        """Return False for a task that existed before."""
        return owns_analysis(pending)

    def _analysis(self, context: Context) -> VideoAnalysis:
        return VideoAnalysis(self, context, self._kind().value)

    def _kind(self) -> SummaryKind:
        return choice_of("kind", self.kind, SummaryKind)

    def _files(self) -> SummaryFiles:
        formats = None if self.formats is None else texts_of("formats", self.formats)
        return SummaryFiles(self.output_path, self._kind(), formats)

    def _request(self, video: AnalyzedVideo) -> AnalysisRequest:
        """Return the packaged question."""
        return summary_request(
            self._kind(),
            video.source,
            prompt=self.prompt,
            temperature=optional_number("temperature", self.temperature),
            model=optional_text(self.model_name) or video.default_model,
            start=video.window.start,
            end=video.window.end,
        )

    def _is_default(self, video: AnalyzedVideo) -> bool:
        """Tell whether it is the packaged question about the whole video."""
        options = (
            self.prompt or None,
            optional_text(self.model_name),
            optional_number("temperature", self.temperature),
        )
        return video.window.is_open and options == (None, None, None)

    def _endpoint(self, video: AnalyzedVideo) -> Call[Summary] | None:
        """Return the call of the endpoint; None if the API has none, but answers the packaged question."""
        temperature = optional_number("temperature", self.temperature)
        try:
            call = self.hook.api.summarize(
                str(self.video_id), self._kind(), prompt=self.prompt or None, temperature=temperature
            )
            ensure_supported(call, self.hook.endpoint.version)
        except TwelveLabsUnsupportedError:
            if video.source.kind is SourceKind.INDEXED and not self._answers_questions(video):
                # Neither is available: the first refusal is the one that helps.
                raise
            return None
        if video.window != TimeRange(None, None) or choice_of("mode", self.mode, Mode) not in (Mode.AUTO, Mode.SYNC):
            raise TwelveLabsInputError(
                f"start={self.start!r}, end={self.end!r}, mode={self.mode!r}: this generation of the API summarizes"
                " whole videos in one call; leave start and end out and take mode 'sync', or use api_version v1.3"
            )
        return call

    def _answers_questions(self, video: AnalyzedVideo) -> bool:
        """Tell whether this generation of the API answers the packaged question."""
        try:
            ensure_supported(self.hook.api.analyze(self._request(video)), self.hook.endpoint.version)
        except TwelveLabsUnsupportedError:
            return False
        return True

    def _ask_endpoint(self, context: Context, call: Call[Summary], video: AnalyzedVideo) -> Result:
        analysis, subject, window = self._analysis(context), video.subject, video.window
        temperature = optional_number("temperature", self.temperature)
        kind, video_id = self._kind().value, subject.video_id
        question = question_of_summary(self.hook.endpoint, kind, video_id, self.prompt, temperature)
        naming = analysis.naming(question, is_default=self._is_default(video))
        facts = {"mode": Mode.SYNC.value, "options": {"prompt": self.prompt}, **naming}
        published = analysis.find_published(subject, facts)
        if published is not None:
            return published
        analysis.guard(video)
        with analysis.billed_answer(subject, facts).request(lambda: ""):
            summary = self.hook.execute(call)
        return self._publish_summary(context, Answered(subject, summary.generation, window, facts), summary)

    def _publish_summary(self, context: Context, answered: Answered, summary: Summary) -> Result:
        analysis = self._analysis(context)
        data = None if summary.kind.timed else summary.document()
        result = analysis.result(answered, data=data)
        place, facts = analysis.place(answered.subject, answered.facts), analysis.manifest_facts(answered, result)
        published = self._files().publish(place, summary, facts)
        return analysis.finish(answered, published, result)
