"""Lists of the service by which finished jobs are found, one per job kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import pendulum

from twelvelabs_provider.api.analysis.batches import list_batches
from twelvelabs_provider.api.assets import list_assets
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.filters import VideoFilter
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.jobs.job import JobKind

if TYPE_CHECKING:
    from twelvelabs_provider.api.generations import Dialect

_ENDED = ("ready", "failed")


@dataclass(frozen=True)
class ListedJob:
    """A job in a list.

    :param moment: epoch seconds of its last change or its creation, by which the list is ordered.
    """

    id: str
    status: str
    moment: float = 0.0


class Order(StrEnum):
    """How a list is read in part."""

    CHANGED = "changed"
    """By the last change, from the newest to a cursor."""
    CREATED = "created"
    """By creation, from the newest to the oldest awaited job."""
    NAMED = "named"
    """By the ids of the awaited jobs."""


@dataclass(frozen=True)
class JobList:
    """A list of the service.

    :param page: returns the call for one page, given the index (None: account), a time (epoch seconds) and job ids.
    :param shows_running: the list contains jobs of every status, so a job that it lacks is deleted.
    """

    order: Order
    page: Callable[[Dialect, str | None, float, Sequence[str], Paging], Call[Page[ListedJob]]]
    shows_running: bool = False


def can_be_listed(kind: JobKind) -> bool:
    """Return whether the service lists jobs of a kind."""
    return kind in LISTS


def _at(epoch: float) -> pendulum.DateTime:
    return pendulum.from_timestamp(max(0.0, epoch))


def _epoch(moment: pendulum.DateTime | None) -> float:
    return moment.timestamp() if moment else 0.0


def _tasks(api: Dialect, index_id: str | None, begin: float, _: Sequence[str], paging: Paging) -> Call[Page[ListedJob]]:
    newest_first = Paging(paging.page, paging.limit, "updated_at")
    call = api.list_tasks(index_id=index_id, status=_ENDED, updated_since=_at(begin), paging=newest_first)
    return call.then(lambda page: page.map(lambda task: ListedJob(task.id, task.status, _epoch(task.updated_at))))


def _indexed_assets(
    api: Dialect, index_id: str | None, begin: float, _: Sequence[str], paging: Paging
) -> Call[Page[ListedJob]]:
    # The filter by the last change only covers changes by a user, so the creation time is used.
    where = VideoFilter(created_since=_at(begin))
    call = api.list_indexed_assets(index_id or "", status=_ENDED, where=where, paging=paging)
    return call.then(lambda page: page.map(lambda one: ListedJob(one.id, one.status or "", _epoch(one.created_at))))


def _assets(_: Dialect, __: str | None, ___: float, ids: Sequence[str], paging: Paging) -> Call[Page[ListedJob]]:
    call = list_assets(asset_ids=ids, paging=paging)
    return call.then(lambda page: page.map(lambda asset: ListedJob(asset.id, asset.status)))


def _analyses(api: Dialect, _: str | None, __: float, ___: Sequence[str], paging: Paging) -> Call[Page[ListedJob]]:
    call = api.list_analysis_tasks(paging=paging)
    return call.then(lambda page: page.map(lambda task: ListedJob(task.id, task.status, _epoch(task.created_at))))


def _batches(_: Dialect, __: str | None, ___: float, ____: Sequence[str], paging: Paging) -> Call[Page[ListedJob]]:
    call = list_batches(paging=paging)
    return call.then(lambda page: page.map(lambda batch: ListedJob(batch.id, batch.status, _epoch(batch.created_at))))


def _embeddings(api: Dialect, _: str | None, begin: float, __: Sequence[str], paging: Paging) -> Call[Page[ListedJob]]:
    call = api.list_embedding_tasks(since=_at(begin), paging=paging)
    return call.then(lambda page: page.map(lambda task: ListedJob(task.id, task.status, _epoch(task.created_at))))


LISTS: Mapping[JobKind, JobList] = {
    JobKind.INDEXING_TASK: JobList(Order.CHANGED, _tasks),
    JobKind.INDEXED_ASSET: JobList(Order.CREATED, _indexed_assets),
    JobKind.ASSET: JobList(Order.NAMED, _assets, shows_running=True),
    JobKind.ANALYSIS_TASK: JobList(Order.CREATED, _analyses, shows_running=True),
    JobKind.ANALYSIS_BATCH: JobList(Order.CREATED, _batches, shows_running=True),
    JobKind.EMBEDDING_TASK: JobList(Order.CREATED, _embeddings, shows_running=True),
}
