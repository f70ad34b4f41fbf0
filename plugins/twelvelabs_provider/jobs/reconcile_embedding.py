"""Finding the embedding task whose id was lost: by what the service's list says of its input."""

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
from twelvelabs_provider.exceptions import TwelveLabsUnknownOutcomeError
from twelvelabs_provider.jobs.job import Phase
from twelvelabs_provider.jobs.kinds import phase_of

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)
CLOCKS_DIFFER = 120.0
"""Seconds by which the service's clock may be behind."""


def find_lost_task(hook: TwelveLabsHook, request: EmbeddingRequest, since: float) -> EmbeddingTask | None:
    """Return the newest task that was created for a request since a moment; None if there is certainly none.

    A task is known by the URL of its input. The list does not say of which asset or file a task is: where it has tasks
    of the same kind, nobody can tell.

    :param since: epoch seconds.
    :raises TwelveLabsUnknownOutcomeError: if there are tasks that may be it.
    """
    given = request.input
    assert isinstance(given, AudioInput | VideoInput)
    begin = pendulum.from_timestamp(since - CLOCKS_DIFFER)
    unclear: list[str] = []
    for task in hook.items(lambda paging: hook.api.list_embedding_tasks(since=begin, paging=paging)):
        if phase_of(task.status) not in (Phase.RUNNING, Phase.READY) or not _may_be(given, task.input):
            continue
        # The list leaves out what the task itself tells.
        known = hook.execute(hook.api.embedding_task_status(task.id)) if given.source.url else task
        if not _may_be(given, known.input):
            continue
        if given.source.url and (known.input.url or task.input.url):
            log.info("embedding task %s was created for the same input: attaching to it", task.id)
            return task
        unclear.append(task.id)
    if unclear:
        raise TwelveLabsUnknownOutcomeError(
            f"{len(unclear)} embedding tasks began meanwhile, and the service does not say of which file they are"
            f" (newest {unclear[0]}). Embedding is billed: look whether one of them is it, and give its id as"
            " embedding_task_id; or clear the task to submit it again"
        )
    return None


def _may_be(given: AudioInput | VideoInput, told: EmbeddedInput) -> bool:
    """Whether nothing that the service says of a task contradicts what was asked; what it leaves out does not."""
    asked_url, asked_scopes = given.source.url, {scope.value for scope in given.scopes or EmbeddingScope}
    told_scopes = {"asset" if scope == "video" else scope for scope in told.scopes}
    cut, end = given.segmentation, given.end or told.duration
    return (
        told.type in (None, given.type.value)
        and not (told.url and told.url != asked_url)
        and not (told.filename and asked_url)
        and not (told_scopes and told_scopes != asked_scopes)
        and not (told.options and set(told.options) != {option.value for option in given.options or given.known})
        and not (told.clip_length and isinstance(cut, FixedSegmentation) and told.clip_length != cut.seconds)
        and not (told.start is not None and told.start != (given.start or 0.0))
        and not (told.end is not None and end is not None and abs(told.end - end) > 1.0)
    )
