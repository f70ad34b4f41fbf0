"""Answering an embedding task."""

from __future__ import annotations

from twelvelabs_local.engine.embedding import Ask, embeddings
from twelvelabs_local.engine.material import billed_minutes, check_window, gather
from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.errors import MediaError
from twelvelabs_local.requirements import MARENGO, check_length, check_shortest, check_sound_or_picture
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.embeddings import (
    EmbeddingTask,
    fail_embedding_task,
    find_embedding_task,
    finish_embedding_task,
)
from twelvelabs_local.work.bench import Bench, Progress


def embed(bench: Bench, task_id: str) -> None:
    """Bring an embedding task to ``ready`` or ``failed``.

    :param bench: what every job works with.
    :param task_id: the task; nothing happens when it is gone or done.
    :raises JobGone: when it is kept no longer meanwhile.
    """
    task = find_embedding_task(bench.db, task_id)
    if task is None or task.status != "processing":
        return
    ask = Ask.of(task.request["ask"])
    try:
        asset, probe = _usable(task, ask, bench.db.find(Asset, id=task.asset_id))
    except MediaError as error:
        fail_embedding_task(bench.db, task.id, error.message)
        return
    progress = Progress(lambda _: find_embedding_task(bench.db, task_id) is not None)
    found = embeddings(ask, gather(bench.content(asset), ask, bench.folder.cache, progress.part(0.0, 1.0)))
    with bench.db.transaction():
        if finish_embedding_task(bench.db, task.id, found):
            bill(bench.db, "embedding", billed_minutes(ask, probe.duration), task.id)


def _usable(task: EmbeddingTask, ask: Ask, asset: Asset | None) -> tuple[Asset, Probe]:
    """Return the file of a task with what is known about it.

    :raises MediaError: when it cannot be embedded.
    """
    probe = asset.probe if asset else None
    if asset is None or probe is None:
        raise MediaError("video_file_broken", asset.error_message or "" if asset else "The asset was deleted.")
    check_sound_or_picture(task.kind, probe, MARENGO)
    check_shortest(probe, MARENGO)
    check_length(probe, MARENGO)
    check_window(ask, probe)
    return asset, probe
