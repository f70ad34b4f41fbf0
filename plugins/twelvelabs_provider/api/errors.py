"""Typed errors of the service, and the parsing of its error bodies.

No error carries an API key, a query of a URL or a control character: the constructor removes them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from twelvelabs_provider.api.redaction import clean_request_id, clean_text


@dataclass(frozen=True)
class ErrorDetails:
    """Fields of an error response.

    :param status: the HTTP status; None without a response.
    :param code: the service's own code (``parameter_invalid``, ``104``, ...).
    :param message: the message of the service.
    :param request_id: the id to quote to the vendor's support.
    :param retry_after: seconds after which the service wants the next attempt.
    """

    status: int | None = None
    code: str | None = None
    message: str = ""
    request_id: str | None = None
    retry_after: float | None = None

    def __str__(self) -> str:
        parts = [f"HTTP {self.status}" if self.status else "", self.code or "", self.message]
        text = ": ".join(part for part in parts if part)
        return f"{text} (request {self.request_id})" if self.request_id else text


_LONGEST_CODE = 100
_LONGEST_ERROR = 4000


class TwelveLabsError(Exception):
    """Base class of the errors of the service.

    :param message: what happened, with the value concerned.
    :param details: the response of the service, if any.
    :param advice: what a person can do; last in the message.
    """

    def __init__(self, message: str, details: ErrorDetails | None = None, *, advice: str = "") -> None:
        self.details = details or ErrorDetails()
        self.without_advice = clean_text(message, _LONGEST_ERROR)
        super().__init__(clean_text(f"{message}; {advice}", _LONGEST_ERROR) if advice else self.without_advice)

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the service wants the next attempt, if it names them."""
        return self.details.retry_after


class TwelveLabsTransientError(TwelveLabsError):
    """A retry can help, and the service did nothing."""


class TwelveLabsRateLimitError(TwelveLabsTransientError):
    """Too many requests or a quota used up (429)."""


class TwelveLabsQuotaError(TwelveLabsRateLimitError):
    """A quota is used up and renewed too late for a worker to wait (429): defer, or fail."""


class TwelveLabsServerError(TwelveLabsTransientError):
    """The service failed (408, 5xx); whether it did the work is unknown for calls that change something."""


class TwelveLabsConnectionError(TwelveLabsTransientError):
    """No connection, or it broke before the request was complete: the service did nothing."""


class TwelveLabsAmbiguousError(TwelveLabsTransientError):
    """The response was lost: check whether the request was processed before repeating it."""


class TwelveLabsPermanentError(TwelveLabsError):
    """The same request will be refused again."""


class TwelveLabsBadRequestError(TwelveLabsPermanentError):
    """The request is wrong (400, 413, 422)."""


class TwelveLabsAuthError(TwelveLabsPermanentError):
    """The API key is missing, wrong or expired (401)."""


class TwelveLabsPermissionError(TwelveLabsPermanentError):
    """The plan or the region does not allow it (403)."""


class TwelveLabsNotFoundError(TwelveLabsPermanentError):
    """The resource does not exist (404, ``resource_not_exist``)."""


class TwelveLabsGoneError(TwelveLabsPermanentError):
    """The service retired this endpoint, or the thing that the request names has expired (410)."""


class TwelveLabsConflictError(TwelveLabsPermanentError):
    """The state of the resource forbids the request (409)."""


class TwelveLabsRedirectError(TwelveLabsPermanentError):
    """The host answered with a redirect; the key is not sent on to another address."""


class TwelveLabsAnswerError(TwelveLabsPermanentError):
    """The response is not what the service documents."""


class TwelveLabsCutOffError(TwelveLabsAnswerError):
    """The generated answer reached its length limit before it was complete."""


class TwelveLabsUnsupportedError(TwelveLabsPermanentError):
    """This generation of the API lacks the call; the message names the nearest alternative."""


class TwelveLabsConfigurationError(TwelveLabsPermanentError):
    """A field of the connection is missing or invalid."""


def is_missing(error: BaseException) -> bool:
    """Return whether the service itself says that the requested resource does not exist.

    A bare 404 is no such answer: proxies, gateways and the service's own router send them too.
    """
    return isinstance(error, TwelveLabsNotFoundError) and error.details.code in _MISSING


class ErrorCode(StrEnum):
    """Error codes of the service that change what the caller does."""

    NOT_EXIST = "resource_not_exist"
    NOT_FOUND = "not_found"
    KEY_INVALID = "api_key_invalid"
    NAME_EXISTS = "index_name_already_exists"


_MISSING = (ErrorCode.NOT_EXIST.value, "resource_not_exists")
_BY_CODE: Mapping[str, type[TwelveLabsError]] = {
    "resource_not_exists": TwelveLabsNotFoundError,
    ErrorCode.NOT_EXIST.value: TwelveLabsNotFoundError,
    ErrorCode.NOT_FOUND.value: TwelveLabsNotFoundError,
    ErrorCode.KEY_INVALID.value: TwelveLabsAuthError,
}
_BY_STATUS: Mapping[int, type[TwelveLabsError]] = {
    HTTPStatus.UNAUTHORIZED: TwelveLabsAuthError,
    HTTPStatus.FORBIDDEN: TwelveLabsPermissionError,
    HTTPStatus.NOT_FOUND: TwelveLabsNotFoundError,
    HTTPStatus.REQUEST_TIMEOUT: TwelveLabsServerError,
    HTTPStatus.CONFLICT: TwelveLabsConflictError,
    HTTPStatus.TOO_MANY_REQUESTS: TwelveLabsRateLimitError,
}
LONGEST_HOLD = 900.0
"""Seconds; a limit that ends later counts as a quota."""

