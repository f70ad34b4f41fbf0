"""Trigger that waits until a point in time, such as the renewal of a quota."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from twelvelabs_provider.triggers.single_poll import EARLIEST_EVENT

# Seconds over which tasks that wait for the same time are spread.
_SPREAD = 30.0
# Seconds between readings of the clock, which may be corrected meanwhile.
_LONGEST_SLEEP = 300.0


class TwelveLabsTimerTrigger(BaseTrigger):
    """Waits until a point in time without any request, and returns the memo that it was given.

    :param renewed_at: epoch seconds at which the quota is renewed.
    :param memo: plain JSON that the task needs again, no secret.
    """

    def __init__(self, renewed_at: float, memo: dict[str, Any] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.renewed_at = renewed_at
        self.memo = memo

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments of this trigger."""
        fields = {"renewed_at": self.renewed_at, "memo": self.memo}
        return f"{type(self).__module__}.{type(self).__qualname__}", fields

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event."""
        await asyncio.sleep(EARLIEST_EVENT)
        until = self.renewed_at + _SPREAD * random.random()
        while (left := until - time.time()) > 0:
            await asyncio.sleep(min(left, _LONGEST_SLEEP))
        yield TriggerEvent({"renewed_at": self.renewed_at, "memo": self.memo})  # type: ignore[no-untyped-call]
