"""Polls on a worker that outlast refusals, as a trigger's polls do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from twelvelabs_provider.api.errors import (
    TwelveLabsConfigurationError,
    TwelveLabsError,
    TwelveLabsPermanentError,
)
from twelvelabs_provider.exceptions import TwelveLabsUnreachableError
from twelvelabs_provider.jobs.outage import Outage, ended_by, is_final
from twelvelabs_provider.jobs.polling import LONGEST_PAUSE

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

T = TypeVar("T")


def outlast_refusals(hook: TwelveLabsHook, poll: Callable[[], T], what: str, until: float) -> T:
    """Poll until the service answers; a refusal that passes ends no task.

    After each failure the connection is read again, so that a rotated key or a changed host takes effect. The worker
    keeps its slot: the next process would not know for how long the service has refused.

    :param poll: reads something; it is repeated, so it must change nothing.
    :param what: what is polled, for the log.
    :param until: epoch seconds after which it is not repeated.
    :raises TwelveLabsUnreachableError: the service has refused for too long; a retry continues.
    :raises TwelveLabsPermanentError: a final answer: the request itself is wrong, or the connection is.
    :raises TwelveLabsError: any other failure, which says nothing about a later poll.
    """
    outage = Outage()
    while True:
        try:
            return poll()
        except TwelveLabsConfigurationError:
            raise
        except TwelveLabsError as error:
            changed = hook.reread()
            if not isinstance(error, TwelveLabsPermanentError) or is_final(error):
                raise
            now = time.time()
            if not outage.tolerates(error, what, now) or now >= until:
                why = ended_by(error, outage, now)
                raise TwelveLabsUnreachableError(f"cannot poll {what} ({why}); a retry continues") from error
        # A connection that differs at each reading is no reason to poll without a pause.
        pause = 0.0 if changed and outage.failures == 1 else outage.pause(LONGEST_PAUSE)
        time.sleep(min(pause, max(0.0, until - time.time())))
