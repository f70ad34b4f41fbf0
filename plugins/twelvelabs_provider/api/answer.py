"""From an HTTP answer to a value or a typed error: the same reading for both hooks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import (
    TwelveLabsAmbiguousError,
    TwelveLabsAnswerError,
    TwelveLabsError,
    TwelveLabsNotFoundError,
    error_from,
)
from twelvelabs_provider.api.retry import request_id_from, retry_after_from

T = TypeVar("T")


def read_answer(call: Call[T], status: int, headers: Mapping[str, str], content: bytes, now: float) -> T:
    """Return what the call's answer says.

    :param headers: of the answer, in any case.
    :param content: the body as it came.
    :param now: epoch seconds, for headers that name a moment.
    :raises TwelveLabsError: typed, for every answer that is not a success.
    """
    if 200 <= status < 300:
        return parsed(call, _decoded_success(call, content))
    error = refusal(call, status, headers, content, now)
    if call.missing_is_done and isinstance(error, TwelveLabsNotFoundError):
        return call.parse(None)
    raise error


def _decoded_success(call: Call[Any], content: bytes) -> Any:
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except ValueError as error:
        if content.lstrip()[:1] in (b"{", b"["):
            # A cut is only seen where the answer's head gave its length.
            raise TwelveLabsAmbiguousError(
                f"{call.name} was answered, but the answer breaks off after {len(content)} bytes;"
                " whether it was done is unknown"
            ) from error
        raise TwelveLabsAnswerError(
            f"{call.name} succeeded, but its answer is not JSON ({len(content)} bytes)"
        ) from error


def parsed(call: Call[T], body: Any) -> T:
    """Return what a decoded success says.

    :raises TwelveLabsAnswerError: if it is not what the service documents.
    """
    try:
        return call.parse(body)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise TwelveLabsAnswerError(f"{call.name} succeeded, but its answer cannot be read: {error}") from error


def refusal(call: Call[Any], status: int, headers: Mapping[str, str], content: bytes, now: float) -> TwelveLabsError:
    """Return the typed error of an answer that is not a success; see :func:`read_answer`."""
    lower = {name.lower(): value for name, value in headers.items()}
    text = content.decode("utf-8", errors="replace")
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    return error_from(
        status,
        body,
        what=call.name,
        request_id=request_id_from(lower),
        retry_after=retry_after_from(status, lower, now),
        now=now,
    )
