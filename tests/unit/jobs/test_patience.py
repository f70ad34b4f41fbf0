"""When a look that failed is no reason to stop waiting."""

from __future__ import annotations

import pytest

from twelvelabs_provider.api.errors import (
    ErrorDetails,
    TwelveLabsAmbiguousError,
    TwelveLabsAuthError,
    TwelveLabsConnectionError,
    TwelveLabsError,
    TwelveLabsNotFoundError,
    TwelveLabsRateLimitError,
    TwelveLabsServerError,
)
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob
from twelvelabs_provider.jobs.patience import LONGEST_SILENCE, SETTLING, Patience

BEGAN = 1000.0
JOB = PendingJob(JobRef(JobKind.ASSET, "a"), BEGAN, BEGAN, BEGAN + 1e6)
PASSING = [TwelveLabsServerError, TwelveLabsConnectionError, TwelveLabsAmbiguousError]


@pytest.mark.parametrize("error", PASSING)
@pytest.mark.parametrize(("silent", "borne"), [(0.0, True), (LONGEST_SILENCE, True), (LONGEST_SILENCE + 1, False)])
def test_silence_is_borne_for_a_while(error: type[TwelveLabsError], silent: float, borne: bool) -> None:
    assert Patience(BEGAN).bears(error("silent"), JOB, BEGAN + silent) is borne


def test_a_refusal_is_not_borne() -> None:
    assert not Patience(BEGAN).bears(TwelveLabsAuthError("no"), JOB, BEGAN)


@pytest.mark.parametrize(("age", "borne"), [(0.0, True), (SETTLING - 1, True), (SETTLING, False)])
def test_a_new_job_may_be_unknown_for_a_moment(age: float, borne: bool) -> None:
    assert Patience(BEGAN).bears(TwelveLabsNotFoundError("who?"), JOB, BEGAN + age) is borne


def test_being_asked_to_wait_is_an_answer() -> None:
    patience = Patience(BEGAN)
    later = BEGAN + 10 * LONGEST_SILENCE
    wait = ErrorDetails(status=429, retry_after=3600)
    assert patience.bears(TwelveLabsRateLimitError("slower", wait), JOB, later)
    assert patience.bears(TwelveLabsServerError("oops"), JOB, later + 3600 + LONGEST_SILENCE)
    assert not patience.bears(TwelveLabsServerError("oops"), JOB, later + 3600 + LONGEST_SILENCE + 1)
