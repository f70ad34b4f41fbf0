"""Reconciliation of embedding tasks: after a lost response, the task is searched by its input."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pendulum

from twelvelabs_provider.api.embedding.models import EmbeddedInput, EmbeddingTask
from twelvelabs_provider.api.embedding.request import (
    AudioInput,
    EmbeddingRequest,
    EmbeddingScope,
    VideoInput,
)
from twelvelabs_provider.api.embedding.source import FixedSegmentation
from twelvelabs_provider.api.jobs import phase_of
from twelvelabs_provider.exceptions import TwelveLabsUnknownOutcomeError
from twelvelabs_provider.jobs.idempotency import CLOCK_SKEW
from twelvelabs_provider.jobs.job import Phase

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)


def find_lost_task(hook: TwelveLabsHook, request: EmbeddingRequest, since: float) -> EmbeddingTask | None:
    """Return the newest task that was created for a request since a time; None if there is certainly none.

    A task is identified by the URL of its input. The list does not name the asset or file of a task, so similar tasks
    without a URL make the outcome unknown.

    :param since: epoch seconds.
    :raises TwelveLabsUnknownOutcomeError: there are tasks that may match.
    """
    given = request.input
    assert isinstance(given, AudioInput | VideoInput)
    begin = pendulum.from_timestamp(since - CLOCK_SKEW)
    unclear: list[str] = []
    for task in hook.items(lambda paging: hook.api.list_embedding_tasks(since=begin, paging=paging)):
        if phase_of(task.status) not in (Phase.RUNNING, Phase.READY) or not _may_be(given, task.input):
            continue
        # A single task has more fields than the list.
        known = hook.execute(hook.api.embedding_task_status(task.id)) if given.source.url else task
        if not _may_be(given, known.input):
            continue
        if given.source.url and (known.input.url or task.input.url):
            log.info("Found embedding task %s of the same input, whose response was lost", task.id)
            return task
        unclear.append(task.id)
    if unclear:
        raise TwelveLabsUnknownOutcomeError(
            f"Response was lost, and {len(unclear)} new embedding tasks may be the lost one (newest {unclear[0]}): the"
            " service does not name their files. Embedding is billed. Pass the right one as embedding_task_id, or clear"
            " the task to submit it again"
        )
    return None


def _may_be(given: AudioInput | VideoInput, found: EmbeddedInput) -> bool:
    """Return whether a task may be that of a request; missing fields do not contradict."""
    asked_url, asked_scopes = given.source.url, {scope.value for scope in given.scopes or EmbeddingScope}
    found_scopes = {"asset" if scope == "video" else scope for scope in found.scopes}
    cut, end = given.segmentation, given.end or found.duration
    return (
        found.type in (None, given.type.value)
        and not (found.url and found.url != asked_url)
        and not (found.filename and asked_url)
        and not (found_scopes and found_scopes != asked_scopes)
        and not (found.options and set(found.options) != {option.value for option in given.options or given.known})
        and not (found.clip_length and isinstance(cut, FixedSegmentation) and found.clip_length != cut.seconds)
        and not (found.start is not None and found.start != (given.start or 0.0))
        and not (found.end is not None and end is not None and abs(found.end - end) > 1.0)
    )
