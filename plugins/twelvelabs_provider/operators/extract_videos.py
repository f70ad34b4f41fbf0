"""Operator that publishes the results of many indexed videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from twelvelabs_provider.api.analysis.summaries import SummaryKind
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.policies import IfPublished
from twelvelabs_provider.inputs.typed_arguments import choices_of, mapping_of, optional_text, texts_of
from twelvelabs_provider.jobs.identity import Identity, fingerprint
from twelvelabs_provider.jobs.task_state import origin_in
from twelvelabs_provider.operators.billing import count_bill
from twelvelabs_provider.operators.bulk import TwelveLabsBulkOperator
from twelvelabs_provider.storage.layout import ResultKind, ResultPath
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.task import BILLED_COLOR, COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.inputs.indexed_videos import IndexedVideo
    from twelvelabs_provider.jobs.bulk_extraction.extraction import Extraction
    from twelvelabs_provider.jobs.bulk_extraction.pipeline import ExtractionPipeline
    from twelvelabs_provider.results.bulk_outcome import BulkOutcome

ANALYSIS = "analysis"
OUTCOMES = "_extracted"
"""Folder of the outcomes below the output path."""
KINDS = (ResultKind.TRANSCRIPTION.value, ResultKind.TEXT_IN_VIDEO.value, *map(str, SummaryKind), ANALYSIS)
"""Kinds of results that can be extracted."""


class TwelveLabsExtractVideosOperator(TwelveLabsBulkOperator["ExtractionPipeline"]):
    """Publishes the results of many indexed videos in one task: transcriptions, on-screen text, chapters and the like.

    The files are those of :class:`TwelveLabsExtractTranscriptionOperator`,
    :class:`TwelveLabsExtractTextInVideoOperator`, :class:`TwelveLabsSummarizeVideoOperator` and
    :class:`TwelveLabsAnalyzeVideoOperator`, in the same places, and both reuse each other's results. A failed video
    does not stop the others. The outcome, below ``{output_path}/_extracted``, has a row per video. A checkpoint beside
    it lets a retry continue: nothing is requested or billed twice. For instance::

        indexed = TwelveLabsIndexVideosOperator.partial(...).expand(videos=discover.output)
        TwelveLabsExtractVideosOperator.partial(
            task_id="extract", kinds=["transcription", "chapters"], output_path=...
        ).expand(videos=indexed.output)

    The transcription is free on every API version, and the on-screen text on v1.1 and v1.2. On v1.3 an analysis task
    generates the on-screen text, and analysis tasks answer all other kinds; they are billed. The older versions answer
    these in one request each and do not keep the answer.

    Service pages: https://docs.twelvelabs.io/api-reference/videos/retrieve and
    https://docs.twelvelabs.io/api-reference/analyze-videos/create-async-analysis-task

    :param videos: what :class:`TwelveLabsIndexVideosOperator` or :class:`TwelveLabsIndexVideoOperator` returned, the
        URI of an outcome file (``.jsonl``, with the connection as user), ids of videos, rows with ``video_id``, or a
        list of these or its JSON text; up to 5,000 videos. Videos that were not indexed are skipped (templated).
    :param kinds: any of ``transcription``, ``text_in_video``, ``summary``, ``chapters``, ``highlights``, ``titles``,
        ``topics``, ``hashtags``, ``gist``, ``analysis``; a list, its JSON text, or one (templated).
    :param output_path: local path or URI of object storage for the results (templated).
    :param formats: a list for all kinds, of which each kind takes those that it can have, or a mapping of kinds to
        lists. Kinds with times can have ``jsonl`` (the default), ``json``, ``srt``, ``vtt``, ``parquet``; the others
        ``json`` (the default), ``jsonl``, ``parquet``; an analysis without ``response_format`` ``txt`` (the default),
        ``jsonl``, ``parquet`` (templated).
    :param prompt: question of the kind ``analysis`` (templated).
    :param response_format: the service's object for the kind ``analysis``: ``type`` ``json_schema`` or
        ``segment_definitions`` (templated).
    :param model_name: of the kind ``analysis``; None uses ``pegasus1.5`` (templated).
    :param index_id: index of the videos whose rows name none (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param if_published: ``skip`` leaves results that are published for the same question, at no cost, and renders
        missing formats from their files; ``replace`` extracts them again, which may be billed.
    :param max_concurrent: analysis tasks that run at once, 1 to 100 (templated).
    :param max_billable_minutes: minutes that the task may have billed; more is refused before anything is submitted.
        None sets no limit (templated).
    :param resubmit_lost: on v1.1 and v1.2 an answer that is lost may have been billed, and the service does not keep
        it: that video fails unless this is True, which lets a retry ask, and pay, again.
    :return: ``videos``, ``published``, ``reused``, ``failed``, ``not_indexed`` (numbers of videos), ``minutes``
        (billed), ``outcome`` (URI of a ``.jsonl`` file with ``uri``, ``outcome``, ``index_id``, ``video_id``,
        ``results``, ``reason`` and ``minutes`` of each video, in the order given) and ``manifest`` (URI), both with the
        connection as user.
    :raises TwelveLabsInputError: an argument is invalid, or the work would bill too much; raised before any billed
        request.
    """

    chained_fields = ("outcome", "manifest")
    template_fields: Sequence[str] = (
        *COMMON_FIELDS, "videos", "kinds", "output_path", "formats", "prompt", "response_format", "model_name",
        "index_id", "index_name", "max_concurrent", "max_failed", "max_billable_minutes",
    )  # fmt: skip
    ui_color = BILLED_COLOR

    def __init__(
        self,
        *,
        videos: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]],
        kinds: Sequence[str] | str,
        output_path: str,
        formats: Sequence[str] | Mapping[str, Sequence[str]] | str | None = None,
        prompt: str | None = None,
        response_format: Mapping[str, Any] | str | None = None,
        model_name: str | None = None,
        index_id: str | None = None,
        index_name: str | None = None,
        if_published: Literal["skip", "replace"] = "skip",
        max_concurrent: int | str = 5,
        max_billable_minutes: float | str | None = None,
        resubmit_lost: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.videos = videos
        self.kinds = kinds
        self.output_path = output_path
        self.formats = formats
        self.prompt = prompt
        self.response_format = response_format
        self.model_name = model_name
        self.index_id = index_id
        self.index_name = index_name
        self.if_published = IfPublished.parse(if_published)
        self.max_concurrent = max_concurrent
        self.max_billable_minutes = max_billable_minutes
        self.resubmit_lost = resubmit_lost
        self._given: Sequence[IndexedVideo] = ()

    def run_operator(self, context: Context) -> dict[str, Any]:
        """Start, or continue what an earlier attempt started; then extract all results."""
        from twelvelabs_provider.inputs.video_sources import allowed_failures
        from twelvelabs_provider.jobs.bulk_extraction.preflight import preflight
        from twelvelabs_provider.storage.publish import check_output

        required(self, videos=self.videos, kinds=self.kinds, output_path=self.output_path)
        self._wanted_kinds()
        allowed_failures(self.max_failed, 0)
        self._given = self._videos()
        check_output(self.output_path)
        work = self._start_work(context)
        work.checkpoint.begin(work.state)
        preflight(work)
        return self.process(context, work)

    def resume(self, context: Context) -> dict[str, Any]:
        """Continue from the checkpoint after a wait."""
        from twelvelabs_provider.jobs.bulk_extraction.preflight import preflight

        self._given = self._videos()
        work = self._start_work(context, resumed=True)
        preflight(work)
        return self.process(context, work)

    def publish_outcome(self, context: Context, work: ExtractionPipeline) -> BulkOutcome:
        """Publish the outcome of every video."""
        from twelvelabs_provider.results.extraction_outcome import publish_extraction_outcome

        place, provenance = self._place(context), Provenance.of(context["ti"])
        return publish_extraction_outcome(
            self._outcomes(), place, provenance, work.state, self._given, self._wanted_kinds()
        )

    def on_kill(self) -> None:
        """Log that the analyses continue."""
        from twelvelabs_provider.jobs.bulk_extraction.state import Stage

        if self._work is not None and (running := self._work.state.at(Stage.RUNNING)):
            self.log.warning("%d analyses continue; a retry or a clear attaches to them", len(running))

    def _wanted_kinds(self) -> tuple[str, ...]:
        kinds = tuple(dict.fromkeys(choices_of("kinds", self.kinds, KINDS)))
        if (
            ANALYSIS in kinds
            and optional_text(self.prompt) is None
            and not mapping_of("response_format", self.response_format)
        ):
            raise TwelveLabsInputError("kinds has 'analysis': give its question as prompt, or a response_format")
        return kinds

    def _formats(self, kinds: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the formats of each kind; of a list for all kinds, each takes those that it can have."""
        given = self.formats
        if (isinstance(given, str) and given.lstrip().startswith("{")) or isinstance(given, Mapping):
            by_kind = {
                kind: texts_of(f"formats[{kind!r}]", value) for kind, value in mapping_of("formats", given).items()
            }
            if unknown := [kind for kind in by_kind if kind not in kinds]:
                raise TwelveLabsInputError(f"formats has {unknown[0]!r}, which is not among kinds ({', '.join(kinds)})")
            return by_kind
        from twelvelabs_provider.jobs.bulk_extraction.kinds import formats_by_kind

        question = mapping_of("response_format", self.response_format) or None
        return formats_by_kind(kinds, texts_of("formats", given), question)

    def _videos(self) -> list[IndexedVideo]:
        """Return the videos, each with its index."""
        from dataclasses import replace

        from twelvelabs_provider.inputs.indexed_videos import indexed_videos_of
        from twelvelabs_provider.jobs.index_resolution import resolve_index

        videos = indexed_videos_of(self.videos)
        nameless = [video for video in videos if video.video_id and not video.index_id]
        if not nameless:
            return videos
        if optional_text(self.index_id) is None and optional_text(self.index_name) is None:
            raise TwelveLabsInputError(
                f"Index of video {nameless[0].video_id} is unknown: give index_id or index_name, or rows with index_id"
            )
        index_id = resolve_index(self.hook, self.index_id, self.index_name)
        return [video if video.index_id else replace(video, index_id=index_id) for video in videos]

    def _start_work(self, context: Context, *, resumed: bool = False) -> ExtractionPipeline:
        from functools import partial

        from twelvelabs_provider.inputs.cost_limit import limit_from
        from twelvelabs_provider.inputs.video_sources import concurrency_of
        from twelvelabs_provider.jobs.bulk_extraction.pipeline import ExtractionPipeline
        from twelvelabs_provider.jobs.bulk_extraction.state import ExtractionState
        from twelvelabs_provider.jobs.bulk_extraction.steps import Steps, items_of
        from twelvelabs_provider.jobs.checkpoint import Checkpoint

        identity = self._identity(context)
        extractions = self._extractions(context, identity)
        stem = self.checkpoint_stem(self._place(context).stem, identity)
        checkpoint = Checkpoint(self._outcomes(), stem, ExtractionState)
        state = checkpoint.read()
        items, count = items_of(self._given, extractions), partial(count_bill, self)
        self._work = ExtractionPipeline(
            self.hook,
            Steps(self.hook, items, identity, self.resubmit_lost, count),
            checkpoint,
            self.required_state(state) if resumed else self.attempt_state(context, identity, state, ExtractionState),
            concurrency_of(self.max_concurrent),
            limit_from(self.max_billable_minutes),
        )
        return self._work

    def _extractions(self, context: Context, identity: Identity) -> list[Extraction]:
        """Return the kinds of results, checked before any billed request."""
        from twelvelabs_provider.jobs.bulk_extraction.extraction import Publisher
        from twelvelabs_provider.jobs.bulk_extraction.kinds import extraction_of

        kinds = self._wanted_kinds()
        provenance = Provenance.of(context["ti"])
        publisher = Publisher(
            self.hook, self.output_path, self._formats(kinds), self.if_published, provenance, identity
        )
        question = (optional_text(self.prompt), mapping_of("response_format", self.response_format) or None)
        found = [extraction_of(kind, publisher, *question, optional_text(self.model_name)) for kind in kinds]
        for extraction in found:
            extraction.check()
        return found

    def _place(self, context: Context) -> ResultPath:
        return ResultPath(("outcomes",), self.outcome_name(context), "extraction_outcome")

    def _outcomes(self) -> str:
        """Return the output path of outcomes, apart from the results, so that their catalogs are apart too."""
        return f"{self.output_path.rstrip('/')}/{OUTCOMES}"

    def _identity(self, context: Context) -> Identity:
        kinds, formats = self._wanted_kinds(), str(self.response_format)
        asked = fingerprint(type(self).__name__, self.twelvelabs_conn_id, kinds, self.prompt, formats, self.model_name)
        store: Any = context.get("task_state_store")
        return Identity.of(cast(Mapping[str, Any], context), asked, origin_in(store))
