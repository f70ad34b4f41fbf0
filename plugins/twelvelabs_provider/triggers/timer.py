"""The trigger that waits until a quota is renewed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from twelvelabs_provider.triggers.shared_wait import SETTLED

# Seconds over which the tasks that wait for the same moment spread.
_SPREAD = 30.0
# Seconds between looks at the clock, which somebody may put right meanwhile.
_LONGEST_SLEEP = 300.0


class TwelveLabsTimerTrigger(BaseTrigger):
    """Waits for a moment, asking nobody, and hands back what it was given.

    :param renewed_at: epoch seconds at which the quota is renewed.
    :param memo: plain JSON that the task wants back, no secret.
    """

    def __init__(self, renewed_at: float, memo: dict[str, Any] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.renewed_at = renewed_at
        self.memo = memo

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make this trigger again."""
        fields = {"renewed_at": self.renewed_at, "memo": self.memo}
        return f"{type(self).__module__}.{type(self).__qualname__}", fields

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event."""
        await asyncio.sleep(SETTLED)
        until = self.renewed_at + _SPREAD * random.random()
        while (left := until - time.time()) > 0:
            await asyncio.sleep(min(left, _LONGEST_SLEEP))
        yield TriggerEvent({"renewed_at": self.renewed_at, "memo": self.memo})  # type: ignore[no-untyped-call]
