"""Request headers, transport errors and the log line before a retry, for both hooks."""

from __future__ import annotations

import logging
import os
import random
from typing import Any

from twelvelabs_provider import __version__
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.endpoint import Endpoint
from twelvelabs_provider.api.errors import (
    TwelveLabsAmbiguousError,
    TwelveLabsConnectionError,
    TwelveLabsError,
)
from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.api.retry import delay_before_retry
from twelvelabs_provider.hooks.network import Network
from twelvelabs_provider.hooks.proxies import shown
from twelvelabs_provider.hooks.response_body import ACCEPTED

log = logging.getLogger(__name__)
_LONGEST_CAUSE = 200
USER_AGENT = f"airflow-provider-twelvelabs/{__version__}"


def call_headers(call: Call[Any]) -> dict[str, str]:
    """Return the headers of a call without the API key, which the transport adds."""
    return {"accept": "application/json", "accept-encoding": ACCEPTED, "user-agent": USER_AGENT, **call.headers}


def never_sent(call: Call[Any], network: Network, error: Exception) -> TwelveLabsConnectionError:
    """Return the error for a connection that could not be opened."""
    origin = network.endpoint.origin
    proxy = network.proxy_for(origin)
    way, check = (f" through the proxy {shown(proxy)}", ", the proxy") if proxy else ("", "")
    where = f"the host of connection {network.endpoint.conn_id!r}" if network.endpoint.conn_id else "the host"
    return TwelveLabsConnectionError(
        f"No connection to {origin}{way}: {_cause(error)}. {call.name} was not sent",
        advice=f"check {where}{check} and the network",
    )


def broken_off(call: Call[Any], endpoint: Endpoint, error: Exception, left: int) -> TwelveLabsConnectionError:
    """Return the error for an upload that stopped before its end.

    :param left: bytes that were not sent.
    """
    return TwelveLabsConnectionError(
        f"upload stopped {left:,} bytes before its end ({_cause(error)}): nothing was created by {call.name} to"
        f" {endpoint.origin}"
    )


def no_answer(call: Call[Any], endpoint: Endpoint, error: Exception) -> TwelveLabsAmbiguousError:
    """Return the error for a lost response to a request that was sent."""
    return TwelveLabsAmbiguousError(
        f"response was lost: {call.name} was sent to {endpoint.origin} ({_cause(error)}); whether it was executed is"
        " unknown"
    )


def pause_before_retry(call: Call[Any], endpoint: Endpoint, error: TwelveLabsError, attempt: int) -> float:
    """Log the reason and return the seconds before the next attempt; raise the error if there is no next attempt.

    The advice of an error is logged with the first attempt, and is in the error that ends the last one.
    """
    delay = delay_before_retry(call, error, attempt, endpoint.retry, random.random())
    if delay is None:
        raise error
    reason = str(error) if attempt == 1 else error.without_advice
    log.warning("%s; attempt %d of %d follows in %.1f s", reason, attempt + 1, endpoint.retry.attempts, delay)
    return delay


def kind_of(error: BaseException) -> str:
    """Return the class name of the cause of a transport error, for messages that must not quote it."""
    return type(_innermost(error)).__name__


def _cause(error: BaseException) -> str:
    """Return the innermost reason of a transport error: the system's own, if there is one."""
    seen = _innermost(error)
    reason: BaseException | None = seen
    while reason is not None:
        if isinstance(reason, ConnectionError) and reason.errno:
            return os.strerror(reason.errno)
        reason = reason.__cause__ or reason.__context__
    return f"{type(seen).__name__}: {clean_text(seen, _LONGEST_CAUSE)}"


def _innermost(error: BaseException) -> BaseException:
    seen = error
    while True:
        inner = getattr(seen, "reason", None) or (seen.args[0] if seen.args else None)
        if not isinstance(inner, BaseException):
            return seen
        seen = inner
