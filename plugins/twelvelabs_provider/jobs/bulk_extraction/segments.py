"""Extraction of segments: the transcription and the on-screen text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.generation import generation_of_task
from twelvelabs_provider.api.analysis.request import (
    AnalysisRequest,
    on_screen_text_from,
    on_screen_text_request,
)
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import AnalysisTask, Segment
from twelvelabs_provider.inputs.indexed_videos import IndexedVideo
from twelvelabs_provider.inputs.policies import IfPublished
from twelvelabs_provider.jobs.bulk_extraction.extraction import (
    WHOLE,
    Extracted,
    Extraction,
    asset_id_of,
    extracted_of,
    found_of,
    ids_of,
    unusable_answer,
)
from twelvelabs_provider.jobs.cost import Bill, analysis_bill
from twelvelabs_provider.results.answered import question_of
from twelvelabs_provider.results.kinds import SEGMENTS
from twelvelabs_provider.storage.failed_answers import forget_aside
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultKind, ResultPath
from twelvelabs_provider.storage.manifest import Origin, Published, ResultFacts
from twelvelabs_provider.storage.publish import publish_segments
from twelvelabs_provider.storage.published_results import SavedResult, find_saved
from twelvelabs_provider.storage.republish import republish_segments

if TYPE_CHECKING:
    pass


class SegmentExtraction(Extraction):
    """Segments that the service reads by a free request: the transcription, and the on-screen text of v1.1 and v1.2."""

    def check(self) -> None:
        """Check the formats."""
        self._formats()

    def find_published(self, video: IndexedVideo) -> Extracted | None:
        """Return the published segments, with missing formats rendered."""
        publisher = self._publisher
        if publisher.if_published != IfPublished.SKIP:
            return None
        saved = find_saved(publisher.output, self._place(video))
        if saved is None:
            return None
        formats = self._formats()
        if saved.has(formats):
            return extracted_of(saved.announce(formats))
        republished = republish_segments(publisher.output, saved, formats, SEGMENTS[self.kind], publisher.provenance)
        return None if republished is None else extracted_of(republished)

    def read(self, video: IndexedVideo) -> Extracted:
        """Read the segments and publish them."""
        hook, (index_id, video_id) = self._publisher.hook, ids_of(video)
        if self.kind == ResultKind.TRANSCRIPTION:
            return self._publish(video, hook.execute(hook.api.transcription(index_id, video_id)), Origin.SERVICE)
        return self._publish(video, hook.execute(hook.api.text_in_video(index_id, video_id)), Origin.OCR)

    def _publish(self, video: IndexedVideo, rows: Sequence[Segment], origin: Origin, **facts: Any) -> Extracted:
        publisher = self._publisher
        published = publish_segments(
            publisher.output,
            self._place(video),
            rows,
            self._formats(),
            ResultFacts(
                publisher.provenance,
                origin,
                source_uri=video.uri,
                index_id=video.index_id,
                video_id=video.video_id,
                asset_id=video.asset_id,
                duration=video.duration,
                window={"start": None, "end": None},
                **facts,
            ),
            SEGMENTS[self.kind],
        )
        return extracted_of(published)

    def _place(self, video: IndexedVideo) -> ResultPath:
        return ResultPath(ids_of(video), self.kind, self.kind)

    def _formats(self) -> tuple[Format, ...]:
        return Format.parse_all(self._publisher.formats.get(self.kind) or (Format.JSONL,))


class GeneratedTextExtraction(SegmentExtraction):
    """The on-screen text of v1.3, which an analysis task generates."""

    is_billed = True

    @property
    def runs_as_task(self) -> bool:
        """Return True."""
        return True

    def bill(self, video: IndexedVideo) -> Bill:
        """Return the minutes of the video."""
        return analysis_bill(WHOLE, video.duration)

    def request(self, video: IndexedVideo) -> AnalysisRequest:
        """Return the packaged question."""
        return on_screen_text_request(asset_id_of(video))

    def find_published(self, video: IndexedVideo) -> Extracted | None:
        """Return the published segments of the same question."""
        publisher, formats = self._publisher, self._formats()

        def render(saved: SavedResult) -> Published | None:
            return republish_segments(publisher.output, saved, formats, SEGMENTS[self.kind], publisher.provenance)

        deduplicator = publisher.deduplicator(self._question(video))
        return found_of(deduplicator.find(self._place(video), formats, render))

    def collect(self, video: IndexedVideo, task: AnalysisTask) -> Extracted:
        """Publish the segments in the answer."""
        generation = generation_of_task(task)
        usage = generation.usage
        bill = analysis_bill(WHOLE, task.duration or video.duration)
        bill = bill.with_tokens(usage.input_tokens, usage.output_tokens)
        try:
            rows = on_screen_text_from(generation.structured().text)
        except TwelveLabsAnswerError as error:
            raise unusable_answer(self._publisher, self._place(video), generation, error, bill) from None
        result = {"index_id": video.index_id, "video_id": video.video_id, "kind": self.kind, "origin": Origin.GENERATED}
        extracted = self._publish(
            video,
            rows,
            Origin.GENERATED,
            model=task.model,
            prompt_hash=self.request(video).question_hash(),
            billed=bill.as_json(),
            answer=self._publisher.deduplicator(self._question(video)).answer(result),
        )
        forget_aside(self._publisher.output, self._place(video))
        return replace(extracted, bill=bill)

    def _question(self, video: IndexedVideo) -> str:
        return question_of(self._publisher.hook.endpoint, self.kind, self.request(video))
