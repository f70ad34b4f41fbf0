"""Extraction of answers of a model: summaries, chapters and the like, and analyses by a prompt."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from twelvelabs_provider.api.analysis.generation import Generation, generation_of_task
from twelvelabs_provider.api.analysis.request import (
    INDEX_ENGINE,
    AnalysisMode,
    AnalysisRequest,
    SourceKind,
    VideoSource,
)
from twelvelabs_provider.api.analysis.response_format import FormatType, segments_of
from twelvelabs_provider.api.analysis.summaries import Summary, SummaryKind, summary_of, summary_request
from twelvelabs_provider.api.call import ensure_supported
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import AnalysisTask
from twelvelabs_provider.exceptions import TwelveLabsOutputError
from twelvelabs_provider.inputs.analyzed_video import Subject
from twelvelabs_provider.inputs.indexed_videos import IndexedVideo
from twelvelabs_provider.jobs.bulk_extraction.extraction import (
    WHOLE,
    Extracted,
    Extraction,
    Publisher,
    asset_id_of,
    extracted_of,
    found_of,
    ids_of,
    unusable_answer,
)
from twelvelabs_provider.jobs.cost import Bill, analysis_bill, definitions_in
from twelvelabs_provider.jobs.result_deduplication import stem_with
from twelvelabs_provider.results.analyses import AnalysisFiles
from twelvelabs_provider.results.answered import (
    Answered,
    Facts,
    Mode,
    ensure_valid,
    facts_of,
    question_of,
    question_of_summary,
)
from twelvelabs_provider.results.summaries import SummaryFiles
from twelvelabs_provider.storage.failed_answers import forget_aside
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import Published, ResultFacts
from twelvelabs_provider.storage.published_results import SavedResult

log = logging.getLogger(__name__)
ANALYSIS = "analysis"


class AnalysisExtraction(Extraction):
    """Answers of a model: summaries, chapters and the like, and analyses by the user's own prompt.

    On v1.3 an analysis task answers. The older generations answer in one request about the indexed video, and do not
    keep the answer.
    """

    is_billed = True

    @property
    def runs_as_task(self) -> bool:
        """Whether the generation has analysis tasks."""
        return self._publisher.by_asset

    def bill(self, video: IndexedVideo) -> Bill:
        """Return the minutes of the video, once for each segment definition."""
        return analysis_bill(WHOLE, video.duration, definitions_in(self._asked(video).response_format))

    def request(self, video: IndexedVideo) -> AnalysisRequest:
        """Return the question about a video."""
        return self._asked(video)

    def find_published(self, video: IndexedVideo) -> Extracted | None:
        """Return the published answer to the same question."""
        question = self._question(video)
        place, formats = self._place(video, question), self._wanted_formats()
        return found_of(self._publisher.deduplicator(question).find(place, formats, self._render))

    def read(self, video: IndexedVideo) -> Extracted:
        """Ask in one billed request and publish the answer."""
        hook, request = self._publisher.hook, self._asked(video)
        generation = hook.execute(hook.api.analyze(request))
        return self._publish(video, generation, facts_of(request, Mode.SYNC), self._content)

    def collect(self, video: IndexedVideo, task: AnalysisTask) -> Extracted:
        """Publish the answer of a task."""
        known = replace(video, duration=task.duration or video.duration)
        facts = {**facts_of(self._asked(video), Mode.ASYNC), "analysis_task_id": task.id}
        return self._publish(known, generation_of_task(task), facts, self._content)

    def _publish(
        self, video: IndexedVideo, generation: Generation, facts: Facts, content: Callable[[Generation], Any]
    ) -> Extracted:
        publisher, question, (index_id, video_id) = self._publisher, self._question(video), ids_of(video)
        subject = Subject(index_id, video_id, index_id, video_id, video.asset_id, video.duration, video.uri)
        answered = Answered(subject, generation, WHOLE, {**facts, "question": question})
        place = self._place(video, question)
        try:
            found = content(generation)
        except TwelveLabsAnswerError as error:
            raise unusable_answer(publisher, place, generation, error, answered.bill()) from None
        try:
            published = self._publish_content(place, found, answered)
        except TwelveLabsOutputError:
            if not self.runs_as_task:
                # The service does not keep this answer.
                log.error("Cannot write the billed answer about %s: %s", video.name, generation.text)
            raise
        forget_aside(publisher.output, place)
        if generation.warning:
            log.warning("The answer about %s has a warning: %s", video.name, generation.warning)
        return replace(extracted_of(published), bill=answered.bill())

    def _facts(self, answered: Answered, **more: Any) -> ResultFacts:
        result = {"kind": self.kind, **answered.as_result(), **more}
        answer = self._publisher.deduplicator(answered.facts["question"]).answer(result)
        return answered.table_facts(self._publisher.provenance, answer)

    def _source(self, video: IndexedVideo) -> VideoSource:
        if self._publisher.by_asset:
            return VideoSource(SourceKind.ASSET, asset_id_of(video))
        return VideoSource(SourceKind.INDEXED, ids_of(video)[1])

    def _question(self, video: IndexedVideo) -> str:
        return question_of(self._publisher.hook.endpoint, self.kind, self._asked(video))

    @abstractmethod
    def _asked(self, video: IndexedVideo) -> AnalysisRequest: ...

    @abstractmethod
    def _place(self, video: IndexedVideo, question: str) -> ResultPath: ...

    @abstractmethod
    def _wanted_formats(self) -> Sequence[str]: ...

    @abstractmethod
    def _render(self, saved: SavedResult) -> Published | None: ...

    @abstractmethod
    def _content(self, generation: Generation) -> Any:
        """Return what an answer holds.

        :raises TwelveLabsAnswerError: it is not what was asked for.
        """

    @abstractmethod
    def _publish_content(self, place: ResultPath, content: Any, answered: Answered) -> Published: ...


class SummaryExtraction(AnalysisExtraction):
    """A summary, chapters, highlights, a title, topics, hashtags, or a gist."""

    def check(self) -> None:
        """Check the formats, and that the generation has an endpoint or analysis tasks."""
        self._files.formats()
        if not self.runs_as_task:
            hook = self._publisher.hook
            ensure_supported(hook.api.summarize("", self._summary_kind), hook.endpoint.version)

    def read(self, video: IndexedVideo) -> Extracted:
        """Ask the endpoint of the older generations."""
        hook = self._publisher.hook
        summary = hook.execute(hook.api.summarize(ids_of(video)[1], self._summary_kind))
        facts = {"mode": Mode.SYNC.value, "options": {"prompt": None}}
        return self._publish(video, summary.generation, facts, lambda _: summary)

    @property
    def _summary_kind(self) -> SummaryKind:
        return SummaryKind(self.kind)

    @property
    def _files(self) -> SummaryFiles:
        publisher = self._publisher
        return SummaryFiles(publisher.output, self._summary_kind, publisher.formats.get(self.kind))

    def _asked(self, video: IndexedVideo) -> AnalysisRequest:
        return summary_request(self._summary_kind, self._source(video))

    def _question(self, video: IndexedVideo) -> str:
        if self._publisher.by_asset:
            return super()._question(video)
        return question_of_summary(self._publisher.hook.endpoint, self.kind, ids_of(video)[1])

    def _place(self, video: IndexedVideo, question: str) -> ResultPath:
        return ResultPath(ids_of(video), self.kind, self.kind)

    def _wanted_formats(self) -> Sequence[str]:
        return self._files.formats()

    def _render(self, saved: SavedResult) -> Published | None:
        return self._files.republish(saved, self._publisher.provenance)

    def _content(self, generation: Generation) -> Summary:
        return summary_of(self._summary_kind, generation)

    def _publish_content(self, place: ResultPath, content: Summary, answered: Answered) -> Published:
        data = None if content.kind.timed else content.document()
        return self._files.publish(place, content, self._facts(answered, data=data))


class PromptExtraction(AnalysisExtraction):
    """An analysis by the user's own prompt."""

    def __init__(
        self,
        publisher: Publisher,
        prompt: str | None,
        response_format: Mapping[str, Any] | None,
        model: str | None,
    ) -> None:
        super().__init__(ANALYSIS, publisher)
        self._prompt = prompt
        self._response_format = response_format
        self._model = model

    def check(self) -> None:
        """Check the formats and the question."""
        self._files.formats()
        example = VideoSource(SourceKind.ASSET if self._publisher.by_asset else SourceKind.INDEXED, "")
        request = self._about(example)
        ensure_valid(request, Mode.ASYNC if self.runs_as_task else Mode.SYNC)
        if not self.runs_as_task:
            hook = self._publisher.hook
            ensure_supported(hook.api.analyze(request), hook.endpoint.version)

    @property
    def _files(self) -> AnalysisFiles:
        publisher, format = self._publisher, (self._response_format or {}).get("type")
        return AnalysisFiles(publisher.output, format, tuple(publisher.formats.get(ANALYSIS) or ()))

    def _asked(self, video: IndexedVideo) -> AnalysisRequest:
        return self._about(self._source(video))

    def _about(self, source: VideoSource) -> AnalysisRequest:
        segments = (self._response_format or {}).get("type") == FormatType.SEGMENTS
        request = AnalysisRequest(
            source,
            mode=AnalysisMode.TIME_BASED_METADATA if segments else AnalysisMode.GENERAL,
            prompt=self._prompt,
            response_format=self._response_format,
        )
        model = self._model or (INDEX_ENGINE if source.kind is SourceKind.INDEXED else request.model)
        return replace(request, model=model)

    def _place(self, video: IndexedVideo, question: str) -> ResultPath:
        return ResultPath(ids_of(video), stem_with(ANALYSIS, question), ANALYSIS)

    def _wanted_formats(self) -> Sequence[str]:
        return self._files.formats()

    def _render(self, saved: SavedResult) -> Published | None:
        return self._files.republish(saved, self._publisher.provenance)

    def _content(self, generation: Generation) -> Any:
        return generation.text if self._response_format is None else generation.structured().data

    def _publish_content(self, place: ResultPath, content: Any, answered: Answered) -> Published:
        files = self._files
        segments = segments_of(content) if files.response_format == FormatType.SEGMENTS else None
        return files.publish(place, content, segments, self._facts(answered, data=None))
