"""Start of an analysis task, once for all attempts of a ``@task``."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.jobs import JobKind, Phase, phase_of
from twelvelabs_provider.api.serializable import storable
from twelvelabs_provider.api.submitted_job import Job
from twelvelabs_provider.version_compat import map_index_of

if TYPE_CHECKING:
    from twelvelabs_provider.api.analysis.request import AnalysisRequest
    from twelvelabs_provider.api.models import AnalysisTask
    from twelvelabs_provider.hooks.call_sender import CallSender


def start_once(hook: CallSender, request: AnalysisRequest, idempotency_key: str | None) -> Job[AnalysisTask]:
    """Start an analysis task and return the job.

    A key always finds the task of its first request. If that one failed, its id becomes part of the next key.

    :param idempotency_key: None makes one of the running task instance and the request.
    """
    key = idempotency_key or _key_of_task(request)
    ended: list[str] = []
    while True:
        whole = _digest(key, *ended) if key and ended else key
        task = hook.execute(hook.api.create_analysis_task(request, idempotency_key=whole))
        status = hook.execute(hook.api.read_analysis_task(task.id)).status if key else task.status
        if phase_of(status) in (Phase.RUNNING, Phase.READY) or key is None or task.id in ended:
            return Job(JobKind.ANALYSIS_TASK, task.id)
        ended.append(task.id)


def _key_of_task(request: AnalysisRequest) -> str | None:
    """Return a key that the attempts of the running task instance share, and no other task; None outside a task.

    A clear changes ``max_tries``, and the start of a finished run. Two Airflows that schedule the same run start it at
    different moments.
    """
    from airflow.sdk import get_current_context

    try:
        context: Any = get_current_context()
    except RuntimeError:
        return None
    ti, run = context["ti"], context.get("dag_run")
    names = (ti.dag_id, ti.run_id, ti.task_id, map_index_of(ti), getattr(ti, "max_tries", 0))
    moments = (getattr(run, name, None) for name in ("run_after", "start_date"))
    times = (moment.isoformat() if isinstance(moment, datetime) else "" for moment in moments)
    # Without the signature of a URL: the service refuses a newly signed one under the same key (409), and bills once.
    return _digest(*map(str, names), *times, repr(sorted(storable(request.body()).items())))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
