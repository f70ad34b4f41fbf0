"""The worker process, which runs jobs so that the server stays responsive.

The server starts it with a pipe at its standard input: a byte means new work, the end means that the server has exited.
A lock on the data folder ensures that there is one worker, even while the worker of a killed server is still exiting.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from twelvelabs_local.engine.text_extraction import TextExtractor
from twelvelabs_local.errors import JobCanceled, MediaError
from twelvelabs_local.extra import missing_packages
from twelvelabs_local.file_lock import FileLock
from twelvelabs_local.jobs.analyse import analyse
from twelvelabs_local.jobs.context import JobContext
from twelvelabs_local.jobs.embed import embed
from twelvelabs_local.jobs.index_video import index_video, transcribe_asset
from twelvelabs_local.jobs.ingest_item import ingest_item
from twelvelabs_local.jobs.prepare_asset import prepare_asset
from twelvelabs_local.jobs.prepare_entity import prepare_entity
from twelvelabs_local.jobs.render_asset import render_asset
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.analyses import end_analysis
from twelvelabs_local.store.assets import Asset, asset_failed
from twelvelabs_local.store.embeddings import fail_embedding_task
from twelvelabs_local.store.job_queue import MAX_CRASHES, Job, JobKind, Lane, claim, finish, requeue_running
from twelvelabs_local.store.knowledge import fail_item
from twelvelabs_local.store.renditions import fail_renditions
from twelvelabs_local.store.schema import open_database
from twelvelabs_local.store.videos import fail_video, videos_of_asset

POLL_INTERVAL = 2.0
"""Seconds after which an idle lane looks for jobs without a wake-up from the server."""

log = logging.getLogger("twelvelabs_local.jobs.worker")

_JOBS: Mapping[JobKind, Callable[[JobContext, str], None]] = {
    JobKind.PREPARE_ASSET: prepare_asset,
    JobKind.INDEX_VIDEO: index_video,
    JobKind.TRANSCRIBE_ASSET: transcribe_asset,
    JobKind.ANALYSE: analyse,
    JobKind.RENDER_ASSET: render_asset,
    JobKind.PREPARE_ENTITY: prepare_entity,
    JobKind.INGEST_ITEM: ingest_item,
    JobKind.EMBED: embed,
}


def main(data: str) -> None:
    """Run jobs until the server exits.

    :param data: the data folder.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    folder = DataFolder(Path(data))
    wake_ups = {lane: threading.Event() for lane in Lane}
    threading.Thread(target=_listen, args=(wake_ups,), daemon=True).start()
    FileLock(folder.worker_lock).acquire()
    context = JobContext(open_database(folder.database), folder, TextExtractor(folder.cache))
    requeue_running(context.db)
    threading.Thread(target=_run_lane, args=(context, Lane.INTAKE, wake_ups), daemon=True).start()
    _run_lane(context, Lane.HEAVY, wake_ups)


def _listen(wake_ups: Mapping[Lane, threading.Event]) -> None:
    """Wake the lanes when the server writes; exit when the server has exited."""
    while os.read(sys.stdin.fileno(), 4096):
        for wake_up in wake_ups.values():
            wake_up.set()
    # no cleanup needed: the next worker runs an unfinished job again, and results are saved completely or not at all
    os._exit(0)


def _run_lane(context: JobContext, lane: Lane, wake_ups: Mapping[Lane, threading.Event]) -> None:
    while True:
        wake_ups[lane].clear()
        job = claim(context.db, lane)
        if job is None:
            wake_ups[lane].wait(POLL_INTERVAL)
            continue
        _run(context, job)
        for wake_up in wake_ups.values():
            # a prepared asset queues jobs in the other lane
            wake_up.set()


def _run(context: JobContext, job: Job) -> None:
    """Run one job. A failure ends the job, not the lane."""
    try:
        if job.crashes >= MAX_CRASHES:
            raise MediaError("generic_error", f"The engine died {job.crashes} times while working on it.")
        _JOBS[job.kind](context, job.subject)
    except JobCanceled:
        pass
    except MediaError as error:
        _fail(context, job, error)
    except Exception as error:
        log.exception("%s of %s failed", job.kind, job.subject)
        _fail(context, job, MediaError("generic_error", f"The engine failed: {type(error).__name__}."))
    finish(context.db, job)


def _fail(context: JobContext, job: Job, error: MediaError) -> None:
    """Move the subject of a job to ``failed``."""
    db, subject, code, message = context.db, job.subject, error.code, error.message
    if job.kind is JobKind.INDEX_VIDEO:
        fail_video(db, subject, code, message)
    elif job.kind is JobKind.ANALYSE:
        end_analysis(db, subject, "failed", message)
    elif job.kind is JobKind.EMBED:
        fail_embedding_task(db, subject, message)
    elif job.kind is JobKind.INGEST_ITEM:
        fail_item(db, subject, message)
    elif job.kind is JobKind.PREPARE_ASSET:
        asset_failed(db, subject, code, message)
        fail_renditions(db, subject)
        for video in videos_of_asset(db, subject):
            fail_video(db, video.id, code, message)
    elif job.kind is JobKind.RENDER_ASSET:
        fail_renditions(db, subject)
    else:
        db.update(Asset, subject, transcription_error=message)


if __name__ == "__main__":
    if missing := missing_packages():
        sys.exit(f"twelvelabs-local worker: {missing}")
    main(sys.argv[1])
