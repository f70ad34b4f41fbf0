"""Operators that ask a model about a video."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.request import UNLIMITED, AnalysisMode, AnalysisRequest, VideoSource
from twelvelabs_provider.api.analysis.response_format import FormatType, segments_of
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsCutOffError
from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.subject import Subject
from twelvelabs_provider.inputs.templated import mapping_of, optional_number, texts_of
from twelvelabs_provider.jobs.cost import definitions_in
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.operators.generate import TwelveLabsGenerateOperator
from twelvelabs_provider.operators.job import Result
from twelvelabs_provider.operators.published import stem_with
from twelvelabs_provider.results.answered import Answered, Facts, Mode
from twelvelabs_provider.results.kinds import ANALYSIS, ANALYSIS_SEGMENTS
from twelvelabs_provider.storage.encoding import Encoder, json_text
from twelvelabs_provider.storage.formats import Format, encoders_for
from twelvelabs_provider.storage.layout import Place
from twelvelabs_provider.storage.manifest import Facts as ManifestEntries
from twelvelabs_provider.storage.manifest import Provenance, Published
from twelvelabs_provider.storage.publish import check_output, publish_files
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.republish import kept_and, republish_document, segment_of
from twelvelabs_provider.storage.source import redact_url
from twelvelabs_provider.storage.tables import DocumentFormat, document_formats, publish_document
from twelvelabs_provider.task import required

if TYPE_CHECKING:
    from airflow.sdk import Context

LONGEST_PREVIEW = 1000
"""Characters of a text that the task returns."""
LARGEST_DATA = 8 * 1024
"""Bytes of structured data that the task returns; what is larger is in the file only."""

_DIGITS = 12


class TwelveLabsAnalyzeVideoOperator(TwelveLabsGenerateOperator):
    """Asks a model about a video and publishes what it answers: a text, a JSON value, or timed segments.

    Service pages: https://docs.twelvelabs.io/api-reference/analyze-videos/sync-analysis and
    https://docs.twelvelabs.io/api-reference/analyze-videos/create-async-analysis-task

    Without ``output_name`` the files are named ``analysis-{digest of the question}``. A text becomes
    ``{output_name}.txt``; with ``response_format`` of type ``json_schema`` the parsed answer becomes
    ``.json``; with ``segment_definitions`` it becomes ``.json`` and, row by row, ``.jsonl``: ``start`` and ``end`` in
    seconds, ``value`` (the text among the fields), ``definition``, and the fields. The first complete JSON value of an
    answer counts: text around it, a code fence, escaped quotes or a repeated tail do no harm.

    :param prompt: the question (templated).
    :param prompt_v2: the question with reference images, ``input_text`` and ``media_sources``, instead of ``prompt``
        (templated).
    :param response_format: the service's object: ``type`` ``json_schema`` with ``json_schema``, or ``type``
        ``segment_definitions`` with those and ``segment_time_format``; checked before anything is sent (templated).
    :param analysis_mode: ``general`` or ``time_based_metadata``, which answers ``segment_definitions`` (templated).
    :param max_tokens: length of the answer at most; 512 to 98,304, or 2,048 to 98,304 for segments (templated).
    :param min_segment_duration: seconds, at least 2 (templated).
    :param max_segment_duration: seconds, at least 2 (templated).
    :param custom_id: 1 to 64 letters, digits, hyphens and underscores, to find an analysis task again; None marks it
        with a digest of the task instance (templated).
    :param formats: for segments any of ``jsonl``, ``json`` (the answer as it is), ``srt``, ``vtt``, ``parquet``; the
        first two if nothing is said. Else ``txt`` for a text, ``json`` for JSON, which are taken if nothing is said,
        and ``jsonl`` and ``parquet``, which hold the answer as one row (templated).
    :param analysis_task_id: an analysis task that somebody else submitted: it is waited for and its answer published,
        and nothing is asked; the arguments that name a video are left out then (templated).
    :return: ``manifest`` (URI), ``files`` (format to URI), ``rows``, ``bytes``, ``mode``, ``model``,
        ``finish_reason``, ``usage`` (tokens), ``warning``, the ids (``generation_id``, ``analysis_task_id``,
        ``index_id``, ``video_id``, ``asset_id``), ``preview`` (the first 1,000 characters of a text), ``data`` (the
        structured answer where it has at most 8 KiB, else None).
    :raises TwelveLabsInputError: for whatever the service would refuse, before anything is sent.
    :raises TwelveLabsUnusableAnswerError: if the answer is cut off or is not the JSON that was asked for; the raw text
        is kept in ``{output_name}.raw.txt``.
    :raises TwelveLabsUnknownOutcomeError: if an answer is lost that was perhaps billed; what had arrived of a stream is
        kept in ``{output_name}.partial.txt``.
    :raises TwelveLabsJobFailedError: if the analysis task failed.
    :raises TwelveLabsOutputError: if the files cannot be written; nothing half-written is visible.
    """

    result_kind = "analysis"
    template_fields: Sequence[str] = (
        *TwelveLabsGenerateOperator.template_fields,
        "prompt",
        "prompt_v2",
        "response_format",
        "analysis_mode",
        "max_tokens",
        "min_segment_duration",
        "max_segment_duration",
        "custom_id",
        "formats",
        "analysis_task_id",
    )

    def __init__(
        self,
        *,
        prompt: str | None = None,
        prompt_v2: Mapping[str, Any] | str | None = None,
        response_format: Mapping[str, Any] | str | None = None,
        analysis_mode: str = AnalysisMode.GENERAL,
        max_tokens: int | str | None = None,
        min_segment_duration: float | str | None = None,
        max_segment_duration: float | str | None = None,
        custom_id: str | None = None,
        formats: Sequence[str] | str | None = None,
        analysis_task_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prompt = prompt
        self.prompt_v2 = prompt_v2
        self.response_format = response_format
        self.analysis_mode = analysis_mode
        self.max_tokens = max_tokens
        self.min_segment_duration = min_segment_duration
        self.max_segment_duration = max_segment_duration
        self.custom_id = custom_id
        self.formats = formats
        self.analysis_task_id = analysis_task_id

    def begin(self, context: Context) -> PendingJob | Result:
        """Check and ask; or attach to the task that is given."""
        if self.analysis_task_id:
            return self._attached(context, self.analysis_task_id)
        self._check_formats(mapping_of("response_format", self.response_format).get("type"))
        return super().begin(context)

    def request(self, context: Context, video: VideoSource, window: TimeRange, model: str) -> AnalysisRequest:
        """Read the arguments as templates left them."""
        return AnalysisRequest(
            video,
            mode=self._analysis_mode(),
            model=model,
            prompt=self.prompt or None,
            prompt_v2=mapping_of("prompt_v2", self.prompt_v2) or None,
            response_format=mapping_of("response_format", self.response_format) or None,
            max_tokens=_tokens(self.max_tokens),
            temperature=self.read_temperature(),
            start=window.start,
            end=window.end,
            min_segment_duration=optional_number("min_segment_duration", self.min_segment_duration),
            max_segment_duration=optional_number("max_segment_duration", self.max_segment_duration),
            custom_id=self.custom_id or None,
        )

    def asked(self) -> tuple[Any, ...]:
        """The video and the whole question."""
        question = (self.prompt, self.prompt_v2, self.response_format, self.analysis_mode, self.max_tokens)
        bounds = (self.min_segment_duration, self.max_segment_duration)
        return (*super().asked(), *question, *bounds, self.custom_id, self.analysis_task_id)

    def is_ours(self, pending: PendingJob) -> bool:
        """A task that was given by its id is somebody else's."""
        return super().is_ours(pending) and not self.analysis_task_id

    def publish(self, context: Context, answered: Answered) -> Result:
        """Write the answer in the form that was asked for."""
        wanted, text = answered.facts.get("format"), answered.generation.text
        if wanted is None:
            result = self.result(answered, preview=text[:LONGEST_PREVIEW], data=None)
            published = self._publish_one(context, answered, text, {"text": text}, result)
            return self.published(context, answered, published, result)
        try:
            answer = answered.generation.structured()
            data = answer.data
            rows = segments_of(data) if wanted == FormatType.SEGMENTS else None
        except TwelveLabsCutOffError:
            why = "the answer was cut off at its length limit: raise max_tokens, or ask for less"
            self.useless(context, answered, why)
        except TwelveLabsAnswerError as error:
            self.useless(context, answered, error)
        result = self.result(answered, preview=None, data=data if len(answer.text) <= LARGEST_DATA else None)
        if rows is None:
            published = self._publish_one(context, answered, data, {"data": data}, result)
        else:
            published = self._publish_rows(context, answered, data, rows, result)
        return self.published(context, answered, published, result)

    def is_plain(self, window: TimeRange) -> bool:
        """Every question is one of many."""
        return False

    def wanted_formats(self, facts: Facts) -> Sequence[str]:
        """Return the formats of segments, or of one answer."""
        wanted = facts.get("format")
        return self._row_formats() if wanted == FormatType.SEGMENTS else self._document_formats(wanted)

    def render(self, context: Context, saved: SavedResult, facts: Facts) -> Published | None:
        """Make the formats of the saved answer."""
        wanted, provenance = facts.get("format"), Provenance.of(context["ti"])
        plain = "txt" if wanted is None else "json"
        content, rows = saved.read(plain), saved.rows()
        if wanted == FormatType.SEGMENTS:
            data = None if content is None else json.loads(content)
            segments = segments_of(data) if data is not None else [segment_of(row) for row in rows or ()]
            unknown = data is None and (rows is None or Format.JSON in self._row_formats())
            formats = [Format(format) for format in kept_and(self._row_formats(), saved)]
            repeated = saved.facts(provenance)
            return None if unknown else self._write_rows(saved.place, segments, data, formats, repeated)
        if content is None and rows is None:
            return None
        if content is not None:
            answer: Any = content.decode("utf-8") if wanted is None else json.loads(content)
        else:
            answer = (rows or [{}])[0]["text" if wanted is None else "data"]
        row = {"text": answer} if wanted is None else {"data": answer}
        kinds = self._document_formats(wanted)
        return republish_document(self.output_path, saved, kinds, ANALYSIS, provenance, answer, row)

    def _publish_one(
        self, context: Context, answered: Answered, content: Any, row: Mapping[str, Any], result: Result
    ) -> Published:
        place, facts = self.place(answered.subject, answered.facts), self.manifest_facts(context, answered, result)
        formats = self._document_formats(answered.facts.get("format"))
        return publish_document(self.output_path, place, content, facts, formats=formats, schema=ANALYSIS, row=row)

    def _publish_rows(
        self, context: Context, answered: Answered, data: Any, rows: Sequence[Segment], result: Result
    ) -> Published:
        place, facts = self.place(answered.subject, answered.facts), self.manifest_facts(context, answered, result)
        return self._write_rows(place, rows, data, self._row_formats(), facts)

    def _write_rows(
        self, place: Place, rows: Sequence[Segment], data: Any, formats: Sequence[Format], facts: ManifestEntries
    ) -> Published:
        encoders = encoders_for(formats, ANALYSIS_SEGMENTS)
        if Format.JSON in encoders:
            encoders[Format.JSON] = _Whole(data)
        stale = (*Format, DocumentFormat.TXT)
        return publish_files(self.output_path, place, rows, encoders, facts, stale, ANALYSIS_SEGMENTS)

    def _check_formats(self, wanted: str | None) -> None:
        """Refuse formats that an answer of the form that is wanted cannot have."""
        if wanted == FormatType.SEGMENTS:
            self._row_formats()
        else:
            self._document_formats(wanted)

    def _row_formats(self) -> tuple[Format, ...]:
        return Format.parse_all(texts_of("formats", self.formats) or (Format.JSONL, Format.JSON))

    def _document_formats(self, wanted: str | None) -> tuple[DocumentFormat, ...]:
        plain = DocumentFormat.TXT if wanted is None else DocumentFormat.JSON
        return document_formats(texts_of("formats", self.formats), plain)

    def _attached(self, context: Context, task_id: str) -> PendingJob:
        """Return a task of somebody else as the job to wait for, with what it says about itself."""
        required(self, output_path=self.output_path)
        check_output(self.output_path)
        task = self.hook.execute(self.hook.api.read_analysis_task(task_id))
        source, asked = task.raw.get("video_source") or {}, task.raw.get("request_params") or {}
        asset_id, uri = source.get("asset_id"), redact_url(self.source_uri or source.get("url") or "")
        subject = Subject("assets", asset_id or task.id, asset_id=asset_id, duration=task.duration, uri=uri or None)
        facts: dict[str, Any] = {
            "mode": Mode.ASYNC.value,
            "model": task.model,
            "format": (asked.get("response_format") or {}).get("type"),
            "definitions": definitions_in(asked.get("response_format")),
            "window": [asked.get("start_time"), asked.get("end_time")],
            "options": {"analysis_mode": asked.get("analysis_mode")},
            "stem": stem_with(self.result_kind, task.id[-_DIGITS:]),
        }
        self._check_formats(facts["format"])
        return self.pending(context, JobRef(JobKind.ANALYSIS_TASK, task.id), subject=subject.as_json(), facts=facts)

    def _analysis_mode(self) -> AnalysisMode:
        try:
            return AnalysisMode(self.analysis_mode)
        except ValueError:
            known = ", ".join(AnalysisMode)
            raise TwelveLabsInputError(f"analysis_mode={self.analysis_mode!r} is not one of {known}") from None


class _Whole(Encoder[Any]):
    """A file that holds the answer as it is, whatever rows there are."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def header(self) -> bytes:
        return json_text(self._data) + b"\n"

    def row(self, row: Any) -> bytes:
        return b""


def _tokens(value: int | str | None) -> int | str | None:
    """Read the argument, which a template may have turned into text."""
    text = "" if value is None else str(value).strip()
    if text in ("", "None"):
        return None
    if text == UNLIMITED:
        return UNLIMITED
    try:
        return int(text)
    except ValueError:
        raise TwelveLabsInputError(f"max_tokens={value!r} must be a whole number, or {UNLIMITED!r}") from None
