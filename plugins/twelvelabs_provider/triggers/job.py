"""The trigger that waits for a remote job of any kind."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from twelvelabs_provider.api.errors import TwelveLabsError, TwelveLabsPermanentError
from twelvelabs_provider.jobs.job import PendingJob, Phase
from twelvelabs_provider.jobs.kinds import read_state
from twelvelabs_provider.jobs.patience import Patience
from twelvelabs_provider.jobs.waiting import pause_before_look
from twelvelabs_provider.jobs.wake import Wake, WakeReason

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

log = logging.getLogger(__name__)


class TwelveLabsJobTrigger(BaseTrigger):
    """Waits until a remote job ends, its deadline passes, or the service can no longer be asked; it never raises.

    :param twelvelabs_conn_id: connection; only its id is stored.
    :param pending: the job as :meth:`PendingJob.as_json` writes it, deadline included; plain JSON, no secret.
    :param poll_interval: seconds between looks; None lets the pause grow from 5 to 60 seconds.
    """

    def __init__(self, twelvelabs_conn_id: str, pending: dict[str, Any], poll_interval: float | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self.pending = pending
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make this trigger again."""
        fields = {
            "twelvelabs_conn_id": self.twelvelabs_conn_id,
            "pending": self.pending,
            "poll_interval": self.poll_interval,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", fields

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, whatever happens."""
        try:
            pending = PendingJob.from_json(self.pending)
        except ValueError as error:
            # A row of another release; the operator refuses such an event in words.
            yield TriggerEvent({"reason": WakeReason.UNREACHABLE.value, "message": str(error)})  # type: ignore[no-untyped-call]
            return
        yield TriggerEvent((await self._wake(pending)).as_payload())  # type: ignore[no-untyped-call]

    async def _wake(self, pending: PendingJob) -> Wake:
        from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

        try:
            # The pause comes before the connection is even read: a trigger that fires at once can overtake the
            # executor's word that the deferring process has ended, and the scheduler would call that a failure.
            await asyncio.sleep(self._pause(pending))
            async with TwelveLabsAsyncHook(self.twelvelabs_conn_id) as hook:
                return await self._watch(hook, pending)
        except TwelveLabsPermanentError as error:
            return Wake(WakeReason.REFUSED, pending, str(error))
        except TwelveLabsError as error:
            return Wake(WakeReason.UNREACHABLE, pending, str(error))
        except Exception as error:
            log.exception("the wait for %s broke off; the job itself goes on", pending.job)
            return Wake(WakeReason.UNREACHABLE, pending, f"{type(error).__name__}: {error}")

    async def _watch(self, hook: TwelveLabsAsyncHook, pending: PendingJob) -> Wake:
        patience = Patience(time.time())
        while True:
            asked_to_wait = 0.0
            try:
                state = await hook.execute(read_state(hook.api, pending.job))
                patience.answered_at = time.time()
                if state.phase is not Phase.RUNNING:
                    return Wake(WakeReason.ENDED, pending)
            except TwelveLabsError as error:
                if not patience.bears(error, pending, time.time()):
                    raise
                asked_to_wait = error.retry_after or 0.0
            left = pending.deadline - time.time()
            if left <= 0:
                return Wake(WakeReason.DEADLINE, pending)
            await asyncio.sleep(max(self._pause(pending), min(asked_to_wait, left)))

    def _pause(self, pending: PendingJob) -> float:
        return pause_before_look(time.time(), pending.started_at, pending.deadline, self.poll_interval, random.random())
