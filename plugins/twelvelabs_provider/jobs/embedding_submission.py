"""Submission of an embedding: in one request, or as a task, once for all attempts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.embedding.models import Embeddings, EmbeddingTask
from twelvelabs_provider.api.embedding.request import EmbeddingRequest
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsError
from twelvelabs_provider.exceptions import TwelveLabsUnknownOutcomeError
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.reconcile_embedding import find_lost_task
from twelvelabs_provider.jobs.task_state import TaskState

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)


def embed_at_once(hook: TwelveLabsHook, call: Call[Embeddings], *, is_billed: bool) -> Embeddings:
    """Embed in one request.

    :param is_billed: the input is billed by its length.
    :raises TwelveLabsUnknownOutcomeError: the response to a billed request is lost.
    """
    try:
        return hook.execute(call)
    except TwelveLabsAmbiguousError as error:
        if not is_billed:
            raise
        raise TwelveLabsUnknownOutcomeError(
            f"{error}. The request may have been billed, and the service keeps no result: clear the task to send it"
            " again, or use mode='async', whose results can be fetched later"
        ) from error


def submit_once(
    hook: TwelveLabsHook,
    task_state: TaskState,
    request: EmbeddingRequest,
    call: Call[EmbeddingTask],
    guard: Callable[[], None],
) -> EmbeddingTask:
    """Submit a task once for all attempts: a task whose id was lost is found in the service's list.

    :param guard: raises before the submission if it is too expensive.
    :raises TwelveLabsUnknownOutcomeError: the response is lost, and the list does not tell what became of the request.
    """
    unconfirmed = task_state.unconfirmed()
    if unconfirmed and unconfirmed.at is not None:
        found = find_lost_task(hook, request, unconfirmed.at)
        if found is not None:
            return found
    guard()
    now = time.time()
    task_state.record_intent(now)
    try:
        return hook.execute(call)
    except UNKNOWN_OUTCOME as error:
        found = find_lost_task(hook, request, now)
        if found is None:
            raise TwelveLabsUnknownOutcomeError(
                f"{error}. The embedding may have been billed, and the service does not list it yet: clear the task to"
                " send it again"
            ) from error
        return found
    except TwelveLabsError:
        task_state.drop_intent()
        raise
