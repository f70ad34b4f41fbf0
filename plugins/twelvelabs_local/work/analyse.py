"""Answering an analysis task."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from twelvelabs_local.engine.analysis import MODEL_NAME, Material, Subject, answer, billed_minutes, subjects_of
from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.errors import MediaError
from twelvelabs_local.requirements import PEGASUS, check_picture, check_video
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.analyses import end_analysis, find_analysis, finish_analysis, start_analysis
from twelvelabs_local.store.assets import find_asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.records import Analysis, Asset
from twelvelabs_local.work.bench import Bench, Progress

LETTERS_PER_TOKEN = 4


def analyse(bench: Bench, task_id: str) -> None:
    """Bring an analysis task to ``ready`` or ``failed``.

    :param bench: what every job works with.
    :param task_id: the task; nothing happens when it is gone or done.
    :raises JobGone: when it is cancelled or deleted meanwhile.
    """
    task = find_analysis(bench.db, task_id)
    if task is None or task.completed_at:
        return
    asset = find_asset(bench.db, task.asset_id)
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
    probe = asset.probed() if asset else None
    if asset is None or probe is None:
        raise MediaError("video_file_broken", asset.error_message or "" if asset else "The asset was deleted.")
    start, end = task.request.get("start_time") or 0.0, task.request.get("end_time")
    if end is None:
        check_video(probe, PEGASUS)
    else:
        check_picture(probe, PEGASUS)
    if start >= probe.duration or (end is not None and end > probe.duration + 1.0):
        message = f"The window {start:g} to {end if end is None else format(end, 'g')} is outside of the video."
        raise MediaError("parameter_invalid", f"{message} It is {probe.duration:g} seconds long.")
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
    task = find_analysis(bench.db, task_id)
    return task is not None and task.completed_at is None


def _finish(bench: Bench, task: Analysis, probe: Probe, material: Material) -> None:
    found = answer(task.request, material)
    asked = len(json.dumps(task.request)) // LETTERS_PER_TOKEN
    result = {
        "generation_id": str(uuid.uuid5(uuid.NAMESPACE_OID, task.id)),
        "model_name": MODEL_NAME,
        "data": found.data,
        "finish_reason": "stop",
        "usage": {"input_tokens": asked, "output_tokens": len(found.data) // LETTERS_PER_TOKEN},
    }
    with bench.db.transaction():
        if finish_analysis(bench.db, task.id, result, found.warning):
            bill(bench.db, "analysis", billed_minutes(task.request, probe.duration), task.id)
