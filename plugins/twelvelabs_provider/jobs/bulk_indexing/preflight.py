"""Looking through a list of videos before anything is spent: which are there, which are indexed, what they bill."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.api.models import Video
from twelvelabs_provider.api.resources import IndexingRoute
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.bulk_indexing.lookup import assets_of_marks, videos_of_marks
from twelvelabs_provider.jobs.bulk_indexing.pipeline import IndexingPipeline, length_unknown
from twelvelabs_provider.jobs.bulk_indexing.state import Stage, VideoState, digest_of
from twelvelabs_provider.jobs.bulk_indexing.steps import Looked
from twelvelabs_provider.jobs.cost import Bill, BilledKind, must_be_allowed
from twelvelabs_provider.jobs.deduplication import IfIndexed, find_video, job_of
from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.jobs.kinds import phase_of
from twelvelabs_provider.storage.locations import display_uri
from twelvelabs_provider.version_compat import AirflowFailException

log = logging.getLogger(__name__)


def survey(work: IndexingPipeline, policy: IfIndexed) -> None:
    """Look for the videos that nothing is known of, take what is there already, and make sure of what the rest bills.

    :raises TwelveLabsInputError: the rest would bill more than is allowed; nothing was submitted.
    """
    new = [key for key in work.videos if key not in work.book.entries]
    looked = _looked_for(work, new, policy)
    if policy is not IfIndexed.REINDEX and looked:
        _take_videos(work, looked, policy)
        rest = {key: one for key, one in looked.items() if key not in work.book.entries}
        if rest and work.hook.api.indexing_route() is IndexingRoute.ASSET:
            _take_assets(work, rest)
    _guard(work, policy)
    work.book.surveyed = digest_of(work.videos)


def surveyed_late(work: IndexingPipeline, key: str) -> VideoState | None:
    """Return the entry of a video that could not be read in the survey and is in the index already.

    :raises TwelveLabsInputError: it cannot be used.
    """
    policy = IfIndexed(work.book.entries[key].unsurveyed or IfIndexed.REINDEX)
    if policy is IfIndexed.REINDEX:
        return None
    looked = work.steps.look(work.videos[key])
    video = find_video(work.hook, work.book.index_id, looked.mark)
    return _reused(work, looked, video, policy) if video else None


def _looked_for(work: IndexingPipeline, keys: Collection[str], policy: IfIndexed) -> Mapping[str, Looked]:
    """Return the videos that are there; those that are not have failed."""
    looked: dict[str, Looked] = {}
    for key, future in work.each(lambda key: work.steps.look(work.videos[key]), keys):
        error = future.exception()
        if error is None:
            looked[key] = future.result()
        elif isinstance(error, AirflowFailException):
            work.book.entries[key] = VideoState(display_uri(work.videos[key].uri), Stage.FAILED).failed(
                error, again=False
            )
        else:
            _put_off(work, key, error, policy)
    return looked


def _put_off(work: IndexingPipeline, key: str, error: BaseException, policy: IfIndexed) -> None:
    """Leave a video that cannot be read now to its turn; the error may pass, and the other videos do not wait for it.

    :raises TwelveLabsError: the error is not the video's.
    """
    if not isinstance(error, Exception) or isinstance(error, TwelveLabsError):
        raise error
    uri = display_uri(work.videos[key].uri)
    log.warning("%s cannot be read now (%s: %s); it is tried again later", uri, type(error).__name__, error)
    first = Stage.UPLOADING if work.hook.api.indexing_route() is IndexingRoute.ASSET else Stage.SENDING
    work.book.entries[key] = VideoState(uri, first, unsurveyed=policy.value)


def _take_videos(work: IndexingPipeline, looked: Mapping[str, Looked], policy: IfIndexed) -> None:
    marks = {one.mark for one in looked.values()}
    found = videos_of_marks(work.hook, work.book.index_id, marks)
    for key, one in looked.items():
        video = found.get(one.mark)
        if video is not None:
            work.book.entries[key] = _reused(work, one, video, policy)
    if found:
        log.info("%d videos are in index %s already: nothing is uploaded for them", len(found), work.book.index_id)


def _reused(work: IndexingPipeline, looked: Looked, video: Video, policy: IfIndexed) -> VideoState:
    index_id = work.book.index_id
    entry = VideoState(
        looked.source.uri, Stage.REUSED, asset_id=video.asset_id, video_id=video.id, duration=video.duration,
        mark=looked.mark, shared=True,
    )  # fmt: skip
    if policy is IfIndexed.FAIL:
        error = TwelveLabsInputError(f"index {index_id} has video {video.id} of the same content; if_indexed is 'fail'")
        return entry.failed(error, again=False)
    metadata = work.steps.metadata
    if not metadata.items() <= video.user_metadata.items():
        work.hook.execute(work.hook.api.update_video(index_id, video.id, user_metadata=metadata))
    if phase_of(video.status or "ready") is Phase.READY:
        return entry
    job = job_of(work.hook, index_id, video)
    return replace(entry, stage=Stage.RUNNING, job_id=job.id) if job else entry


def _take_assets(work: IndexingPipeline, looked: Mapping[str, Looked]) -> None:
    """Take assets of the same content that wait to be indexed, or are in another index."""
    found = assets_of_marks(work.hook, {one.mark for one in looked.values()})
    for key, one in looked.items():
        asset = found.get(one.mark)
        if asset is not None:
            work.book.entries[key] = VideoState(
                one.source.uri, Stage.ASSET, asset_id=asset.id, duration=asset.duration, mark=one.mark,
                size=one.source.size, borrowed=True,
            )  # fmt: skip
    if found:
        log.info("%d assets are of the same content: they are indexed only", len(found))


def _guard(work: IndexingPipeline, policy: IfIndexed) -> None:
    """Add up what all of it bills, as far as lengths are known, and refuse it where that is too much."""
    entries = work.book.entries
    minutes = sum(entry.minutes for entry in entries.values())
    prepared = [entry.duration for entry in work.book.of(Stage.ASSET).values()]
    to_come = [key for key in work.videos if key not in entries or _is_to_come(entries[key])]
    durations = prepared if work.limit is None else prepared + _durations(work, to_come, policy)
    minutes += sum(duration / 60 for duration in durations if duration is not None)
    bill = Bill(BilledKind.INDEXING, round(minutes, 6))
    what = f"indexing {len(to_come) + len(prepared)} of {len(work.videos)} videos"
    must_be_allowed(bill, work.limit, what)
    work.book.minutes = minutes
    if work.limit is not None:
        log.info("%s will bill %s", what, bill)


def _is_to_come(entry: VideoState) -> bool:
    return entry.stage is Stage.UPLOADING and entry.unsurveyed is None


def _durations(work: IndexingPipeline, keys: Iterable[str], policy: IfIndexed) -> list[float | None]:
    """Return how long videos are; those that the service would not take are told of when it is their turn.

    Where an upload is indexed at once, a video of unknown length fails: nothing tells its length before it is billed.
    An asset tells its length before it is indexed.
    """
    found: list[float | None] = []
    late = work.hook.api.indexing_route() is IndexingRoute.ASSET
    for key, future in work.each(lambda key: work.steps.check(work.videos[key]).video.duration, list(keys)):
        error = future.exception()
        if error is None:
            found.append(future.result())
            if found[-1] is None and not late:
                entry = VideoState(display_uri(work.videos[key].uri), Stage.FAILED)
                work.book.entries[key] = entry.failed(length_unknown(), again=False)
        elif not isinstance(error, AirflowFailException):
            _put_off(work, key, error, policy)
    return found
