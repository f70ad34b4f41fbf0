"""The job of an embedding task."""

from __future__ import annotations

from twelvelabs_local.engine.embedding import EmbeddingOptions, embeddings
from twelvelabs_local.engine.embedding_input import billed_minutes, check_window, read_input
from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.errors import MediaError
from twelvelabs_local.jobs.context import JobContext, ProgressReport
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.embeddings import (
    EmbeddingTask,
    fail_embedding_task,
    find_embedding_task,
    finish_embedding_task,
)
from twelvelabs_local.video_limits import MARENGO, check_length, check_shortest, check_sound_or_picture


def embed(context: JobContext, task_id: str) -> None:
    """Run an embedding task. An expired or ended task is skipped.

    :raises JobCanceled: when the task expires meanwhile.
    """
    task = find_embedding_task(context.db, task_id)
    if task is None or task.status != "processing":
        return
    options = EmbeddingOptions.of(task.request["ask"])
    try:
        asset, probe = _usable(task, options, context.db.find(Asset, id=task.asset_id))
    except MediaError as error:
        fail_embedding_task(context.db, task.id, error.message)
        return
    progress = ProgressReport(lambda _: find_embedding_task(context.db, task_id) is not None)
    source = read_input(context.media_file(asset), options, context.folder.cache, progress.part(0.0, 1.0))
    found = embeddings(options, source)
    with context.db.transaction():
        if finish_embedding_task(context.db, task.id, found):
            bill(context.db, "embedding", billed_minutes(options, probe.duration), task.id)


def _usable(task: EmbeddingTask, options: EmbeddingOptions, asset: Asset | None) -> tuple[Asset, Probe]:
    """Return the asset of a task and its probe.

    :raises MediaError: when the asset cannot be embedded.
    """
    if asset is None or asset.probe is None:
        raise MediaError("video_file_broken", asset.error_message or "" if asset else "The asset was deleted.")
    check_sound_or_picture(task.kind, asset.probe, MARENGO)
    check_shortest(asset.probe, MARENGO)
    check_length(asset.probe, MARENGO)
    check_window(options, asset.probe)
    return asset, asset.probe
