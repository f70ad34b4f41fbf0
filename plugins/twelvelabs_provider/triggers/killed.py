"""What a trigger does when a user acts on the task that it waits for: mark it failed or successful, or clear it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from typing import Any

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.jobs.cancellation import (
    Stopped,
    cannot_be_stopped,
    was_cancelled,
    was_not_cancelled,
    what_runs,
)
from twelvelabs_provider.jobs.job import PendingJob
from twelvelabs_provider.jobs.kinds import cancellation
from twelvelabs_provider.version_compat import map_index_of

log = logging.getLogger(__name__)

# Seconds for Airflow to say where a task stands; a triggerer that shuts down does not answer any more.
_LONGEST_QUESTION = 20.0
_DEFERRED = "deferred"
# Seconds for all of it; Airflow gives up after 30.
_LONGEST_GOODBYE = 28.0


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do something, however often the trigger is cancelled meanwhile: Airflow does so every second until it ends."""
    doing = asyncio.create_task(_in_time(work))
    while not doing.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(doing)
    doing.result()


async def is_given_up(task_instance: Any) -> bool:
    """Tell whether nobody waits in the triggerer any more; where it cannot be known, it is taken that somebody does.

    A trigger is told to stop too when it only moves to another triggerer, or when its triggerer shuts down.

    :param task_instance: what the triggerer knows of the task; None outside one.
    """
    if task_instance is None:
        return False
    try:
        async with asyncio.timeout(_LONGEST_QUESTION):
            return await _state(task_instance) != _DEFERRED
    except Exception as error:
        log.warning("where the task stands could not be asked (%r): its remote job is left alone", error)
        return False


async def stop(twelvelabs_conn_id: str, pending: PendingJob) -> list[Stopped]:
    """Cancel what a task has running, where the service can; say in the log what became of it."""
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

    async with TwelveLabsAsyncHook(twelvelabs_conn_id) as hook:
        told = []
        for job in what_runs(pending):
            try:
                call = cancellation(hook.api, job)
                if call:
                    # It costs money meanwhile: it takes no turn behind what is to be begun.
                    await hook.execute(call, until=time.time())
                told.append(was_cancelled(job) if call else cannot_be_stopped(job))
            except TwelveLabsError as error:
                told.append(was_not_cancelled(job, error))
            log.warning("the task was given up while it was deferred: %s", told[-1])
    return told


async def _in_time(work: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(_LONGEST_GOODBYE):
            await work
    except TimeoutError:
        log.warning("what to do for a task that was given up took over %.0f s: it is left", _LONGEST_GOODBYE)


async def _state(task_instance: Any) -> str | None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from asgiref.sync import sync_to_async

    map_index = map_index_of(task_instance)
    states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
        dag_id=task_instance.dag_id,
        map_index=map_index,
        task_ids=[task_instance.task_id],
        run_ids=[task_instance.run_id],
    )
    key = task_instance.task_id if map_index < 0 else f"{task_instance.task_id}_{map_index}"
    state = states.get(task_instance.run_id, {}).get(key)
    return None if state is None else str(getattr(state, "value", state))
