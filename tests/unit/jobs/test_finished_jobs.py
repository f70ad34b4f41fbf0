"""Polling of finished jobs: how far each list is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import pytest

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import ErrorDetails, TwelveLabsNotFoundError
from twelvelabs_provider.api.generations import Dialect, dialect_for
from twelvelabs_provider.api.version import ApiVersion
from twelvelabs_provider.jobs import finished_jobs, job_lists
from twelvelabs_provider.jobs.finished_jobs import AwaitedJobs, FinishedJobs
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.jobs.job_lists import can_be_listed

T = TypeVar("T")
NOW = 1_790_000_000.0
MINUTE = 60.0


def stamp(epoch: float) -> str:
    return job_lists._at(epoch).to_iso8601_string()


class Pages:
    """Answers list calls from a script and remembers them; it is the whole transport that a look needs."""

    def __init__(self, *pages: Sequence[dict[str, Any]]) -> None:
        self.api: Dialect = dialect_for(ApiVersion.V1_3)
        self._pages = list(pages)
        self.calls: list[Call[Any]] = []

    async def execute(self, call: Call[T]) -> T:
        self.calls.append(call)
        if "page" not in dict(call.query):
            raise TwelveLabsNotFoundError("gone", ErrorDetails(status=404, code="resource_not_exist"))
        number = int(dict(call.query)["page"])
        info = {"page": number, "limit_per_page": 50, "total_page": len(self._pages), "total_results": 0}
        return call.parse({"data": self._pages[number - 1], "page_info": info})


def entry(job_id: str, status: str, created: float) -> dict[str, Any]:
    """An entry that every one of the lists can read."""
    body = {"_id": job_id, "task_id": job_id, "batch_id": job_id, "status": status, "created_at": stamp(created)}
    counters = dict.fromkeys(("total_items", "queued_items", "processing_items", "ready_items"), 1)
    rest = {"failed_items": 0, "canceled_items": 0, "analysis_mode": "general", "model_name": "x", "filename": "a.mp4"}
    return {**body, **counters, **rest, "updated_at": stamp(created), "asset_id": "a", "expires_at": stamp(created)}


def looked(kind: JobKind, pages: Pages, created: Mapping[str, float]) -> FinishedJobs:
    jobs = FinishedJobs(kind, "i1", NOW)
    asyncio.run(jobs.poll(pages, AwaitedJobs(NOW, created)))
    return jobs


def listed(pages: Pages) -> list[str]:
    return [dict(call.query).get("page", "one job") for call in pages.calls]


CREATED = [JobKind.INDEXED_ASSET, JobKind.ANALYSIS_TASK, JobKind.ANALYSIS_BATCH, JobKind.EMBEDDING_TASK]


@pytest.mark.parametrize("kind", CREATED)
def test_a_list_by_creation_is_read_back_to_the_oldest_wait(kind: JobKind) -> None:
    old, older, oldest = entry("b", "ready", NOW - 30), entry("c", "ready", NOW - 90), entry("d", "ready", NOW - 900)
    pages = Pages([entry("a", "ready", NOW), old], [older], [oldest])
    assert set(looked(kind, pages, {"b": NOW - MINUTE, "c": NOW - MINUTE}).found) == {"a", "b", "c"}
    assert listed(pages) == ["1", "2"]


@pytest.mark.parametrize("kind", CREATED)
def test_a_running_job_has_not_ended(kind: JobKind) -> None:
    pages = Pages([entry("a", "processing", NOW), entry("b", "failed", NOW), entry("c", "some new word", NOW)])
    assert set(looked(kind, pages, {"a": NOW - 1, "b": NOW - 1}).found) == {"b"}


@pytest.mark.parametrize("kind", CREATED)
def test_a_few_old_jobs_are_read_one_by_one(kind: JobKind) -> None:
    """A list of everything that is newer would cost many pages in each look."""
    newer = [[entry(f"n{page}", "ready", NOW - page)] for page in range(9)]
    pages = Pages(*newer)
    found = looked(kind, pages, {"x": NOW - 10 * MINUTE}).found
    assert listed(pages) == ["1", "one job"]
    assert "x" in found, "a deleted job counts as finished"


@pytest.mark.parametrize("kind", [JobKind.ASSET, *CREATED[1:]])
def test_a_job_that_the_list_lacks_is_read(kind: JobKind) -> None:
    pages = Pages([entry("a", "processing", NOW)])
    assert set(looked(kind, pages, {"a": NOW - 1, "x": NOW - 1}).found) == {"x"}
    assert listed(pages) == ["1", "one job"]


def test_each_poll_reads_other_jobs_that_the_list_lacks() -> None:
    ids = {f"x{number}": NOW for number in range(3 * finished_jobs.MOST_MISSED)}
    pages, jobs = Pages([]), FinishedJobs(JobKind.ASSET, "i1", NOW)
    for _ in range(3):
        asyncio.run(jobs.poll(pages, AwaitedJobs(NOW, ids)))
    assert jobs.found.keys() == ids.keys()
    assert listed(pages).count("one job") == len(ids)


def test_assets_are_listed_by_their_ids_fifty_at_a_time() -> None:
    ids = [f"a{number}" for number in range(120)]
    pages = Pages([entry(asset_id, "ready" if asset_id == "a7" else "processing", NOW) for asset_id in ids])
    jobs = looked(JobKind.ASSET, pages, dict.fromkeys(ids, NOW))
    assert set(jobs.found) == {"a7"}
    asked = [[value for name, value in call.query if name == "asset_ids"] for call in pages.calls]
    assert [len(portion) for portion in asked] == [50, 50, 20]
    assert [job_id for portion in asked for job_id in portion] == ids


def test_a_finished_asset_is_not_read_again() -> None:
    pages = Pages([entry("a1", "ready", NOW), entry("a2", "processing", NOW)])
    jobs = looked(JobKind.ASSET, pages, {"a1": NOW, "a2": NOW})
    asyncio.run(jobs.poll(pages, AwaitedJobs(NOW, {"a1": NOW, "a2": NOW})))
    assert [value for name, value in pages.calls[-1].query if name == "asset_ids"] == ["a2"]


@pytest.mark.parametrize("kind", CREATED)
def test_a_job_without_a_creation_time_hides_no_other(kind: JobKind) -> None:
    pages = Pages([{**entry("a", "ready", NOW), "created_at": None}], [entry("x", "ready", NOW - 30)])
    assert "x" in looked(kind, pages, {"x": NOW - MINUTE, "y": NOW - MINUTE, "z": NOW - MINUTE}).found


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = looked(JobKind.INDEXING_TASK, Pages([entry("a", "ready", NOW)]), {})
    assert set(jobs.found) == {"a"}
    monkeypatch.setattr(finished_jobs, "KEPT", -1.0)
    asyncio.run(jobs.poll(Pages([]), AwaitedJobs(NOW, {})))
    assert jobs.found == {}


@pytest.mark.parametrize("name", ["status", "updated_at", "created_at", "started_at"])
def test_the_list_requests_use_filters(name: str) -> None:
    filters: dict[str, set[JobKind]] = {
        "status": {JobKind.INDEXING_TASK, JobKind.INDEXED_ASSET},
        "updated_at": {JobKind.INDEXING_TASK},
        "created_at": {JobKind.INDEXED_ASSET},
        "started_at": {JobKind.EMBEDDING_TASK},
    }
    asks: Callable[[JobKind], bool] = lambda kind: name in dict(_call_of(kind).query)  # noqa: E731
    assert {kind for kind in JobKind if can_be_listed(kind) and asks(kind)} == filters[name]


def _call_of(kind: JobKind) -> Call[Any]:
    pages = Pages([])
    looked(kind, pages, {"a": NOW})
    return pages.calls[0]
