"""An upload that indexes in one go, submitted once: where its id was lost, it is looked for by its file's name."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pendulum

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import TwelveLabsError, TwelveLabsTransientError
from twelvelabs_provider.api.models import IndexingTask, Video
from twelvelabs_provider.api.resources import CreatedTask
from twelvelabs_provider.exceptions import TwelveLabsUnknownOutcomeError
from twelvelabs_provider.jobs.deduplication import SOURCE_MARK
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.jobs.kinds import phase_of
from twelvelabs_provider.jobs.task_state import TaskState

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)
CLOCKS_DIFFER = 120.0
"""Seconds by which the service's clock may be behind."""


@dataclass(frozen=True)
class SubmittedVideo:
    """What is known of a video that was uploaded into an index in one go.

    :param duration: seconds, where the file could be looked into.
    :param is_url: whether the service fetches it; then it may have named the file otherwise.
    """

    index_id: str
    filename: str
    duration: float | None
    is_url: bool


@dataclass(frozen=True)
class SubmittedTask:
    """The task of an upload.

    :param found: whether its answer was lost, and it was found by the name of its file.
    """

    id: str
    video_id: str | None
    found: bool = False


def submit_once(
    hook: TwelveLabsHook, task_state: TaskState, video: SubmittedVideo, call: Call[CreatedTask]
) -> SubmittedTask:
    """Upload a video, unless an earlier try did and never heard of it.

    :param task_state: remembers from try to try that the upload was about to begin.
    :raises TwelveLabsTransientError: if the answer was lost and nothing began; a retry looks again, then submits.
    :raises TwelveLabsUnknownOutcomeError: if nobody can tell, or no retry could remember to look.
    """
    earlier = task_state.unconfirmed()
    if earlier is not None and earlier.at is not None:
        task = find_lost_indexing(hook, video, earlier.at, earlier.known)
        if task is not None:
            return _found(task, f"an earlier try was about to upload {video.filename} and never heard of it")
        log.info("submit: nothing began in index %s since an earlier try was about to upload", video.index_id)
    now = time.time()
    known = [task.id for task in tasks_begun(hook, video.index_id, now)]
    task_state.record_intent(now, known)
    try:
        created = hook.execute(call)
    except UNKNOWN_OUTCOME as error:
        return _reconciled(hook, task_state, video, now, known, error)
    except TwelveLabsError:
        task_state.drop_intent()
        raise
    return SubmittedTask(created.id, created.video_id)


def _reconciled(
    hook: TwelveLabsHook,
    task_state: TaskState,
    video: SubmittedVideo,
    since: float,
    known: Collection[str],
    error: TwelveLabsError,
) -> SubmittedTask:
    try:
        task = find_lost_indexing(hook, video, since, known)
        seen = f"no indexing task of {video.filename} began in index {video.index_id}"
    except TwelveLabsError as blind:
        task, seen = None, f"it cannot be looked for now ({blind})"
    if task is not None:
        return _found(task, str(error))
    if task_state.store is None:
        raise TwelveLabsUnknownOutcomeError(
            f"{error}; {seen}. Indexing is billed, and this Airflow keeps no task state that would let a retry look"
            f" again, so it is not sent again by itself: look for {video.filename} in index {video.index_id}; if it is"
            " not there, clear the task"
        ) from error
    raise TwelveLabsTransientError(f"{error}; {seen}: a retry looks again, and submits if there is none") from error


def _found(task: IndexingTask, why: str) -> SubmittedTask:
    log.info("reattach: %s, but indexing task %s began for it", why, task.id)
    return SubmittedTask(task.id, task.video_id, found=True)


def tasks_begun(hook: TwelveLabsHook, index_id: str, since: float) -> Iterator[IndexingTask]:
    """Return the tasks of an index that began since a moment, newest first.

    :param since: epoch seconds by the clock of this machine.
    """
    begin = pendulum.from_timestamp(since - CLOCKS_DIFFER)
    return hook.items(lambda paging: hook.api.list_tasks(index_id=index_id, created_since=begin, paging=paging))


def find_lost_indexing(
    hook: TwelveLabsHook, video: SubmittedVideo, since: float, known: Collection[str]
) -> IndexingTask | None:
    """Return the task that indexes a video since a moment; None if there is certainly none.

    The service keeps nothing with a task by which its maker could be told. Several that may be it are told apart by
    nobody: then a person has to look.

    :param since: epoch seconds at which it was about to be submitted.
    :param known: tasks that were there already.
    :raises TwelveLabsUnknownOutcomeError: if there are several, or of a URL one of another name.
    """
    begun = [task for task in tasks_begun(hook, video.index_id, since) if task.id not in known]
    may_be = [task for task in begun if phase_of(task.status) in (Phase.RUNNING, Phase.READY) and _fits(video, task)]
    if not may_be:
        return None
    if len(may_be) == 1 and filename_of(may_be[0]) == video.filename:
        return may_be[0]
    raise TwelveLabsUnknownOutcomeError(
        f"{len(may_be)} indexing tasks that may be the one of {video.filename} began in index {video.index_id} since it"
        f" was uploaded, and the answer to that was lost ({', '.join(task.id for task in may_be[:5])}). Indexing is"
        f" billed: look for {video.filename} among them; if it is not there, clear the task to submit it again"
    )


def _fits(video: SubmittedVideo, task: IndexingTask) -> bool:
    """Whether nothing that the service says of a task contradicts; what it does not say yet does not."""
    name = filename_of(task)
    other_name = name is not None and name != video.filename and not video.is_url
    both_known = task.duration is not None and video.duration is not None
    return not other_name and not (both_known and abs((task.duration or 0) - (video.duration or 0)) > 1.0)


def filename_of(task: IndexingTask) -> Any:
    """Return the name of a task's file, None where the service does not say it yet."""
    return (task.raw.get("system_metadata") or task.raw.get("metadata") or {}).get("filename")


def check_found(found: Video, size: int | None, mark: str | None) -> None:
    """Make sure that a video which was found by its file's name is of the file that was uploaded.

    :param size: bytes of the file.
    :param mark: of the file's content; another task's video bears another.
    :raises TwelveLabsUnknownOutcomeError: if it is not.
    """
    of_another = found.user_metadata.get(SOURCE_MARK) not in (None, mark)
    if of_another or (found.size and size and found.size != size):
        raise TwelveLabsUnknownOutcomeError(
            f"the answer to an upload of {size} bytes was lost, and video {found.id}, the only one of that name that"
            f" began since, is of another file ({found.size} bytes). Indexing is billed: look whether the upload"
            " arrived; if it did not, clear the task to submit it again"
        )
