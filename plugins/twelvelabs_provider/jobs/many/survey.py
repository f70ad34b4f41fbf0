"""Looking through a list of videos before anything is spent: which are there, which are indexed, what they bill."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace

from twelvelabs_provider.api.models import Video
from twelvelabs_provider.api.resources import IndexingRoute
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.cost import Bill, BilledKind, must_be_allowed
from twelvelabs_provider.jobs.indexed import IfIndexed, job_of
from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.jobs.kinds import phase_of
from twelvelabs_provider.jobs.many.book import Entry, Stage, digest_of
from twelvelabs_provider.jobs.many.lookup import assets_of_marks, videos_of_marks
from twelvelabs_provider.jobs.many.steps import Looked
from twelvelabs_provider.jobs.many.work import ManyVideos
from twelvelabs_provider.storage.locations import display_uri
from twelvelabs_provider.version_compat import AirflowFailException

log = logging.getLogger(__name__)


def survey(work: ManyVideos, policy: IfIndexed) -> None:
    """Look for the videos that nothing is known of, take what is there already, and make sure of what the rest bills.

    :raises TwelveLabsInputError: the rest would bill more than is allowed; nothing was submitted.
    """
    new = [key for key in work.videos if key not in work.book.entries]
    looked = _looked_for(work, new)
    if policy is not IfIndexed.REINDEX and looked:
        _take_videos(work, looked, policy)
        rest = {key: one for key, one in looked.items() if key not in work.book.entries}
        if rest and work.hook.api.indexing_route() is IndexingRoute.ASSET:
            _take_assets(work, rest)
    _guard(work)
    work.book.surveyed = digest_of(work.videos)


def _looked_for(work: ManyVideos, keys: Collection[str]) -> Mapping[str, Looked]:
    """Return the videos that are there; those that are not have failed."""
    looked: dict[str, Looked] = {}
    for key, future in work.each(lambda key: work.steps.look(work.videos[key]), keys):
        error = future.exception()
        if error is None:
            looked[key] = future.result()
        elif isinstance(error, AirflowFailException):
            work.book.entries[key] = Entry(display_uri(work.videos[key].uri), Stage.FAILED).failed(error, again=False)
        # What may pass is met again when it is the video's turn.
    return looked


def _take_videos(work: ManyVideos, looked: Mapping[str, Looked], policy: IfIndexed) -> None:
    marks = {one.mark for one in looked.values()}
    found = videos_of_marks(work.hook, work.book.index_id, marks)
    for key, one in looked.items():
        video = found.get(one.mark)
        if video is not None:
            work.book.entries[key] = _reused(work, one, video, policy)
    if found:
        log.info("%d videos are in index %s already: nothing is uploaded for them", len(found), work.book.index_id)


def _reused(work: ManyVideos, looked: Looked, video: Video, policy: IfIndexed) -> Entry:
    index_id = work.book.index_id
    entry = Entry(
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


def _take_assets(work: ManyVideos, looked: Mapping[str, Looked]) -> None:
    """Take assets of the same content that wait to be indexed, or are in another index."""
    found = assets_of_marks(work.hook, {one.mark for one in looked.values()})
    for key, one in looked.items():
        asset = found.get(one.mark)
        if asset is not None:
            work.book.entries[key] = Entry(
                one.source.uri, Stage.ASSET, asset_id=asset.id, duration=asset.duration, mark=one.mark,
                size=one.source.size, borrowed=True,
            )  # fmt: skip
    if found:
        log.info("%d assets are of the same content: they are indexed only", len(found))


def _guard(work: ManyVideos) -> None:
    """Add up what all of it bills, as far as lengths are known, and refuse it where that is too much."""
    entries = work.book.entries
    minutes = sum(entry.minutes for entry in entries.values())
    prepared = [entry.duration for entry in work.book.of(Stage.ASSET).values()]
    to_come = [key for key in work.videos if key not in entries or entries[key].stage is Stage.UPLOADING]
    durations = prepared if work.limit is None else prepared + _durations(work, to_come)
    minutes += sum(duration / 60 for duration in durations if duration is not None)
    # An asset tells its length when it is ready, before it is indexed, and is then asked for it.
    late = work.hook.api.indexing_route() is IndexingRoute.ASSET
    unknown = 0 if late else sum(duration is None for duration in durations)
    bill = Bill(BilledKind.INDEXING, round(minutes, 6), unknown)
    what = f"indexing {len(to_come) + len(prepared)} of {len(work.videos)} videos"
    must_be_allowed(bill, work.limit, what)
    work.book.minutes = minutes
    if work.limit is not None:
        log.info("%s will bill %s", what, bill)


def _durations(work: ManyVideos, keys: Collection[str]) -> list[float | None]:
    """Return how long videos are; those that the service would not take are told of when it is their turn."""
    found: list[float | None] = []
    for _, future in work.each(lambda key: work.steps.check(work.videos[key]).video.duration, keys):
        error = future.exception()
        if error is None:
            found.append(future.result())
        elif not isinstance(error, AirflowFailException):
            raise error
    return found
