"""Operators that bring a video in short into object storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.request import AnalysisRequest, SourceKind, VideoSource
from twelvelabs_provider.api.analysis.summaries import Summary, SummaryKind, summary_of, summary_request
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsCutOffError, TwelveLabsUnsupportedError
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.subject import Subject
from twelvelabs_provider.inputs.templated import texts_of
from twelvelabs_provider.jobs.cost import analysis_bill
from twelvelabs_provider.jobs.job import PendingJob
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.operators.generate import TwelveLabsGenerateOperator
from twelvelabs_provider.operators.job import Result
from twelvelabs_provider.operators.published import question_digest
from twelvelabs_provider.results.answered import Answered, Facts, Mode
from twelvelabs_provider.results.kinds import SUMMARIES
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.manifest import Provenance, Published
from twelvelabs_provider.storage.publish import publish
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.republish import republish_document, republish_segments
from twelvelabs_provider.storage.tables import DocumentFormat, document_formats, publish_document

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsSummarizeVideoOperator(TwelveLabsGenerateOperator):
    """Publishes a video in short: a summary, chapters, highlights, a title, topics, hashtags, or a gist of them.

    Where the API has endpoints for it (v1.2) they are asked; where it has none any more (v1.3) a packaged question with
    a JSON schema is. The results have the same shape: of chapters and highlights rows with ``start`` and ``end`` in
    seconds, ``value`` (title of the chapter, or what stands out), ``summary`` and, of chapters, ``number``; of the
    others one JSON object with ``summary``, ``title``, ``topics`` and ``hashtags``, those that were asked for.

    Service page: https://docs.twelvelabs.io/api-reference/analyze-videos/sync-analysis

    :param kind: ``summary``, ``chapters``, ``highlights``, ``titles``, ``topics``, ``hashtags`` or ``gist``
        (templated).
    :param prompt: what to pay heed to, besides the packaged question (templated).
    :param formats: of chapters and highlights any of ``jsonl``, ``json``, ``srt``, ``vtt``, ``parquet``, ``jsonl`` if
        nothing is said; of the others any of ``json``, ``jsonl``, ``parquet``, ``json`` if nothing is said (templated).
    :return: ``manifest`` (URI), ``files`` (format to URI), ``rows``, ``bytes``, ``kind``, ``mode``, ``model``,
        ``usage`` (tokens), ``warning``, the ids (``generation_id``, ``analysis_task_id``, ``index_id``, ``video_id``,
        ``asset_id``), and ``data``: the JSON object of the kinds that have one, None for rows.
    :raises TwelveLabsInputError: for whatever the service would refuse, before anything is sent.
    :raises TwelveLabsUnusableAnswerError: if the answer is cut off or is not what was asked for; the raw text is kept
        in ``{output_name}.raw.txt``.
    :raises TwelveLabsUnknownOutcomeError: if an answer is lost that was perhaps billed.
    :raises TwelveLabsJobFailedError: if the analysis task failed.
    :raises TwelveLabsOutputError: if the files cannot be written; nothing half-written is visible.
    """

    template_fields: Sequence[str] = (*TwelveLabsGenerateOperator.template_fields, "kind", "prompt", "formats")

    def __init__(
        self,
        *,
        kind: str = SummaryKind.SUMMARY,
        prompt: str | None = None,
        formats: Sequence[str] | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.prompt = prompt
        self.formats = formats

    @property
    def result_kind(self) -> str:
        """What the result holds."""
        return self._kind().value

    def begin(self, context: Context) -> PendingJob | Result:
        """Ask the endpoint where there is one, else the packaged question."""
        kind = self._kind()
        if kind.timed:
            self._row_formats()
        else:
            self._document_formats()
        window, subject, video = self.checked()
        call = self._endpoint(context, kind, window, video) if self.video_id else None
        if call is None:
            return self.ask(context, window, subject, video)
        return self._ask_endpoint(context, call, subject, window)

    def request(self, context: Context, video: VideoSource, window: TimeRange, model: str) -> AnalysisRequest:
        """The packaged question."""
        return summary_request(
            self._kind(),
            video,
            prompt=self.prompt,
            temperature=self.read_temperature(),
            model=model,
            start=window.start,
            end=window.end,
        )

    def asked(self) -> tuple[Any, ...]:
        """The video and what is wanted of it."""
        return (*super().asked(), self.kind, self.prompt)

    def is_plain(self, window: TimeRange) -> bool:
        """Tell whether it is the packaged question about the whole video."""
        return (
            window.is_open
            and not self.prompt
            and self.model_name in (None, "", "None")
            and self.read_temperature() is None
        )

    def wanted_formats(self, facts: Facts) -> Sequence[str]:
        """Return the formats of rows, or of one object."""
        return self._row_formats() if self._kind().timed else self._document_formats()

    def render(self, context: Context, saved: SavedResult, facts: Facts) -> Published | None:
        """Make the formats of the saved rows or object."""
        kind, provenance = self._kind(), Provenance.of(context["ti"])
        schema = SUMMARIES[kind]
        if kind.timed:
            return republish_segments(self.output_path, saved, self._row_formats(), schema, provenance)
        data = saved.result.get("data")
        if not isinstance(data, Mapping):
            return None
        return republish_document(self.output_path, saved, self._document_formats(), schema, provenance, data, data)

    def publish(self, context: Context, answered: Answered) -> Result:
        """Write the rows or the object."""
        try:
            summary = summary_of(self._kind(), answered.generation)
        except TwelveLabsCutOffError:
            why = f"the {self.result_kind} were cut off at the length limit: take shorter windows"
            self.useless(context, answered, why)
        except TwelveLabsAnswerError as error:
            self.useless(context, answered, error)
        return self._publish_summary(context, answered, summary)

    def _publish_summary(self, context: Context, answered: Answered, summary: Summary) -> Result:
        data = None if summary.kind.timed else summary.document()
        result = self.result(answered, data=data)
        place, facts = self.place(answered.subject, answered.facts), self.manifest_facts(context, answered, result)
        schema = SUMMARIES[summary.kind]
        if data is not None:
            formats = self._document_formats()
            published = publish_document(self.output_path, place, data, facts, formats=formats, schema=schema, row=data)
        else:
            published = publish(self.output_path, place, summary.rows, self._row_formats(), facts, schema)
        return self.published(context, answered, published, result)

    def _row_formats(self) -> tuple[Format, ...]:
        if self.formats is None:
            return (Format.JSONL,)
        return Format.parse_all(texts_of("formats", self.formats))

    def _document_formats(self) -> tuple[DocumentFormat, ...]:
        return document_formats(texts_of("formats", self.formats), DocumentFormat.JSON)

    def _endpoint(
        self, context: Context, kind: SummaryKind, window: TimeRange, video: VideoSource
    ) -> Call[Summary] | None:
        """Return the call of a generation that has one for this; None where the packaged question is the way."""
        temperature = self.read_temperature()
        try:
            call = self.hook.api.summarize(
                str(self.video_id), kind, prompt=self.prompt or None, temperature=temperature
            )
        except TwelveLabsUnsupportedError:
            if video.kind is SourceKind.INDEXED and not self._has_question(context, window, video):
                # Neither way is there: the refusal that was given first is the one that helps.
                raise
            return None
        if window != TimeRange(None, None) or self.mode not in (Mode.AUTO, Mode.SYNC):
            raise TwelveLabsInputError(
                f"start={self.start!r}, end={self.end!r}, mode={self.mode!r}: this generation of the API summarizes"
                " whole videos in one call; leave start and end out and take mode 'sync', or use api_version v1.3"
            )
        return call

    def _has_question(self, context: Context, window: TimeRange, video: VideoSource) -> bool:
        """Tell whether this generation of the API can be asked the packaged question."""
        try:
            self.hook.api.analyze(self.request(context, video, window, self.model_for(video)))
        except TwelveLabsUnsupportedError:
            return False
        return True

    def _ask_endpoint(self, context: Context, call: Call[Summary], subject: Subject, window: TimeRange) -> Result:
        asked = {"video": subject.video_id, "prompt": self.prompt or None, "temperature": self.read_temperature()}
        question = question_digest(self.hook.endpoint, kind=self.result_kind, **asked)
        facts = {"mode": Mode.SYNC.value, "options": {"prompt": self.prompt}, **self.named(question, window)}
        published = self.reused(context, subject, facts)
        if published is not None:
            return published
        self.guard(f"{self.result_kind} of {subject.name}", analysis_bill(window, subject.duration))
        with self.asking(context, self.place(subject, facts), lambda: ""):
            summary = self.hook.execute(call)
        return self._publish_summary(context, Answered(subject, summary.generation, window, facts), summary)

    def _kind(self) -> SummaryKind:
        try:
            return SummaryKind(self.kind)
        except ValueError:
            known = ", ".join(SummaryKind)
            raise TwelveLabsInputError(f"kind={self.kind!r} is not one of {known}") from None
