"""Preflight of bulk indexing: which videos exist, which are already indexed, and what the rest bills."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.api.jobs import phase_of
from twelvelabs_provider.api.models import Video
from twelvelabs_provider.api.resources import IndexingRoute
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.policies import IfIndexed
from twelvelabs_provider.jobs.bulk_indexing.lookup import assets_of_marks, videos_of_marks
from twelvelabs_provider.jobs.bulk_indexing.pipeline import IndexingPipeline
from twelvelabs_provider.jobs.bulk_indexing.state import Stage, VideoState
from twelvelabs_provider.jobs.bulk_indexing.steps import LocatedVideo
from twelvelabs_provider.jobs.bulk_state import digest_of
from twelvelabs_provider.jobs.cost import Bill, BilledKind, must_be_allowed, sentence, unknown_length
from twelvelabs_provider.jobs.deduplication import find_video, job_of
from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.version_compat import AirflowFailException

log = logging.getLogger(__name__)


def preflight(work: IndexingPipeline, policy: IfIndexed) -> None:
    """Locate the new videos, reuse what is indexed already, and check what the rest bills.

    :raises TwelveLabsInputError: the rest would bill more than is allowed; nothing was submitted.
    """
    new = [key for key in work.videos if key not in work.state.entries]
    located = _locate(work, new, policy)
    if policy is not IfIndexed.REINDEX and located:
        _reuse_videos(work, located, policy)
        rest = {key: one for key, one in located.items() if key not in work.state.entries}
        if rest and work.hook.api.indexing_route() is IndexingRoute.ASSET:
            _reuse_assets(work, rest)
    _check_bill(work, policy)
    work.state.preflight_digest = digest_of(work.videos)


def late_preflight(work: IndexingPipeline, key: str) -> VideoState | None:
    """Return the state of a video that could not be read in the preflight, if it is already indexed.

    :raises TwelveLabsInputError: the video does not exist or cannot be read.
    """
    policy = IfIndexed(work.state.entries[key].preflight_pending or IfIndexed.REINDEX)
    if policy is IfIndexed.REINDEX:
        return None
    located = work.steps.locate(work.videos[key])
    video = find_video(work.hook, work.state.index_id, located.mark)
    return _reused(work, located, video, policy) if video else None


def _locate(work: IndexingPipeline, keys: Collection[str], policy: IfIndexed) -> Mapping[str, LocatedVideo]:
    """Return the videos that exist; the others fail."""
    located: dict[str, LocatedVideo] = {}
    for key, future in work.run_each(lambda key: work.steps.locate(work.videos[key]), keys):
        error = future.exception()
        if error is None:
            located[key] = future.result()
        elif isinstance(error, AirflowFailException):
            work.state.entries[key] = VideoState(Location.parse(work.videos[key].uri).uri, Stage.FAILED).failed(
                error, again=False
            )
        else:
            _postpone(work, key, error, policy)
    return located


def _postpone(work: IndexingPipeline, key: str, error: BaseException, policy: IfIndexed) -> None:
    """Postpone the preflight of a video that cannot be read now.

    :raises TwelveLabsError: the error concerns the service, not the video.
    """
    if not isinstance(error, Exception) or isinstance(error, TwelveLabsError):
        raise error
    uri = Location.parse(work.videos[key].uri).uri
    log.warning("Could not read %s, trying again later: %s: %s", uri, type(error).__name__, error)
    first = Stage.UPLOADING if work.hook.api.indexing_route() is IndexingRoute.ASSET else Stage.SENDING
    work.state.entries[key] = VideoState(uri, first, preflight_pending=policy.value)


def _reuse_videos(work: IndexingPipeline, located: Mapping[str, LocatedVideo], policy: IfIndexed) -> None:
    marks = {one.mark for one in located.values()}
    found = videos_of_marks(work.hook, work.state.index_id, marks)
    for key, one in located.items():
        video = found.get(one.mark)
        if video is not None:
            work.state.entries[key] = _reused(work, one, video, policy)
    if found:
        log.info("%d videos are already in index %s", len(found), work.state.index_id)


def _reused(work: IndexingPipeline, located: LocatedVideo, video: Video, policy: IfIndexed) -> VideoState:
    index_id = work.state.index_id
    entry = VideoState(
        located.source.uri, Stage.REUSED, asset_id=video.asset_id, video_id=video.id, duration=video.duration,
        mark=located.mark, shared=True,
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


def _reuse_assets(work: IndexingPipeline, located: Mapping[str, LocatedVideo]) -> None:
    """Reuse assets of the same content that are not in this index."""
    found = assets_of_marks(work.hook, {one.mark for one in located.values()})
    for key, one in located.items():
        asset = found.get(one.mark)
        if asset is not None:
            work.state.entries[key] = VideoState(
                one.source.uri, Stage.ASSET, asset_id=asset.id, duration=asset.duration, mark=one.mark,
                size=one.source.size, borrowed=True,
            )  # fmt: skip
    if found:
        log.info("Reusing %d uploaded assets of the same content", len(found))


def _check_bill(work: IndexingPipeline, policy: IfIndexed) -> None:
    """Sum up what all videos bill, as far as their lengths are known, and refuse more than is allowed."""
    entries = work.state.entries
    minutes = sum(entry.minutes for entry in entries.values())
    prepared = [entry.duration for entry in work.state.at(Stage.ASSET).values()]
    to_come = [key for key in work.videos if key not in entries or _is_to_come(entries[key])]
    durations = prepared if work.limit is None else prepared + _durations(work, to_come, policy)
    minutes += sum(duration / 60 for duration in durations if duration is not None)
    bill = Bill(BilledKind.INDEXING, round(minutes, 6))
    what = f"indexing {len(to_come) + len(prepared)} of {len(work.videos)} videos"
    must_be_allowed(bill, work.limit, what)
    work.state.minutes = minutes
    if work.limit is not None:
        log.info("%s: %s", sentence(what), bill.rounded)


def _is_to_come(entry: VideoState) -> bool:
    return entry.stage is Stage.UPLOADING and entry.preflight_pending is None


def _durations(work: IndexingPipeline, keys: Iterable[str], policy: IfIndexed) -> list[float | None]:
    """Return the lengths of videos; invalid videos are skipped here and fail at their upload.

    Without assets an upload is indexed at once, so a video of unknown length fails. An asset has a length before it is
    indexed.
    """
    found: list[float | None] = []
    late = work.hook.api.indexing_route() is IndexingRoute.ASSET
    for key, future in work.run_each(lambda key: work.steps.check(work.videos[key]).video.duration, list(keys)):
        error = future.exception()
        if error is None:
            found.append(future.result())
            if found[-1] is None and not late:
                entry = VideoState(Location.parse(work.videos[key].uri).uri, Stage.FAILED)
                work.state.entries[key] = entry.failed(unknown_length(), again=False)
        elif not isinstance(error, AirflowFailException):
            _postpone(work, key, error, policy)
    return found
