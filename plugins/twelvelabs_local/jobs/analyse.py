"""The job of an analysis task."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from twelvelabs_local.engine.analysis import MODEL_NAME, answer, billed_minutes, limited, topics_of
from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.engine.topics import Topic, VideoText
from twelvelabs_local.errors import MediaError
from twelvelabs_local.jobs.context import JobContext, ProgressReport
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.analyses import Analysis, end_analysis, finish_analysis, start_analysis
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.video_limits import check_window


def analyse(context: JobContext, task_id: str) -> None:
    """Run an analysis task. A deleted or ended task is skipped.

    :raises JobCanceled: when the task is canceled or deleted meanwhile.
    """
    task = context.db.find(Analysis, id=task_id)
    if task is None or task.completed_at:
        return
    asset = context.db.find(Asset, id=task.asset_id)
    try:
        usable, probe = _usable(task, asset)
    except MediaError as error:
        end_analysis(context.db, task.id, "failed", error.message)
        return
    if start_analysis(context.db, task.id):
        _finish(context, task, probe, _video_text(context, task, usable, probe))


def _usable(task: Analysis, asset: Asset | None) -> tuple[Asset, Probe]:
    """Return the asset of a task and its probe.

    :raises MediaError: when the asset cannot be analysed.
    """
    if asset is None or asset.probe is None:
        raise MediaError("video_file_broken", asset.error_message or "" if asset else "The asset was deleted.")
    check_window(task.request, asset.probe)
    return asset, asset.probe


def _video_text(context: JobContext, task: Analysis, asset: Asset, probe: Probe) -> VideoText:
    topics = topics_of(task.request)
    file = context.media_file(asset)
    progress = ProgressReport(lambda _: _is_active(context, task.id))
    screen: Sequence[SegmentRow] = []
    speech: Sequence[SegmentRow] = []
    if Topic.SCREEN in topics:
        screen = context.extractor.text_in_video(file, progress.part(0.0, 0.5))
    if Topic.SPEECH in topics:
        speech = context.extractor.transcript(file, progress.part(0.5, 1.0)).segments
    return VideoText(probe.duration, screen, speech)


def _is_active(context: JobContext, task_id: str) -> bool:
    task = context.db.find(Analysis, id=task_id)
    return task is not None and task.completed_at is None


def _finish(context: JobContext, task: Analysis, probe: Probe, text: VideoText) -> None:
    found = limited(task.request, answer(task.request, text))
    if found.finish_reason == "length" and task.analysis_mode == "time_based_metadata":
        # the service returns no truncated list of segments
        end_analysis(context.db, task.id, "failed", found.warning)
        return
    result = {
        "generation_id": str(uuid.uuid5(uuid.NAMESPACE_OID, task.id)),
        "model_name": MODEL_NAME,
        "data": found.data,
        "finish_reason": found.finish_reason,
        "usage": found.usage,
    }
    with context.db.transaction():
        if finish_analysis(context.db, task.id, result, found.warning):
            bill(context.db, "analysis", billed_minutes(task.request, probe.duration), task.id)
