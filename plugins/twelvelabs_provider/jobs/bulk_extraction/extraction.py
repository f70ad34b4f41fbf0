"""One kind of result of any video: how it is asked for, read and published.

A result lies where the operator for one video publishes it, and answers the same question, so that both reuse each
other's results.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.generation import Generation
from twelvelabs_provider.api.analysis.request import (
    AnalysisRequest,
)
from twelvelabs_provider.api.models import AnalysisTask
from twelvelabs_provider.api.resources import IndexingRoute
from twelvelabs_provider.exceptions import TwelveLabsUnusableAnswerError
from twelvelabs_provider.inputs.analyzed_video import without_asset
from twelvelabs_provider.inputs.indexed_videos import IndexedVideo
from twelvelabs_provider.jobs.billed_answer import keep_incomplete
from twelvelabs_provider.jobs.cost import Bill
from twelvelabs_provider.jobs.deduplication import asset_of
from twelvelabs_provider.jobs.identity import Identity
from twelvelabs_provider.jobs.result_deduplication import Deduplicator
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.storage.failed_answers import RAW
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import Provenance, Published

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook


WHOLE = TimeRange(None, None)


class UnusableAnswerError(TwelveLabsUnusableAnswerError):
    """A billed answer is not what was asked for.

    :param bill: what it billed.
    """

    def __init__(self, message: str, bill: Bill) -> None:
        super().__init__(message)
        self.bill = bill


@dataclass(frozen=True)
class Extracted:
    """One published result.

    :param bill: what it billed; None for a free or reused one.
    """

    manifest: str
    rows: int
    bill: Bill | None = None


@dataclass(frozen=True)
class Publisher:
    """What all kinds need to publish.

    :param output: local path or object storage URI.
    :param formats: of each kind; a kind without an entry has its default.
    :param identity: of the task instance; it becomes part of the manifest of billed results.
    """

    hook: TwelveLabsHook
    output: str
    formats: Mapping[str, Sequence[str]]
    if_published: str
    provenance: Provenance
    identity: Identity

    def deduplicator(self, question: str) -> Deduplicator:
        """Return the deduplication of one billed result."""
        request = replace(self.identity, asked=question).key()
        return Deduplicator(self.output, question, self.if_published, request)

    @property
    def by_asset(self) -> bool:
        """Whether analyses are about assets, not about indexed videos."""
        return self.hook.api.indexing_route() is IndexingRoute.ASSET


class Extraction(ABC):
    """One kind of result of any video."""

    def __init__(self, kind: str, publisher: Publisher) -> None:
        self.kind = kind
        self._publisher = publisher

    @abstractmethod
    def check(self) -> None:
        """Check formats and question before any request.

        :raises TwelveLabsInputError: one of them is invalid.
        """

    @abstractmethod
    def find_published(self, video: IndexedVideo) -> Extracted | None:
        """Return the published result of the same question, if this task may reuse it."""

    is_billed = False
    """Whether the request for it is billed."""

    def bill(self, video: IndexedVideo) -> Bill | None:
        """Return what the result bills; None if it is free."""
        return None

    @property
    def runs_as_task(self) -> bool:
        """Whether the service answers by an analysis task, which is waited for."""
        return False

    @abstractmethod
    def read(self, video: IndexedVideo) -> Extracted:
        """Ask in one request and publish the answer."""

    def request(self, video: IndexedVideo) -> AnalysisRequest:
        """Return the request of the analysis task."""
        raise NotImplementedError

    def collect(self, video: IndexedVideo, task: AnalysisTask) -> Extracted:
        """Publish the answer of a finished analysis task."""
        raise NotImplementedError


def located(hook: TwelveLabsHook, video: IndexedVideo) -> IndexedVideo:
    """Return a video with its asset and its length, which a free request reads where they are unknown.

    :raises TwelveLabsInputError: analyses need the asset of a video, and it cannot be found.
    """
    by_asset = hook.api.indexing_route() is IndexingRoute.ASSET
    if video.duration is not None and (video.asset_id or not by_asset):
        return video
    index_id, video_id = ids_of(video)
    found = hook.execute(hook.api.read_video(index_id, video_id))
    asset_id = video.asset_id or (asset_of(hook, found) if by_asset else found.asset_id)
    if by_asset and not asset_id:
        raise without_asset(index_id, video_id)
    return replace(video, asset_id=asset_id, duration=found.duration or video.duration)


def ids_of(video: IndexedVideo) -> tuple[str, str]:
    return str(video.index_id), str(video.video_id)


def asset_id_of(video: IndexedVideo) -> str:
    if not video.asset_id:
        raise without_asset(*ids_of(video))
    return video.asset_id


def extracted_of(published: Published) -> Extracted:
    return Extracted(published.manifest_uri, published.rows)


def found_of(result: Mapping[str, Any] | None) -> Extracted | None:
    return None if result is None else Extracted(result["manifest"], result["rows"])


def unusable_answer(
    publisher: Publisher, place: ResultPath, generation: Generation, error: Exception, bill: Bill
) -> UnusableAnswerError:
    kept = keep_incomplete(publisher.output, place, RAW, generation.text, None)
    return UnusableAnswerError(f"{error}.{kept} Another request is billed again", bill)
