"""Parsing of an HTTP response into a model or a typed error, for both hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.conformity import conforming
from twelvelabs_provider.api.decoding import JsonCutError, JsonError, decoded_json
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
        return decoded_json(content)
    except JsonCutError:
        # A cut is only seen where the answer's head gave its length.
        raise TwelveLabsAmbiguousError(
            f"{call.name} was answered, but the answer breaks off after {len(content)} bytes; whether it was done is"
            " unknown"
        ) from None
    except JsonError as error:
        raise TwelveLabsAnswerError(
            f"{call.name} succeeded, but its answer is not JSON ({len(content)} bytes): {error}"
        ) from None


def parsed(call: Call[T], body: Any) -> T:
    """Return what a decoded success says.

    :raises TwelveLabsAnswerError: if it is not what the service documents.
    """
    try:
        return conforming(call.parse(body))
    except TwelveLabsError:
        raise
    except Exception as error:
        # Whatever a parser stumbles over, the answer is the reason; the error's own text may quote the answer.
        raise TwelveLabsAnswerError(
            f"{call.name} succeeded, but its answer cannot be read: {type(error).__name__}: {error}"
        ) from None


def refusal(call: Call[Any], status: int, headers: Mapping[str, str], content: bytes, now: float) -> TwelveLabsError:
    """Return the typed error of an answer that is not a success; see :func:`read_answer`."""
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        body = decoded_json(content)
    except JsonError:
        body = content.decode("utf-8", errors="replace")
    return error_from(
        status,
        body,
        what=call.name,
        request_id=request_id_from(lower),
        retry_after=retry_after_from(status, lower, now),
        now=now,
    )
