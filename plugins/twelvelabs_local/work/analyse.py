"""Answering an analysis task."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from twelvelabs_local.engine.analysis import MODEL_NAME, answer, billed_minutes, limited, subjects_of
from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.engine.subjects import Material, Subject
from twelvelabs_local.errors import MediaError
from twelvelabs_local.requirements import check_window
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.analyses import Analysis, end_analysis, finish_analysis, start_analysis
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.work.bench import Bench, Progress


def analyse(bench: Bench, task_id: str) -> None:
    """Bring an analysis task to ``ready`` or ``failed``.

    :param bench: what every job works with.
    :param task_id: the task; nothing happens when it is gone or done.
    :raises JobGone: when it is cancelled or deleted meanwhile.
    """
    task = bench.db.find(Analysis, id=task_id)
    if task is None or task.completed_at:
        return
    asset = bench.db.find(Asset, id=task.asset_id)
    try:
        ready, probe = _usable(task, asset)
    except MediaError as error:
        end_analysis(bench.db, task.id, "failed", error.message)
        return
    if start_analysis(bench.db, task.id):
        _finish(bench, task, probe, _material(bench, task, ready, probe))


def _usable(task: Analysis, asset: Asset | None) -> tuple[Asset, Probe]:
    """Return the file of a task with what is known about it.

    :raises MediaError: when it cannot be analysed.
    """
    probe = asset.probe if asset else None
    if asset is None or probe is None:
        raise MediaError("video_file_broken", asset.error_message or "" if asset else "The asset was deleted.")
    check_window(task.request, probe)
    return asset, probe


def _material(bench: Bench, task: Analysis, asset: Asset, probe: Probe) -> Material:
    wanted = subjects_of(task.request)
    content = bench.content(asset)
    progress = Progress(lambda _: _wanted(bench, task.id))
    screen: Sequence[SegmentRow] = []
    speech: Sequence[SegmentRow] = []
    if Subject.SCREEN in wanted:
        screen = bench.understanding.text_in_video(content, progress.part(0.0, 0.5))
    if Subject.SPEECH in wanted:
        speech = bench.understanding.transcript(content, progress.part(0.5, 1.0)).segments
    return Material(probe.duration, screen, speech)


def _wanted(bench: Bench, task_id: str) -> bool:
    task = bench.db.find(Analysis, id=task_id)
    return task is not None and task.completed_at is None


def _finish(bench: Bench, task: Analysis, probe: Probe, material: Material) -> None:
    found = limited(task.request, answer(task.request, material))
    if found.finish_reason == "length" and task.analysis_mode == "time_based_metadata":
        # the service gives no half list of segments
        end_analysis(bench.db, task.id, "failed", found.warning)
        return
    result = {
        "generation_id": str(uuid.uuid5(uuid.NAMESPACE_OID, task.id)),
        "model_name": MODEL_NAME,
        "data": found.data,
        "finish_reason": found.finish_reason,
        "usage": found.usage,
    }
    with bench.db.transaction():
        if finish_analysis(bench.db, task.id, result, found.warning):
            bill(bench.db, "analysis", billed_minutes(task.request, probe.duration), task.id)
