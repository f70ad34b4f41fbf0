"""Lookup of many videos, assets and jobs with few list requests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

import pendulum

from twelvelabs_provider.api.assets import list_assets
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import (
    TwelveLabsConfigurationError,
    TwelveLabsNotFoundError,
    TwelveLabsPermanentError,
    is_missing,
)
from twelvelabs_provider.api.filters import VideoFilter
from twelvelabs_provider.api.models import Asset, Page, Video
from twelvelabs_provider.api.paging import Pages
from twelvelabs_provider.api.resources import LARGEST_PAGE, IndexingRoute, Paging
from twelvelabs_provider.jobs.deduplication import SOURCE_MARK, find_video, has_arrived, is_usable
from twelvelabs_provider.jobs.idempotency import CLOCK_SKEW
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Phase
from twelvelabs_provider.jobs.kinds import asset_state, indexed_asset_state, indexing_task_state, read_state

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)
T = TypeVar("T")
NOT_FOUND = "not found"
"""Status of a job that no longer exists on the service."""


def from_list(
    hook: TwelveLabsHook,
    page: Callable[[Paging], Call[Page[T]]],
    wanted: Collection[str],
    name: Callable[[T], str | None],
) -> tuple[dict[str, T], set[str]]:
    """Search items in a list, as long as that needs no more requests than reading each item.

    :param page: returns the call for one page.
    :param wanted: the names of the items.
    :param name: returns the name of an item, None to ignore it. Of two items with one name the first counts.
    :return: the items that were found, and the names to read one by one: none if the whole list was read.
    """
    found: dict[str, T] = {}
    missing, pages, worth_it = set(wanted), Pages(), True
    while missing and pages.more:
        if not worth_it and pages.last - pages.number + 1 > len(missing):
            return found, missing
        items = pages.new_in(hook.execute(page(Paging(page=pages.number))))
        hits = {key: item for item in reversed(items) if (key := name(item)) in missing and key is not None}
        found |= hits
        missing -= hits.keys()
        # A page with hits is often followed by another one.
        worth_it = bool(hits)
    return found, missing if pages.cut else set()


def videos_of_marks(hook: TwelveLabsHook, index_id: str, marks: Collection[str]) -> Mapping[str, Video]:
    """Return the ready and running videos of an index with some content marks, by mark."""

    def mark_of(video: Video) -> str | None:
        return str(video.user_metadata.get(SOURCE_MARK)) if is_usable(video) else None

    def page(paging: Paging) -> Call[Page[Video]]:
        if hook.api.indexing_route() is IndexingRoute.ASSET:
            return hook.api.list_indexed_assets(index_id, paging=paging)
        return hook.api.list_videos(index_id, paging=paging)

    found, unknown = from_list(hook, page, marks, mark_of)
    for mark in unknown:
        video = find_video(hook, index_id, mark)
        if video is not None:
            found[mark] = video
    return found


def assets_of_marks(hook: TwelveLabsHook, marks: Collection[str]) -> Mapping[str, Asset]:
    """Return the account's assets of some contents, by mark.

    An asset that is not found is made again, which is not billed.
    """

    def mark_of(asset: Asset) -> str | None:
        return str(asset.user_metadata.get(SOURCE_MARK)) if has_arrived(asset) else None

    found, _ = from_list(hook, lambda paging: list_assets(paging=paging), marks, mark_of)
    return found


def states_of(
    hook: TwelveLabsHook, kind: JobKind, index_id: str, job_ids: Collection[str], since: float, until: float
) -> Mapping[str, JobState]:
    """Return the states of jobs of one kind; if the service refuses their list, read each by its id.

    :param since: epoch seconds before which this task submitted none of them.
    :param until: epoch seconds beyond which no request waits for a rate limit.
    """
    try:
        return _listed_states(hook, kind, index_id, job_ids, since, until)
    except TwelveLabsConfigurationError:
        raise
    except TwelveLabsPermanentError as error:
        log.warning("Cannot list %s, reading %d jobs one by one: %s", kind.value, len(job_ids), error)
    return {job_id: _state(hook, JobRef(kind, job_id, index_id), until) for job_id in sorted(job_ids)}


def _listed_states(
    hook: TwelveLabsHook, kind: JobKind, index_id: str, job_ids: Collection[str], since: float, until: float
) -> Mapping[str, JobState]:
    if kind is JobKind.ASSET:
        return _asset_states(hook, job_ids)
    begin = pendulum.from_timestamp(max(0.0, since - CLOCK_SKEW))
    if kind is JobKind.INDEXED_ASSET:
        where = VideoFilter(created_since=begin)
        videos, unknown = from_list(
            hook,
            lambda paging: hook.api.list_indexed_assets(index_id, where=where, paging=paging),
            job_ids,
            lambda video: video.id,
        )
        states = {video_id: indexed_asset_state(video) for video_id, video in videos.items()}
    else:
        tasks, unknown = from_list(
            hook,
            lambda paging: hook.api.list_tasks(index_id=index_id, created_since=begin, paging=paging),
            job_ids,
            lambda task: task.id,
        )
        states = {task_id: indexing_task_state(task) for task_id, task in tasks.items()}
    # Jobs that the list does not contain may be older or deleted.
    unread = unknown | (set(job_ids) - states.keys())
    return {**states, **{job_id: _state(hook, JobRef(kind, job_id, index_id), until) for job_id in unread}}


def _asset_states(hook: TwelveLabsHook, asset_ids: Iterable[str]) -> Mapping[str, JobState]:
    ids, states = sorted(asset_ids), dict[str, JobState]()
    for begin in range(0, len(ids), LARGEST_PAGE):
        some = ids[begin : begin + LARGEST_PAGE]
        page = hook.execute(list_assets(asset_ids=some, paging=Paging(limit=LARGEST_PAGE)))
        known = {asset.id: asset_state(asset) for asset in page.items}
        states |= {asset_id: known.get(asset_id) or _missing(f"asset {asset_id}") for asset_id in some}
    return states


def _state(hook: TwelveLabsHook, job: JobRef, until: float) -> JobState:
    try:
        return hook.execute(read_state(hook.api, job), until=until)
    except TwelveLabsNotFoundError as error:
        if not is_missing(error):
            raise
        return _missing(str(job))


def _missing(what: str) -> JobState:
    return JobState(Phase.FAILED, NOT_FOUND, f"{what} no longer exists")
