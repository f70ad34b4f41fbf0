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
    """Return the headers of a call, all but the key (it is added at the last moment, by the transport)."""
    return {"accept": "application/json", "accept-encoding": ACCEPTED, "user-agent": USER_AGENT, **call.headers}


def never_sent(call: Call[Any], network: Network, error: Exception) -> TwelveLabsConnectionError:
    """Return the error for a connection that did not come about."""
    origin = network.endpoint.origin
    proxy = network.proxy_for(origin)
    way, check = (f" by the proxy {shown(proxy)}", ", the proxy") if proxy else ("", "")
    return TwelveLabsConnectionError(
        f"No connection to {origin}{way}: {_cause(error)}. {call.name} was not sent; check the connection's host{check}"
        " and the network"
    )


def broken_off(call: Call[Any], endpoint: Endpoint, error: Exception, left: int) -> TwelveLabsConnectionError:
    """Return the error for an upload that was cut before the service had all of it.

    :param left: bytes that were not sent.
    """
    return TwelveLabsConnectionError(
        f"{call.name} to {endpoint.origin} broke off {left:,} bytes before its end ({_cause(error)}); nothing was made"
    )


def no_answer(call: Call[Any], endpoint: Endpoint, error: Exception) -> TwelveLabsAmbiguousError:
    """Return the error for a request that went out and whose answer never came."""
    return TwelveLabsAmbiguousError(
        f"{call.name} was sent to {endpoint.origin}, but its answer was lost ({_cause(error)});"
        " whether it was done is unknown"
    )


def pause_before_retry(call: Call[Any], endpoint: Endpoint, error: TwelveLabsError, attempt: int) -> float:
    """Return the seconds to wait before the next attempt, having said why; raise the error where there is none."""
    delay = delay_before_retry(call, error, attempt, endpoint.retry, random.random())
    if delay is None:
        raise error
    log.warning("%s; attempt %d of %d follows in %.1f s", error, attempt + 1, endpoint.retry.attempts, delay)
    return delay


def kind_of(error: BaseException) -> str:
    """Return the name of the innermost reason of a transport error, for messages that must quote nothing of it."""
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
