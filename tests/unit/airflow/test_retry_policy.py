"""Retry decisions for each kind of failure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from twelvelabs_provider.api.errors import (
    ErrorDetails,
    TwelveLabsAmbiguousError,
    TwelveLabsAuthError,
    TwelveLabsConnectionError,
    TwelveLabsError,
    TwelveLabsNotFoundError,
    TwelveLabsQuotaError,
    TwelveLabsRateLimitError,
    TwelveLabsServerError,
)
from twelvelabs_provider.exceptions import TwelveLabsJobFailedError, TwelveLabsQuotaUsedUpError
from twelvelabs_provider.retry_policy import TwelveLabsRetryPolicy
from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS
from twelvelabs_provider.version_compat.retries import RetryDecision

needs_policies = pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="retry policies came with Airflow 3.3")


def asks(seconds: float | None) -> ErrorDetails:
    return ErrorDetails(429, retry_after=seconds)


def caused_by(outer: Exception, cause: Exception) -> Exception:
    outer.__cause__ = cause
    return outer


def decision(error: BaseException) -> RetryDecision:
    return TwelveLabsRetryPolicy().evaluate(error, 1, 3)


@needs_policies
@pytest.mark.parametrize(
    ("error", "delay"),
    [
        (TwelveLabsRateLimitError("slower", asks(61.2)), timedelta(seconds=62)),
        (TwelveLabsRateLimitError("slower", asks(None)), None),
        (TwelveLabsQuotaError("tomorrow", asks(7200.0)), timedelta(hours=2)),
        (TwelveLabsQuotaError("some day", asks(None)), timedelta(hours=1)),
        (TwelveLabsServerError("oops", ErrorDetails(503, retry_after=9.0)), timedelta(seconds=9)),
        (TwelveLabsServerError("oops", ErrorDetails(500)), None),
        (TwelveLabsServerError("oops", ErrorDetails(503, retry_after=1e12)), None),
        (TwelveLabsConnectionError("no server"), None),
        (TwelveLabsAmbiguousError("lost"), None),
        (
            caused_by(TwelveLabsQuotaUsedUpError("used up"), TwelveLabsQuotaError("x", asks(7200.0))),
            timedelta(hours=2),
        ),
    ],
    ids=repr,
)
def test_transient_error_is_retried_after_the_requested_delay(error: Exception, delay: timedelta | None) -> None:
    decided = decision(error)
    assert (decided.action.value, decided.retry_delay) == ("retry", delay)
    assert decided.reason


@needs_policies
@pytest.mark.parametrize("kind", [TwelveLabsAuthError, TwelveLabsNotFoundError])
def test_permanent_refusal_is_not_retried(kind: type[TwelveLabsError]) -> None:
    decided = decision(kind("no such " + "x" * 1000))
    assert decided.action.value == "fail"
    assert decided.reason is not None and decided.reason.startswith("no such x") and len(decided.reason) < 400


@needs_policies
def test_a_quota_that_is_renewed_after_more_than_a_week_is_not_retried() -> None:
    decided = decision(TwelveLabsQuotaError("some year", asks(1e12)))
    assert decided.action.value == "fail"
    assert decided.reason is not None and decided.reason.startswith("Quota is not renewed before 9999-12-31")


@needs_policies
@pytest.mark.parametrize(
    "error",
    [TwelveLabsJobFailedError("video v1 failed"), ValueError("mine"), caused_by(ValueError("a"), KeyError("b"))],
    ids=repr,
)
def test_other_errors_use_the_settings_of_the_task(error: Exception) -> None:
    assert decision(error) == RetryDecision.default()


@needs_policies
def test_circular_exception_causes() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert decision(first) == RetryDecision.default()


@needs_policies
def test_policy_survives_serialization() -> None:
    again = TwelveLabsRetryPolicy.deserialize(TwelveLabsRetryPolicy().serialize())
    assert isinstance(again, TwelveLabsRetryPolicy)


@pytest.mark.skipif(AIRFLOW_V_3_3_PLUS, reason="retry policies are there")
def test_older_airflow_without_retry_policies_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"needs Airflow 3\.3 or newer: omit retry_policy"):
        TwelveLabsRetryPolicy()
