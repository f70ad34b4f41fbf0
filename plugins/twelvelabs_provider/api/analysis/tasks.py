"""Calls for analysis tasks."""

from __future__ import annotations

from twelvelabs_provider.api.analysis.generation_v1_3 import ensure_current
from twelvelabs_provider.api.analysis.request import AnalysisMode, AnalysisRequest
from twelvelabs_provider.api.call import (
    Call,
    JsonBody,
    Method,
    RateCategory,
    delete,
    get,
    nothing,
    only_current,
    path_of,
)
from twelvelabs_provider.api.models import AnalysisTask, Page
from twelvelabs_provider.api.resources import Paging, page_of

_INSTEAD = "analyze() answers in the same request (v1.2); or use a connection with api_version v1.3"


def create_analysis_task(request: AnalysisRequest, *, idempotency_key: str | None = None) -> Call[AnalysisTask]:
    """Return the call that starts an analysis.

    :param idempotency_key: makes a repeat safe: the service returns the existing task.
    :raises TwelveLabsUnsupportedError: for a retired model, or a video id.
    """
    ensure_current(request)
    call = Call(
        Method.POST,
        "/analyze/tasks",
        AnalysisTask.read,
        body=JsonBody(request.body()),
        headers={"Idempotency-Key": idempotency_key} if idempotency_key else {},
        repeatable=idempotency_key is not None,
        category=RateCategory.ANALYZE,
    )
    return only_current(call, _INSTEAD)


def read_analysis_task(task_id: str) -> Call[AnalysisTask]:
    """Return the call that reads an analysis task."""
    return only_current(get(path_of("analyze", "tasks", task_id), AnalysisTask.read), _INSTEAD)


def list_analysis_tasks(
    *,
    status: str | None = None,
    asset_id: str | None = None,
    video_url: str | None = None,
    analysis_mode: AnalysisMode | None = None,
    paging: Paging | None = None,
) -> Call[Page[AnalysisTask]]:
    """Return the call for one page of analysis tasks, newest first; prompts are shortened in a list."""
    query = {
        **(paging or Paging()).place(),
        "status": status,
        "asset_id": asset_id,
        "video_url": video_url,
        "analysis_mode": analysis_mode,
    }
    return only_current(page_of("/analyze/tasks", AnalysisTask, query), _INSTEAD)


def cancel_analysis_task(task_id: str) -> Call[None]:
    """Return the call that cancels an analysis task; it is safe to repeat."""
    call = Call(Method.POST, path_of("analyze", "tasks", task_id, "cancel"), nothing, repeatable=True)
    return only_current(call, _INSTEAD)


def delete_analysis_task(task_id: str) -> Call[None]:
    """Return the call that deletes an analysis task and its result; the service keeps one that is being processed."""
    return only_current(delete(path_of("analyze", "tasks", task_id)), _INSTEAD)
