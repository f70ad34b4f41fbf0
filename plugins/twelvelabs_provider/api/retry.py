"""Retries: whether to repeat a request, and how long to wait first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import (
    TwelveLabsAmbiguousError,
    TwelveLabsConnectionError,
    TwelveLabsError,
    TwelveLabsQuotaError,
    TwelveLabsRateLimitError,
    TwelveLabsServerError,
    bounded_wait,
    finite_number,
)

_LIMIT = ("x-ratelimit-request-limit", "x-ratelimit-limit")
_USED = ("x-ratelimit-request-used", "x-ratelimit-used")
_REMAINING = ("x-ratelimit-request-remaining", "x-ratelimit-remaining")
_RESET = ("x-ratelimit-request-reset", "x-ratelimit-reset")


@dataclass(frozen=True)
class RetrySettings:
    """Attempts and delays of one call.

    :param attempts: maximum number of requests.
    :param first_delay: seconds before the second attempt; doubled for each further one.
    :param longest_delay: seconds; the call fails instead of waiting longer.
    """

    attempts: int = 5
    first_delay: float = 1.0
    longest_delay: float = 60.0


@dataclass(frozen=True)
class RateLimit:
    """Rate limit in the headers of a response.

    :param remaining: requests left in the window.
    :param reset_at: epoch seconds at which the next window starts.
    :param limit: requests that the whole window has.
    """

    remaining: int | None
    reset_at: float | None
    limit: int | None = None


def delay_before_retry(
    call: Call[object], error: TwelveLabsError, attempt: int, settings: RetrySettings, jitter: float
) -> float | None:
    """Return the seconds to wait before the next attempt, or None to give up.

    :param attempt: how often the call was sent, 1 for the first time.
    :param jitter: a random number from 0 to 1, drawn by the caller.
    """
    if attempt >= settings.attempts or not may_repeat(call, error):
        return None
    if error.retry_after is not None:
        return error.retry_after + jitter if error.retry_after <= settings.longest_delay else None
    return growing_delay(attempt, settings, jitter)


def growing_delay(attempt: int, settings: RetrySettings, jitter: float) -> float:
    """Return the seconds to wait after an attempt if the service names none; see :func:`delay_before_retry`."""
    ceiling = min(settings.longest_delay, settings.first_delay * 2.0 ** (attempt - 1))
    return ceiling * (0.5 + jitter / 2)


def may_repeat(call: Call[object], error: TwelveLabsError) -> bool:
    """Return whether a repeat can help and cannot do the work twice."""
    if isinstance(error, TwelveLabsQuotaError):
        return False
    if isinstance(error, (TwelveLabsConnectionError, TwelveLabsRateLimitError)):
        return True
    if isinstance(error, TwelveLabsServerError):
        wait_requested = error.details.status == HTTPStatus.SERVICE_UNAVAILABLE and error.retry_after is not None
        return call.repeatable or wait_requested or error.details.status in call.undone
    return isinstance(error, TwelveLabsAmbiguousError) and call.repeatable


def retry_after_from(status: int, headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that an error response asks to wait: ``Retry-After``, else the reset time of a 429.

    A reset time in the past is ignored: the two clocks differ.

    :param headers: names in lower case.
    :param now: epoch seconds.
    """
    asked = _retry_after_header(headers.get("retry-after", ""), now)
    limit = rate_limit_from(headers)
    if asked is not None or status != HTTPStatus.TOO_MANY_REQUESTS or limit.reset_at is None:
        return asked
    return bounded_wait(limit.reset_at - now) if limit.reset_at > now else None


def rate_limit_from(headers: Mapping[str, str]) -> RateLimit:
    """Read both spellings of the rate-limit headers (names in lower case)."""
    remaining, limit = _first_number(headers, _REMAINING), _first_number(headers, _LIMIT)
    used = _first_number(headers, _USED)
    if remaining is None and limit is not None and used is not None:
        remaining = max(0.0, limit - used)
    return RateLimit(_whole(remaining), _first_number(headers, _RESET), _whole(limit))


def request_id_from(headers: Mapping[str, str]) -> str | None:
    """Return the id of the request that the service gave it (names in lower case)."""
    return headers.get("x-request-id") or headers.get("request-id") or headers.get("x-amzn-requestid")


def _retry_after_header(value: str, now: float) -> float | None:
    if not value:
        return None
    seconds = finite_number(value)
    if seconds is not None:
        return bounded_wait(seconds)
    try:
        moment = parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return bounded_wait(moment.timestamp() - now)
    except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError):
        # Dates that only look like one make the library fail in several ways.
        return None


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _first_number(headers: Mapping[str, str], names: tuple[str, ...]) -> float | None:
    numbers = (finite_number(headers.get(name)) for name in names)
    return next((number for number in numbers if number is not None), None)