_SHORT_HOLD = 60.0
_DAILY = re.compile(r"\bdaily\b|\b(?:per|a|each) ?day\b|/ ?\d*day", re.IGNORECASE)
LONGEST_RETRY_AFTER = 3650 * 86400.0
"""Seconds; a longer wait in an answer is read as this one, so that arithmetic on moments cannot overflow."""
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?\s?(Z|UTC|[+-]\d\d:?\d\d)?(?!\d)")


def error_from(
    status: int,
    body: Any,
    *,
    what: str,
    request_id: str | None,
    retry_after: float | None,
    now: float | None = None,
) -> TwelveLabsError:
    """Return the typed error of a response that is not a success.

    :param status: HTTP status.
    :param body: the decoded body: an object of any of the service's shapes, a string, or None.
    :param what: the call, for the message (``POST /tasks``).
    :param request_id: from a header of the response.
    :param retry_after: seconds, from a header of the response.
    :param now: epoch seconds, for a 429 with a time in its message.
    """
    code, message, hints = code_and_message(body)
    waits = (bounded_wait(retry_after), _seconds(hints.get("retryAfter")), _wait_in_words(status, message, now))
    details = ErrorDetails(
        status=status,
        code=code,
        message=message or _phrase(status),
        request_id=clean_request_id(request_id) or clean_request_id(hints.get("requestId")),
        retry_after=next((bounded_wait(wait) for wait in waits if wait is not None), None),
    )
    if 300 <= status < 400:
        return TwelveLabsRedirectError(
            f"redirect refused (HTTP {status}) for {what}: the API key is sent only to the configured host. Set the"
            " connection's host to the final address",
            details,
        )
    if status == HTTPStatus.GONE:
        return TwelveLabsGoneError(
            f"{details}: {what} was retired by the service, or the resource has expired. Nothing was done; a connection"
            " with a newer api_version may offer another call",
            details,
        )
    kind = _class_for(status, code)
    if kind is TwelveLabsRateLimitError and _is_quota(message, details.retry_after):
        kind = TwelveLabsQuotaError
    # Airflow's log viewer shows the start of a message, so the reason comes first.
    reason = ": ".join(part for part in (f"HTTP {status} {code or ''}".strip(), details.message) if part)
    request = f"{what}, request {details.request_id}" if details.request_id else what
    return kind(f"{reason} ({request})", details)


def _class_for(status: int, code: str | None) -> type[TwelveLabsError]:
    if 400 <= status < 500 and code is not None and code in _BY_CODE:
        return _BY_CODE[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return TwelveLabsServerError if status >= 500 else TwelveLabsBadRequestError


def _is_quota(message: str, retry_after: float | None) -> bool:
    """Return whether a 429 is a quota; a daily limit that resets within a minute is none."""
    if retry_after is not None and retry_after <= _SHORT_HOLD:
        return False
    return (retry_after is not None and retry_after > LONGEST_HOLD) or _DAILY.search(message) is not None


def _wait_in_words(status: int, message: str, now: float | None) -> float | None:
    """Return the seconds until the time in the message of a 429; None for a past time."""
    found = _MOMENT.search(message) if status == HTTPStatus.TOO_MANY_REQUESTS and now is not None else None
    if found is None or now is None:
        return None
    zone = found[3] if found[3] not in (None, "Z", "UTC") else "+00:00"
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}").astimezone(UTC).timestamp()
    except (OverflowError, ValueError):
        return None
    return bounded_wait(moment - now) if moment > now else None


def code_and_message(body: Any) -> tuple[str | None, str, Mapping[str, Any]]:
    """Return code, message and details of an error: flat, in ``error``, with a numeric ``error_code``, or no object."""
    if not isinstance(body, Mapping):
        return None, clean_text(body), {}
    inner = body.get("error")
    fields = inner if isinstance(inner, Mapping) else body
    code = fields.get("code", fields.get("error_code"))
    details = fields.get("details")
    message = fields.get("message") or (inner if isinstance(inner, str) else "")
    return clean_text(code, _LONGEST_CODE) or None, clean_text(message), details if isinstance(details, Mapping) else {}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"


def _seconds(value: Any) -> float | None:
    return bounded_wait(finite_number(value))


def bounded_wait(seconds: float | None) -> float | None:
    """Return the seconds that the service asks to wait, from 0 to :data:`LONGEST_RETRY_AFTER`."""
    return None if seconds is None else min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def finite_number(value: Any) -> float | None:
    """Return a value as a finite number; None for everything else, such as ``nan`` and ``inf``."""
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (OverflowError, TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
