"""The worker process: it takes jobs from the database so that the API never waits for a video.

The server starts it with a pipe at its standard input: a byte means new work, the end means that the server is gone.
A lock on the data folder makes sure that there is one worker, even while a killed server's one is still ending.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from twelvelabs_local.engine.understanding import Understanding
from twelvelabs_local.errors import JobGone, MediaError
from twelvelabs_local.extra import missing_packages
from twelvelabs_local.locks import FileLock
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.analyses import end_analysis
from twelvelabs_local.store.assets import Asset, asset_failed
from twelvelabs_local.store.embeddings import fail_embedding_task
from twelvelabs_local.store.jobs import MAX_CRASHES, Job, JobKind, Lane, claim, finish, requeue_running
from twelvelabs_local.store.knowledge import fail_item
from twelvelabs_local.store.renditions import fail_renditions
from twelvelabs_local.store.schema import open_database
from twelvelabs_local.store.videos import fail_video, videos_of_asset
from twelvelabs_local.work.analyse import analyse
from twelvelabs_local.work.bench import Bench
from twelvelabs_local.work.embed import embed
from twelvelabs_local.work.entity import prepare_entity
from twelvelabs_local.work.index import index_video, transcribe_asset
from twelvelabs_local.work.ingest import ingest_item
from twelvelabs_local.work.prepare import prepare_asset
from twelvelabs_local.work.render import render_asset

LOOK_EVERY = 2.0
"""Seconds after which a lane looks for work without having been called."""

log = logging.getLogger("twelvelabs_local.worker")

_WORK: Mapping[JobKind, Callable[[Bench, str], None]] = {
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
    """Work until the server is gone.

    :param data: the data folder.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    folder = DataFolder(Path(data))
    calls = {lane: threading.Event() for lane in Lane}
    threading.Thread(target=_listen, args=(calls,), daemon=True).start()
    FileLock(folder.worker_lock).acquire()
    bench = Bench(open_database(folder.database), folder, Understanding(folder.cache))
    requeue_running(bench.db)
    threading.Thread(target=_lane, args=(bench, Lane.INTAKE, calls), daemon=True).start()
    _lane(bench, Lane.HEAVY, calls)


def _listen(calls: Mapping[Lane, threading.Event]) -> None:
    """Wake the lanes when the server calls; end the process when the server is gone."""
    while os.read(sys.stdin.fileno(), 4096):
        for call in calls.values():
            call.set()
    # nothing to tidy: an unfinished job is done again at the next start, results appear whole or not at all
    os._exit(0)


def _lane(bench: Bench, lane: Lane, calls: Mapping[Lane, threading.Event]) -> None:
    while True:
        calls[lane].clear()
        job = claim(bench.db, lane)
        if job is None:
            calls[lane].wait(LOOK_EVERY)
            continue
        _do(bench, job)
        for other in calls.values():
            # a prepared asset lets its videos go on in the other lane
            other.set()


def _do(bench: Bench, job: Job) -> None:
    """Do one job; whatever happens to it, the lane goes on."""
    kind = JobKind(job.kind)
    try:
        if job.crashes >= MAX_CRASHES:
            raise MediaError("generic_error", f"The engine died {job.crashes} times while working on it.")
        _WORK[kind](bench, job.subject)
    except JobGone:
        pass
    except MediaError as error:
        _give_up(bench, kind, job.subject, error)
    except Exception as error:
        log.exception("%s of %s failed", kind, job.subject)
        reason = MediaError("generic_error", f"The engine failed: {type(error).__name__}.")
        _give_up(bench, kind, job.subject, reason)
    finish(bench.db, job)


def _give_up(bench: Bench, kind: JobKind, subject: str, reason: MediaError) -> None:
    """End what a job was for in ``failed``."""
    code, message = reason.code, reason.message
    if kind is JobKind.INDEX_VIDEO:
        fail_video(bench.db, subject, code, message)
    elif kind is JobKind.ANALYSE:
        end_analysis(bench.db, subject, "failed", message)
    elif kind is JobKind.EMBED:
        fail_embedding_task(bench.db, subject, message)
    elif kind is JobKind.INGEST_ITEM:
        fail_item(bench.db, subject, message)
    elif kind is JobKind.PREPARE_ASSET:
        asset_failed(bench.db, subject, code, message)
        fail_renditions(bench.db, subject)
        for video in videos_of_asset(bench.db, subject):
            fail_video(bench.db, video.id, code, message)
    elif kind is JobKind.RENDER_ASSET:
        fail_renditions(bench.db, subject)
    else:
        bench.db.update(Asset, subject, transcription_error=message)


if __name__ == "__main__":
    if missing := missing_packages():
        sys.exit(f"twelvelabs-local worker: {missing}")
    main(sys.argv[1])
