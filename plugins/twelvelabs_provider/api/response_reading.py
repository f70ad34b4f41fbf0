"""Parsing of an HTTP response into a model or a typed error, for both hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from twelvelabs_provider.api.call import Call
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
    """Return the parsed response to a call.

    :param headers: names in any case.
    :param content: the raw body.
    :param now: epoch seconds, for headers with a time.
    :raises TwelveLabsError: the typed error of a response that is not a success.
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
        # Without a length in the headers a cut looks like the end.
        raise TwelveLabsAmbiguousError(
            f"response was cut after {len(content)} bytes: {call.name} may have been executed"
        ) from None
    except JsonError as error:
        raise TwelveLabsAnswerError(
            f"response is not JSON ({len(content)} bytes, {error}): {call.name} succeeded"
        ) from None


def parsed(call: Call[T], body: Any) -> T:
    """Return the parsed body of a success.

    :raises TwelveLabsAnswerError: it is not what the service documents.
    """
    try:
        return call.parse(body)
    except TwelveLabsError:
        raise
    except Exception as error:
        # The response is the reason, and the original error may quote it.
        raise TwelveLabsAnswerError(
            f"response cannot be read ({type(error).__name__}: {error}): {call.name} succeeded"
        ) from None


def refusal(call: Call[Any], status: int, headers: Mapping[str, str], content: bytes, now: float) -> TwelveLabsError:
    """Return the typed error of a response that is not a success; see :func:`read_answer`."""
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
