"""Tolerance for failed polls."""

from __future__ import annotations

import pytest

from twelvelabs_provider.api.errors import (
    ErrorDetails,
    TwelveLabsAmbiguousError,
    TwelveLabsAnswerError,
    TwelveLabsAuthError,
    TwelveLabsBadRequestError,
    TwelveLabsConfigurationError,
    TwelveLabsConnectionError,
    TwelveLabsError,
    TwelveLabsNotFoundError,
    TwelveLabsPermissionError,
    TwelveLabsRateLimitError,
    TwelveLabsRedirectError,
    TwelveLabsServerError,
)
from twelvelabs_provider.jobs.outage import LONGEST_REFUSAL, LONGEST_SILENCE, SETTLING, Outage, is_final

BEGAN = 1000.0
PASSING = [TwelveLabsServerError, TwelveLabsConnectionError, TwelveLabsAmbiguousError]


GONE = TwelveLabsNotFoundError("no such job", ErrorDetails(status=404, code="resource_not_exist"))
REFUSALS = [
    TwelveLabsAuthError("no", ErrorDetails(status=401, code="api_key_invalid")),
    TwelveLabsPermissionError("<html>", ErrorDetails(status=403)),
    TwelveLabsNotFoundError("<html>", ErrorDetails(status=404)),
    TwelveLabsNotFoundError("no such call", ErrorDetails(status=404, code="endpoint_not_exists")),
    TwelveLabsNotFoundError("deprecated", ErrorDetails(status=410, code="endpoint_deprecated")),
    TwelveLabsBadRequestError("<html>", ErrorDetails(status=400)),
    TwelveLabsRedirectError("elsewhere", ErrorDetails(status=302)),
    TwelveLabsAnswerError("not JSON"),
    TwelveLabsConfigurationError("no password"),
]


def tolerates(outage: Outage, error: TwelveLabsError, now: float, age: float | None = 1e6) -> bool:
    return outage.tolerates(error, "asset a", now, age)


@pytest.mark.parametrize("error", PASSING)
@pytest.mark.parametrize(("silent", "tolerated"), [(0.0, True), (LONGEST_SILENCE, True), (LONGEST_SILENCE + 1, False)])
def test_outage_is_tolerated_for_a_while(error: type[TwelveLabsError], silent: float, tolerated: bool) -> None:
    outage = Outage()
    assert tolerates(outage, error("silent"), BEGAN)
    assert tolerates(outage, error("silent"), BEGAN + silent) is tolerated


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: f"{type(error).__name__}-{error.details.code}")
def test_a_refusal_is_tolerated_for_a_few_minutes(error: TwelveLabsError) -> None:
    outage = Outage()
    assert tolerates(outage, error, BEGAN)
    assert tolerates(outage, error, BEGAN + LONGEST_REFUSAL)
    assert not tolerates(outage, error, BEGAN + LONGEST_REFUSAL + 1)
    assert "refused for 5 min" in outage.reason(error, BEGAN + LONGEST_REFUSAL + 1)


@pytest.mark.parametrize("error", [REFUSALS[0], TwelveLabsServerError("oops")])
def test_one_failure_after_a_long_pause_is_tolerated(error: TwelveLabsError) -> None:
    outage = Outage()
    outage.end()
    assert tolerates(outage, error, BEGAN + 10 * LONGEST_SILENCE)


def test_a_response_ends_the_outage() -> None:
    outage = Outage()
    assert tolerates(outage, REFUSALS[0], BEGAN)
    outage.end()
    assert tolerates(outage, REFUSALS[0], BEGAN + LONGEST_REFUSAL + 1)


@pytest.mark.parametrize(("age", "tolerated"), [(0.0, True), (SETTLING - 1, True), (SETTLING, False)])
def test_a_new_job_may_be_unknown_for_a_moment(age: float, tolerated: bool) -> None:
    assert tolerates(Outage(), GONE, BEGAN, age) is tolerated


def test_permanent_error_of_a_job_read_is_tolerated_for_a_list() -> None:
    assert is_final(GONE)
    assert tolerates(Outage(), GONE, BEGAN, None)


def test_a_request_to_wait_counts_as_a_response() -> None:
    outage, later = Outage(), BEGAN + 10 * LONGEST_SILENCE
    wait = ErrorDetails(status=429, retry_after=3600)
    assert tolerates(outage, TwelveLabsServerError("oops"), BEGAN)
    assert tolerates(outage, TwelveLabsRateLimitError("slower", wait), later)
    assert tolerates(outage, TwelveLabsServerError("oops"), later + 3600 + LONGEST_SILENCE)
    assert not tolerates(outage, TwelveLabsServerError("oops"), later + 3600 + LONGEST_SILENCE + 1)


def test_after_a_failure_the_next_poll_comes_sooner() -> None:
    outage = Outage()
    assert outage.pause(600.0) == 600.0
    pauses = []
    for _ in range(9):
        tolerates(outage, REFUSALS[0], BEGAN)
        pauses.append(outage.pause(600.0))
    assert pauses == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0, 600.0]
    assert outage.pause(1.0) == 1.0
