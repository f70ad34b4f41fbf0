"""Counters of requests for the rate-limit headers. They reject nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping

DAY = 86_400
PER_DAY: Mapping[str, int] = {"index": 3000, "search": 3000, "upload": 3000, "embed": 3000, "analyze": 1000}
"""Requests per day of the service's first paid tier."""


class Rates:
    """Counts requests per category and day (UTC)."""

    def __init__(self) -> None:
        self._day = 0
        self._used: dict[str, int] = {}

    def count(self, category: str) -> Mapping[str, str]:
        """Count one request and return the service's headers.

        :param category: a key of ``PER_DAY``.
        """
        today = int(time.time()) // DAY
        if today != self._day:
            self._day, self._used = today, {}
        used = self._used[category] = self._used.get(category, 0) + 1
        limit = PER_DAY[category]
        return {
            "X-Ratelimit-Limit": str(limit),
            "X-Ratelimit-Remaining": str(max(0, limit - used)),
            "X-Ratelimit-Used": str(used),
            "X-Ratelimit-Reset": str((today + 1) * DAY),
        }
