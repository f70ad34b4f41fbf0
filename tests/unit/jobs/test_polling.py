"""Deadlines and pauses between polls."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from twelvelabs_provider.jobs.polling import clip_text, clock_text, deadline_from, duration_text, pause_before_poll

NEVER = 1e12


@pytest.mark.parametrize(
    ("timeout", "execution_timeout", "deadline"),
    [
        (60.0, None, 1060.0),
        (60.0, timedelta(seconds=30), 1030.0),
        (60.0, timedelta(hours=1), 1060.0),
        (0.0, None, 1000.0),
    ],
)
def test_the_deadline_is_the_earlier_of_both_limits(
    timeout: float, execution_timeout: timedelta | None, deadline: float
) -> None:
    assert deadline_from(1000.0, timeout, execution_timeout) == deadline


@pytest.mark.parametrize(
    ("waited", "pause"), [(0.0, 5.0), (49.0, 5.0), (100.0, 10.0), (300.0, 30.0), (600.0, 60.0), (86400.0, 60.0)]
)
@pytest.mark.parametrize(("jitter", "share"), [(0.0, 0.95), (1.0, 0.8)])
def test_the_pause_grows_with_the_wait_and_is_never_late(
    waited: float, pause: float, jitter: float, share: float
) -> None:
    assert pause_before_poll(1000.0 + waited, 1000.0, NEVER, None, jitter) == pytest.approx(pause * share)


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("deferral", [0.0, 0.3, 4.0, 40.0])
def test_a_job_is_noticed_within_five_seconds_or_a_tenth_of_its_time(jitter: float, deferral: float) -> None:
    """A virtual clock: each poll takes 0.2 s, and a trigger starts some time after the worker's last look."""
    began, latency = 1000.0, 0.2
    looks, seen, now = [began], began, began + deferral
    while now < began + 7200:
        now += pause_before_poll(now, began, NEVER, None, jitter, polled_at=seen)
        looks.append(now)
        seen, now = now, now + latency
    for earlier, later in pairwise(looks):
        took, noticed = earlier - began, max(later, began + deferral) + latency - began
        assert noticed - took <= max(5.0, took / 10, deferral + 2 * latency), f"a job that took {took:.1f} s"


def test_a_given_interval_does_not_grow() -> None:
    assert pause_before_poll(90000.0, 1000.0, NEVER, 2.0, 0.0) == pytest.approx(1.9)


@pytest.mark.parametrize("interval", [0, 0.0, -1.0])
def test_an_invalid_interval_does_not_make_a_busy_loop(interval: float) -> None:
    assert pause_before_poll(1000.0, 1000.0, NEVER, interval, 0.0) == pytest.approx(4.75)


@pytest.mark.parametrize(("deadline", "pause"), [(1003.0, 3.0), (1000.0, 0.0), (900.0, 0.0)])
def test_the_pause_ends_at_the_deadline(deadline: float, pause: float) -> None:
    assert pause_before_poll(1000.0, 1000.0, deadline, None, 1.0) == pause


def test_a_clock_that_was_set_back_does_not_shorten_the_pause() -> None:
    assert pause_before_poll(500.0, 1000.0, NEVER, None, 0.0, polled_at=990.0) == pytest.approx(4.75)


def test_a_time_as_text() -> None:
    assert clock_text(1_780_000_000.9) == "2026-05-28 20:26 UTC"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (1e13, "9999-12-31 23:59 UTC"),
        (float("inf"), "9999-12-31 23:59 UTC"),
        (-1e13, "1970-01-01 00:00 UTC"),
        (float("nan"), "1970-01-01 00:00 UTC"),
    ],
)
def test_a_time_outside_the_calendar_has_a_text(moment: float, text: str) -> None:
    assert clock_text(moment) == text


@pytest.mark.parametrize(("seconds", "text"), [(-1.0, "0 s"), (84.2, "84 s"), (600.0, "10 min"), (23_400.0, "6.5 h")])
def test_a_duration_is_rounded_for_people(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.9, "0:00"), (61.0, "1:01"), (3723.5, "1:02:03")])
def test_a_position_in_a_video_as_text(seconds: float, text: str) -> None:
    assert clip_text(seconds) == text
