"""Retries: whether to repeat a request, and the wait before it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from twelvelabs_provider.api import pacing
from twelvelabs_provider.api.analysis.request import AnalysisRequest
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import (
    LONGEST_RETRY_AFTER,
    ErrorDetails,
    TwelveLabsAmbiguousError,
    TwelveLabsAnswerError,
    TwelveLabsAuthError,
    TwelveLabsBadRequestError,
    TwelveLabsConfigurationError,
    TwelveLabsConflictError,
    TwelveLabsConnectionError,
    TwelveLabsError,
    TwelveLabsNotFoundError,
    TwelveLabsPermanentError,
    TwelveLabsPermissionError,
    TwelveLabsQuotaError,
    TwelveLabsRateLimitError,
    TwelveLabsRedirectError,
    TwelveLabsServerError,
    TwelveLabsTransientError,
    TwelveLabsUnsupportedError,
    error_from,
)
from twelvelabs_provider.api.generations import V1_3
from twelvelabs_provider.api.retry import (
    RetrySettings,
    delay_before_retry,
    may_repeat,
    rate_limit_from,
    retry_after_from,
)
from twelvelabs_provider.jobs.quota import renewal_of

READ = V1_3.read_index("i1")
DELETE = V1_3.delete_index("i1")
CREATE = V1_3.create_index("demo")
KEYED = V1_3.create_analysis_task(AnalysisRequest("c"), idempotency_key="k")
SETTINGS = RetrySettings(attempts=5, first_delay=1.0, longest_delay=60.0)

YES, NO = (True, True), (False, False)
REPEATS_ONLY_IF_HARMLESS = (True, False)
DECISIONS: list[tuple[TwelveLabsError, tuple[bool, bool]]] = [
    (TwelveLabsConnectionError("refused"), YES),
    (TwelveLabsRateLimitError("429", ErrorDetails(429)), YES),
    (TwelveLabsServerError("500", ErrorDetails(500)), REPEATS_ONLY_IF_HARMLESS),
    (TwelveLabsServerError("408", ErrorDetails(408)), REPEATS_ONLY_IF_HARMLESS),
    (TwelveLabsServerError("504", ErrorDetails(504, retry_after=1.0)), REPEATS_ONLY_IF_HARMLESS),
    (TwelveLabsServerError("503", ErrorDetails(503)), REPEATS_ONLY_IF_HARMLESS),
    (TwelveLabsServerError("503", ErrorDetails(503, retry_after=1.0)), YES),
    (TwelveLabsAmbiguousError("lost"), REPEATS_ONLY_IF_HARMLESS),
    (TwelveLabsTransientError("the source shrank"), NO),
    (TwelveLabsError("?"), NO),
    *(
        (kind("no"), NO)
        for kind in (
            TwelveLabsPermanentError,
            TwelveLabsBadRequestError,
            TwelveLabsAuthError,
            TwelveLabsPermissionError,
            TwelveLabsNotFoundError,
            TwelveLabsConflictError,
            TwelveLabsRedirectError,
            TwelveLabsAnswerError,
            TwelveLabsUnsupportedError,
            TwelveLabsConfigurationError,
        )
    ),
]


@pytest.mark.parametrize(
    ("error", "expected"), DECISIONS, ids=[f"{type(error).__name__} {error}" for error, _ in DECISIONS]
)
def test_repeatable_failures(error: TwelveLabsError, expected: tuple[bool, bool]) -> None:
    harmless, changing = expected
    assert (may_repeat(READ, error), may_repeat(CREATE, error)) == expected
    assert may_repeat(DELETE, error) is harmless
    assert may_repeat(KEYED, error) is harmless, "a key makes a repeat harmless"
    assert (delay_before_retry(READ, error, 1, SETTINGS, 0.5) is not None) is harmless
    assert (delay_before_retry(CREATE, error, 1, SETTINGS, 0.5) is not None) is changing


@pytest.mark.parametrize(
    ("attempt", "jitter", "delay"),
    [
        (1, 0.0, 0.5),
        (1, 1.0, 1.0),
        (2, 0.0, 1.0),
        (2, 1.0, 2.0),
        (3, 0.5, 3.0),
        (4, 1.0, 8.0),
        (5, 1.0, None),
        (6, 0.0, None),
    ],
)
def test_delay_doubles_up_to_the_last_attempt(attempt: int, jitter: float, delay: float | None) -> None:
    assert delay_before_retry(READ, TwelveLabsConnectionError("x"), attempt, SETTINGS, jitter) == delay


def test_delay_has_a_maximum() -> None:
    patient = RetrySettings(attempts=100, first_delay=1.0, longest_delay=60.0)
    assert delay_before_retry(READ, TwelveLabsConnectionError("x"), 50, patient, 1.0) == 60.0


@pytest.mark.parametrize(
    ("asked", "jitter", "delay"),
    [(0.0, 0.25, 0.25), (7.0, 0.0, 7.0), (7.0, 1.0, 8.0), (60.0, 0.0, 60.0), (60.1, 0.0, None), (86400.0, 1.0, None)],
)
def test_requested_wait_is_obeyed_or_ends_the_retries(asked: float, jitter: float, delay: float | None) -> None:
    error = TwelveLabsRateLimitError("429", ErrorDetails(429, retry_after=asked))
    assert delay_before_retry(CREATE, error, 1, SETTINGS, jitter) == delay


@pytest.mark.parametrize("attempts", [1, 0])
def test_one_attempt_means_no_retry(attempts: int) -> None:
    assert delay_before_retry(READ, TwelveLabsConnectionError("x"), 1, RetrySettings(attempts), 0.0) is None


@pytest.mark.parametrize(
    ("headers", "remaining", "reset_at"),
    [
        ({}, None, None),
        ({"x-ratelimit-remaining": "4", "x-ratelimit-reset": "1780000000"}, 4, 1780000000.0),
        ({"x-ratelimit-request-remaining": "3", "x-ratelimit-request-reset": "1780000000"}, 3, 1780000000.0),
        ({"x-ratelimit-request-remaining": "3", "x-ratelimit-remaining": "4"}, 3, None),
        ({"x-ratelimit-request-remaining": "few", "x-ratelimit-remaining": "4"}, 4, None),
        ({"x-ratelimit-remaining": "inf", "x-ratelimit-reset": "nan"}, None, None),
    ],
)
def test_both_spellings_of_the_rate_limit_headers(
    headers: dict[str, str], remaining: int | None, reset_at: float | None
) -> None:
    limit = rate_limit_from(headers)
    assert (limit.remaining, limit.reset_at) == (remaining, reset_at)


def test_then_keeps_the_fields_of_a_call() -> None:
    call: Call[Any] = READ.then(lambda index: index.name)
    assert call.parse({"_id": "i", "index_name": "demo"}) == "demo"
    assert (call.method, call.path, call.repeatable) == (READ.method, READ.path, READ.repeatable)


ABSURD = [
    "1e9", "1e12", "1e400", "9" * 5000, "-5", "-1e400", "nan", "inf", "-inf", "soon", "", " ", "true",
    "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359",
    "Mon, 99 Foo 99999999999999999999 99:99:99 GMT", "Wed, 21 Oct 2015 07:28:00 GMT",
]  # fmt: skip


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ABSURD, ids=lambda value: value[:30])
@pytest.mark.parametrize("header", ["retry-after", "x-ratelimit-reset", "x-ratelimit-request-reset"])
def test_invalid_headers_are_ignored(header: str, value: str, status: int) -> None:
    headers = {header: value, "x-ratelimit-remaining": "0", "x-ratelimit-limit": value}
    asked = retry_after_from(status, headers, 1_780_000_000.0)
    error = error_from(status, None, what="POST /x", request_id=None, retry_after=asked)
    assert error.retry_after is None or 0 <= error.retry_after <= LONGEST_RETRY_AFTER
    timedelta(seconds=error.retry_after or 0.0)
    renewal = renewal_of(error if isinstance(error, TwelveLabsQuotaError) else TwelveLabsQuotaError("x", error.details))
    assert "UTC" in str(renewal) or "does not say" in str(renewal)
    budget = pacing.informed(pacing.Budget(), rate_limit_from(headers), 1_780_000_000.0)
    assert pacing.wait_before(pacing.refused(budget, error.retry_after, 1_780_000_000.0), 1_780_000_000.0) >= 0


@pytest.mark.parametrize("value", [True, 10**400, [], {}, "x", None, float("nan"), -5])
def test_invalid_hints_in_a_body_are_ignored(value: Any) -> None:
    body = {"error": {"code": "too_many_requests", "message": "no", "details": {"retryAfter": value}}}
    asked = error_from(429, body, what="POST /x", request_id=None, retry_after=None).retry_after
    assert asked in (None, 0.0)
