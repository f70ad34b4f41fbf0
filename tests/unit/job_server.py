"""Server with jobs of every kind: applies the filters of lists, refuses requests, and injects failures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.unit.scripted_server import KEY, Reply, Request, ScriptedServer, Step
from twelvelabs_provider.jobs.job import JobKind

# The last part of a path that lists the jobs of a kind; what follows it in a path is the id of one.
_LISTS = {
    "tasks": JobKind.INDEXING_TASK,
    "indexed-assets": JobKind.INDEXED_ASSET,
    "assets": JobKind.ASSET,
    "analyze/tasks": JobKind.ANALYSIS_TASK,
    "analyze/batches": JobKind.ANALYSIS_BATCH,
    "embed-v2/tasks": JobKind.EMBEDDING_TASK,
    "entities": JobKind.ENTITY,
    "items": JobKind.KNOWLEDGE_STORE_ITEM,
}
_COUNTERS = ("total_items", "queued_items", "processing_items", "ready_items", "failed_items", "canceled_items")


@dataclass
class Job:
    """A job.

    :param created: epoch seconds.
    :param ends: epoch seconds at which it is ready; None keeps ``status``.
    """

    id: str
    created: float
    ends: float | None = None
    status: str = "processing"

    def as_json(self, now: float) -> dict[str, Any]:
        """Return it as every one of the calls can read it."""
        ended = self.ends is not None and now >= self.ends
        names = {"_id": self.id, "task_id": self.id, "batch_id": self.id, "video_id": self.id, "asset_id": self.id}
        return {
            **names,
            "status": "ready" if ended else self.status,
            "created_at": _text(self.created),
            "updated_at": _text(self.ends if ended and self.ends else self.created),
            "expires_at": _text(self.created),
            "filename": "a.mp4",
            "name": "a",
            "analysis_mode": "general",
            "model_name": "pegasus1.5",
            "asset_ids": [],
            "asset_type": "video",
            "duration": 10.0,
            **dict.fromkeys(_COUNTERS, 0),
        }


class JobServer(ScriptedServer):
    """Answers reads and lists of jobs; steps of ``script`` come first.

    :param clock: seconds by which the service's clock is ahead of this machine's.
    :param keys: the API keys that it takes.
    """

    def __init__(self, *, clock: float = 0.0) -> None:
        super().__init__()
        self.jobs: dict[JobKind, dict[str, Job]] = {kind: {} for kind in JobKind}
        self.keys = {KEY}
        self.clock = clock
        self.always: Callable[[Request], Step | None] = lambda _: None

    def add(self, kind: JobKind, *jobs: Job) -> None:
        """Keep jobs."""
        self.jobs[kind] |= {job.id: job for job in jobs}

    def next_step(self, request: Request) -> Step:
        """Return the next step of the script, else what a service answers."""
        if self.script:
            return super().next_step(request)
        self.requests.append(request)
        if request.headers["x-api-key"] not in self.keys:
            return Reply({"code": "api_key_invalid", "message": "The API key is invalid."}, status=401)
        return self.always(request) or self._answer(request)

    def _answer(self, request: Request) -> Reply:
        parts = request.path.removeprefix("/v1.3/").split("/")
        for kind_at in (len(parts), len(parts) - 1):
            for width in (2, 1):
                kind = _LISTS.get("/".join(parts[kind_at - width : kind_at])) if kind_at >= width else None
                if kind is not None:
                    return self._list(kind, request) if kind_at == len(parts) else self._read(kind, parts[-1])
        return Reply({"code": "endpoint_not_exists", "message": request.path}, status=404)

    def _read(self, kind: JobKind, job_id: str) -> Reply:
        job = self.jobs[kind].get(job_id)
        if job is None:
            return Reply({"code": "resource_not_exist", "message": f"{kind.value} {job_id} does not exist."}, 404)
        return Reply(job.as_json(self._now()))

    def _list(self, kind: JobKind, request: Request) -> Reply:
        query, repeated = dict(request.query), _repeated(request.query)
        rows = [job.as_json(self._now()) for job in self.jobs[kind].values()]
        for name, field in (("created_at", "created_at"), ("started_at", "created_at"), ("updated_at", "updated_at")):
            if since := query.get(name):
                rows = [row for row in rows if _moment(row[field]) >= _moment(since)]
        if statuses := repeated.get("status"):
            rows = [row for row in rows if row["status"] in statuses]
        if "asset_ids" in repeated:
            rows = [row for row in rows if row["_id"] in repeated["asset_ids"]]
        rows.sort(key=lambda row: _moment(row[query.get("sort_by", "created_at")]), reverse=True)
        number, limit = int(query.get("page", 1)), int(query.get("page_limit", 10))
        info = {"page": number, "limit_per_page": limit, "total_results": len(rows)}
        info["total_page"] = max(1, -(-len(rows) // limit))
        return Reply({"data": rows[(number - 1) * limit : number * limit], "page_info": info})

    def _now(self) -> float:
        return time.time() + self.clock


def _repeated(query: list[tuple[str, str]]) -> dict[str, list[str]]:
    return {name: [value for other, value in query if other == name] for name, _ in query}


def _text(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z")


def _moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
