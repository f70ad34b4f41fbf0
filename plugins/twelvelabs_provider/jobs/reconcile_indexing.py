"""Reconciliation of indexing tasks: after a lost response, the task is searched by its file's name."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pendulum

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import TwelveLabsError, TwelveLabsTransientError
from twelvelabs_provider.api.jobs import phase_of
from twelvelabs_provider.api.models import IndexingTask, Video
from twelvelabs_provider.api.resources import CreatedTask
from twelvelabs_provider.exceptions import TwelveLabsUnknownOutcomeError
from twelvelabs_provider.jobs.deduplication import SOURCE_MARK
from twelvelabs_provider.jobs.idempotency import CLOCK_SKEW, UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.jobs.task_state import TaskState

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SubmittedVideo:
    """A video that was uploaded and indexed by one request.

    :param duration: seconds, if the file's header could be read.
    :param is_url: whether the service fetches it; then its file may have another name on the service.
    """

    index_id: str
    filename: str
    duration: float | None
    is_url: bool


@dataclass(frozen=True)
class SubmittedTask:
    """The indexing task of an upload.

    :param found: whether the response was lost and the task was found by the file's name.
    """

    id: str
    video_id: str | None
    found: bool = False


def submit_once(
    hook: TwelveLabsHook, task_state: TaskState, video: SubmittedVideo, call: Call[CreatedTask]
) -> SubmittedTask:
    """Upload a video, unless an earlier attempt did and its response was lost.

    :param task_state: records that the upload is about to begin.
    :raises TwelveLabsTransientError: the response was lost and no task was found; a retry searches again, then submits.
    :raises TwelveLabsUnknownOutcomeError: the outcome is unknown, and a retry could not find it out.
    """
    earlier = task_state.unconfirmed()
    if earlier is not None and earlier.at is not None:
        task = find_lost_indexing(hook, video, earlier.at, earlier.known)
        if task is not None:
            return _found(video, task)
        log.info("The upload of an earlier attempt has no task in index %s, uploading again", video.index_id)
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
        seen = f"index {video.index_id} has no new task of {video.filename}"
    except TwelveLabsError as blind:
        task, seen = None, f"the task cannot be searched now ({blind})"
    if task is not None:
        return _found(video, task)
    if task_state.store is None:
        raise TwelveLabsUnknownOutcomeError(
            f"{error}; {seen}. Indexing is billed, and without a task state store (Airflow 3.3) a retry cannot search"
            f" the task, so it is not sent again. Look for {video.filename} in index {video.index_id}; if it is"
            " missing, clear the task"
        ) from error
    raise TwelveLabsTransientError(f"{error}; {seen}. A retry searches again, and submits if there is none") from error


def _found(video: SubmittedVideo, task: IndexingTask) -> SubmittedTask:
    log.info("Found indexing task %s of %s, whose response was lost", task.id, video.filename)
    return SubmittedTask(task.id, task.video_id, found=True)


def tasks_begun(hook: TwelveLabsHook, index_id: str, since: float) -> Iterator[IndexingTask]:
    """Yield the tasks of an index that were created since a time, newest first.

    :param since: epoch seconds by the clock of this machine.
    """
    begin = pendulum.from_timestamp(since - CLOCK_SKEW)
    return hook.items(lambda paging: hook.api.list_tasks(index_id=index_id, created_since=begin, paging=paging))


def find_lost_indexing(
    hook: TwelveLabsHook, video: SubmittedVideo, since: float, known: Collection[str]
) -> IndexingTask | None:
    """Return the task that was created for a video since a time; None if there is certainly none.

    A task carries no mark of its creator. If several tasks match, a person has to decide.

    :param since: epoch seconds just before the submission.
    :param known: ids of tasks that existed before.
    :raises TwelveLabsUnknownOutcomeError: several tasks match, or the task of a URL has another name.
    """
    begun = [task for task in tasks_begun(hook, video.index_id, since) if task.id not in known]
    may_be = [task for task in begun if phase_of(task.status) in (Phase.RUNNING, Phase.READY) and _fits(video, task)]
    if not may_be:
        return None
    if len(may_be) == 1 and filename_of(may_be[0]) == video.filename:
        return may_be[0]
    raise TwelveLabsUnknownOutcomeError(
        f"Response to the upload of {video.filename} was lost, and {len(may_be)} indexing tasks in index"
        f" {video.index_id} may be its task ({', '.join(task.id for task in may_be[:5])}). Indexing is billed. Look for"
        f" {video.filename} among them; if it is missing, clear the task to submit it again"
    )


def _fits(video: SubmittedVideo, task: IndexingTask) -> bool:
    """Return whether a task may be that of a video; missing fields do not contradict."""
    name = filename_of(task)
    other_name = name is not None and name != video.filename and not video.is_url
    both_known = task.duration is not None and video.duration is not None
    return not other_name and not (both_known and abs((task.duration or 0) - (video.duration or 0)) > 1.0)


def filename_of(task: IndexingTask) -> Any:
    """Return the name of a task's file, None if not known yet."""
    return (task.raw.get("system_metadata") or task.raw.get("metadata") or {}).get("filename")


def check_found(found: Video, size: int | None, mark: str | None) -> None:
    """Check that a video which was found by its file's name has the content of the uploaded file.

    :param size: bytes of the file.
    :param mark: content mark of the file.
    :raises TwelveLabsUnknownOutcomeError: it has other content.
    """
    of_another = found.user_metadata.get(SOURCE_MARK) not in (None, mark)
    if of_another or (found.size and size and found.size != size):
        raise TwelveLabsUnknownOutcomeError(
            f"Response to an upload of {size} bytes was lost, and video {found.id} with the same name is of another"
            f" file ({found.size} bytes). Indexing is billed. Check whether the upload arrived; if it did not, clear"
            " the task to submit it again"
        )
