"""Rate-limit budget, on a numeric clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from twelvelabs_provider.api.errors import TwelveLabsQuotaError, TwelveLabsRateLimitError
from twelvelabs_provider.api.pacing import (
    LOOK,
    Budget,
    accepted,
    at,
    informed,
    refused,
    returned,
    taken,
    wait_before,
)
from twelvelabs_provider.api.response_reading import refusal
from twelvelabs_provider.api.retry import RateLimit, may_repeat, rate_limit_from
from twelvelabs_provider.api.v1_3 import create_index

CALL = create_index("demo")
NOW = 1_780_000_000.0
END = NOW + 40.0


def limited(remaining: int, limit: int | None = 5, reset_at: float = END) -> RateLimit:
    return RateLimit(remaining, reset_at, limit)


def test_no_wait_without_a_limit() -> None:
    budget = taken(taken(Budget()))
    assert wait_before(budget, NOW) == 0.0
    assert returned(returned(budget)) == Budget()


def test_exhausted_window_is_waited_for() -> None:
    budget = informed(taken(Budget()), limited(0), NOW)
    assert wait_before(budget, NOW) == 40.0
    assert wait_before(at(budget, END), END) == 0.0


def test_requests_in_flight_count() -> None:
    budget = returned(informed(taken(Budget()), limited(2), NOW))
    assert wait_before(taken(budget), NOW) == 0.0
    assert wait_before(taken(taken(budget)), NOW) == 40.0


def test_smaller_remaining_number_of_a_window_counts() -> None:
    budget = informed(taken(Budget()), limited(3), NOW)
    assert informed(budget, limited(4), NOW).remaining == 3
    assert informed(budget, limited(1), NOW).remaining == 1


def test_requests_in_flight_are_subtracted_from_a_new_window() -> None:
    budget = taken(taken(taken(Budget())))
    assert informed(budget, limited(4), NOW).remaining == 2
    assert informed(budget, limited(1), NOW).remaining == 0


def test_next_window_is_full_except_for_requests_in_flight() -> None:
    budget = at(replace(informed(taken(Budget()), limited(0), NOW), in_flight=2), END)
    assert (budget.remaining, budget.reset_at) == (3, None)
    later = informed(taken(budget), limited(4, reset_at=END + 60), END)
    assert (later.remaining, later.reset_at) == (2, END + 60)


def test_window_used_up_by_requests_in_flight_is_checked_soon() -> None:
    budget = Budget(limit=2, remaining=0, in_flight=2)
    assert wait_before(budget, NOW) == LOOK
    assert wait_before(replace(budget, in_flight=0), NOW) == 0.0, "their answers were lost"


def test_an_unknown_limit_follows_from_the_remaining_requests() -> None:
    budget = informed(taken(Budget()), limited(4, limit=None), NOW)
    assert budget.limit == 5
    assert informed(budget, limited(3, limit=None), NOW).limit == 5


def test_different_limit_is_a_different_window() -> None:
    day = informed(taken(Budget()), limited(0, limit=1000, reset_at=NOW + 7200), NOW)
    assert informed(day, limited(3, limit=60), NOW) == Budget(60, 3, END, in_flight=1)


@pytest.mark.parametrize("silent", [RateLimit(None, None), RateLimit(0, None), RateLimit(0, NOW - 1, 5)], ids=repr)
def test_response_without_rate_limit_headers(silent: RateLimit) -> None:
    running = informed(taken(Budget()), limited(0), NOW)
    assert informed(running, silent, NOW) == running
    assert informed(at(running, END), silent, END).remaining is None


def test_refusal_pauses_for_the_requested_time() -> None:
    budget = refused(Budget(), 30.0, NOW)
    assert wait_before(budget, NOW) == 30.0
    assert wait_before(refused(budget, 2.0, NOW), NOW) == 30.0
    assert wait_before(budget, NOW + 31) == 0.0


def test_pause_doubles_after_refusals_without_a_requested_time() -> None:
    budget, waits = Budget(), []
    for _ in range(8):
        budget = refused(replace(budget, closed_until=0.0), None, NOW)
        waits.append(wait_before(budget, NOW))
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_only_a_success_sent_after_the_refusal_ends_the_pause() -> None:
    budget = refused(Budget(), 30.0, NOW)
    assert accepted(budget, NOW - 1) == budget
    assert wait_before(accepted(budget, NOW + 1), NOW + 2) == 0.0


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        ({"x-ratelimit-limit": "60", "x-ratelimit-used": "58", "x-ratelimit-reset": "9"}, RateLimit(2, 9.0, 60)),
        ({"x-ratelimit-limit": "60", "x-ratelimit-used": "70"}, RateLimit(0, None, 60)),
        ({"x-ratelimit-request-remaining": "7", "x-ratelimit-limit": "60"}, RateLimit(7, None, 60)),
    ],
)
def test_rate_limit_headers(headers: dict[str, str], limit: RateLimit) -> None:
    assert rate_limit_from(headers) == limit


def refusal_of(body: bytes, headers: dict[str, str] | None = None) -> TwelveLabsRateLimitError:
    error = refusal(CALL, 429, headers or {}, body, NOW)
    assert isinstance(error, TwelveLabsRateLimitError)
    return error


@pytest.mark.parametrize(
    ("words", "wait"),
    [
        ("Try again after 2026-05-28T20:26:50Z.", 10.0),
        ("later after 2026-05-28T20:26:50.123456Z", 10.0),
        ("after 2026-05-28 22:26:50+02:00", 10.0),
        ("after 2026-05-28 20:26:50 UTC", 10.0),
        ("after 2026-05-28 20:26:50", 10.0),
        ("after 2026-05-28T20:26:30Z", None),
        ("after 2026-99-99T20:26:30Z", None),
        ("slow down", None),
    ],
)
def test_time_in_a_message(words: str, wait: float | None) -> None:
    error = refusal_of(b'{"code": "too_many_requests", "message": "%s"}' % words.encode())
    assert error.retry_after == wait


def test_more_exact_wait_wins() -> None:
    body = b'{"error": {"message": "after 2026-05-28T20:26:50Z", "details": {"retryAfter": "20"}}}'
    assert refusal_of(body).retry_after == 20.0
    assert refusal_of(body, {"X-RateLimit-Request-Reset": str(NOW + 30)}).retry_after == 30.0
    assert refusal_of(body, {"X-RateLimit-Request-Reset": str(NOW + 30), "RETRY-AFTER": "40"}).retry_after == 40.0


@pytest.mark.parametrize(
    ("words", "wait", "is_quota"),
    [
        ("You have used up the daily quota of 1000 requests.", None, True),
        ("You have exceeded the rate limit (8req/1day0s).", None, True),
        ("50 requests per day are allowed", 7200, True),
        ("You have used up the daily quota", 100, True),
        ("You have used up the daily quota", 20, False),
        ("You have exceeded the limit of 60 requests per minute.", 40, False),
        ("You have exceeded the limit of 60 requests per minute.", None, False),
        ("", 3600, True),
        ("", 600, False),
        ("no more videos on a holiday, Monday", None, False),
    ],
)
def test_quota_differs_from_a_rate_limit(words: str, wait: int | None, is_quota: bool) -> None:
    error = refusal_of(b'{"message": "%s"}' % words.encode(), {"Retry-After": str(wait)} if wait else None)
    assert isinstance(error, TwelveLabsQuotaError) is is_quota
    assert may_repeat(CALL, error) is not is_quota
