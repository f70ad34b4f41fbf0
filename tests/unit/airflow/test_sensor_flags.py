"""Sensors in poke, reschedule and deferrable mode, with and without their flags."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.task_context import TaskInstance
from tests.unit.job_server import Job, JobServer
from tests.unit.scripted_server import Reply, connection_text, forget_proxies
from twelvelabs_provider.exceptions import TwelveLabsUnreachableError
from twelvelabs_provider.jobs import outage
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.sensors.asset import TwelveLabsAssetSensor
from twelvelabs_provider.triggers import shared_poll
from twelvelabs_provider.version_compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

X = "665012345678901234567890"
POLL = 0.02
LONGEST_TEST = 20.0
MODES: dict[str, dict[str, Any]] = {
    "poke": {"mode": "poke"},
    "reschedule": {"mode": "reschedule"},
    "deferrable": {"deferrable": True},
}
FLAGS: dict[str, dict[str, Any]] = {"none": {}, "soft_fail": {"soft_fail": True}, "never_fail": {"never_fail": True}}
FIREWALL = Reply(b"<html>Forbidden</html>", status=403)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[JobServer]:
    monkeypatch.setattr(shared_poll, "EARLIEST_EVENT", 0.0)
    forget_proxies(monkeypatch)
    with JobServer() as server:
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(server.origin, max_attempts=1))
        yield server


def ready(jobs: JobServer) -> None:
    jobs.add(JobKind.ASSET, Job(X, time.time(), status="ready"))


def missing(jobs: JobServer) -> None:
    """No such asset."""


def failed(jobs: JobServer) -> None:
    jobs.add(JobKind.ASSET, Job(X, time.time(), status="failed"))


def running(jobs: JobServer) -> None:
    jobs.add(JobKind.ASSET, Job(X, time.time() - 3600))


def later(change: Callable[[JobServer], Any]) -> Callable[[JobServer], None]:
    """Have something happen after the third poll."""

    def at_first(jobs: JobServer) -> None:
        running(jobs)
        left = iter(range(3))

        def step(_: Any) -> None:
            if next(left, None) is None:
                change(jobs)

        jobs.always = step

    return at_first


def vanish(jobs: JobServer) -> None:
    jobs.jobs[JobKind.ASSET].clear()


def refuse(jobs: JobServer) -> None:
    jobs.always = lambda _: FIREWALL


def refuse_from_the_start(jobs: JobServer) -> None:
    running(jobs)
    refuse(jobs)


SKIPPED: dict[str, type[BaseException]] = {"soft_fail": AirflowSkipException, "never_fail": AirflowSkipException}
# BaseSensorOperator fails after its timeout with never_fail too: that flag is about errors of a poke.
TIMED_OUT: dict[str, type[BaseException]] = {"soft_fail": AirflowSkipException}
RETRYABLE: dict[str, type[BaseException]] = {"never_fail": AirflowSkipException}
# What happens, the error without a flag, and the errors with one where they differ.
CASES: dict[str, tuple[Callable[[JobServer], None], type[BaseException] | None, dict[str, type[BaseException]]]] = {
    "ready at the first poll": (ready, None, {}),
    "ready later": (later(ready), None, {}),
    "missing at the first poll": (missing, AirflowFailException, SKIPPED),
    "missing later": (later(vanish), AirflowFailException, SKIPPED),
    "failed at the first poll": (failed, AirflowFailException, SKIPPED),
    "failed later": (later(failed), AirflowFailException, SKIPPED),
    "running until the timeout": (running, AirflowSensorTimeout, TIMED_OUT),
    "refused from the start": (refuse_from_the_start, TwelveLabsUnreachableError, RETRYABLE),
    "refused later": (later(refuse), TwelveLabsUnreachableError, RETRYABLE),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("mode", MODES)
def test_sensor_outcome_is_equal_in_every_mode(
    jobs: JobServer, monkeypatch: pytest.MonkeyPatch, mode: str, flag: str, case: str
) -> None:
    happens, error, with_flag = CASES[case]
    happens(jobs)
    monkeypatch.setattr(outage, "LONGEST_REFUSAL", 0.1)
    seconds = 0.3 if error is AirflowSensorTimeout else 3600

    def sensor() -> TwelveLabsAssetSensor:
        return TwelveLabsAssetSensor(
            asset_id=X, task_id="t", poke_interval=POLL, timeout=seconds, **MODES[mode], **FLAGS[flag]
        )

    expected = with_flag.get(flag, error)
    if expected is None:
        assert outcome(sensor)["status"] == "ready"
        return
    with pytest.raises(expected) as raised:
        outcome(sensor)
    assert expected is not TwelveLabsUnreachableError or not isinstance(raised.value, AirflowFailException)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "stray", [Reply(status=500), FIREWALL, Reply(b"<html>", status=404)], ids=["500", "403", "404"]
)
def test_single_invalid_response_does_not_fail_a_sensor(jobs: JobServer, mode: str, stray: Reply) -> None:
    """Also where it is the answer to the poll of the worker after the trigger has fired."""
    jobs.add(JobKind.ASSET, Job(X, time.time(), ends=time.time() + 0.3))
    numbers = iter(range(10_000))
    jobs.always = lambda _: stray if next(numbers) % 3 == 1 else None
    assert outcome(lambda: sensor_in(mode))["status"] == "ready"


@pytest.mark.parametrize("mode", MODES)
def test_silent_fail_continues_the_wait(jobs: JobServer, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setattr(outage, "LONGEST_SILENCE", -1.0)
    jobs.add(JobKind.ASSET, Job(X, time.time(), ends=time.time() + 0.2))
    jobs.script += [Reply(status=500)]
    assert outcome(lambda: sensor_in(mode, silent_fail=True))["status"] == "ready"


@pytest.mark.parametrize("mode", MODES)
def test_silent_fail_continues_the_wait_after_a_long_refusal(
    jobs: JobServer, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(outage, "LONGEST_REFUSAL", 0.0)
    jobs.add(JobKind.ASSET, Job(X, time.time(), status="ready"))
    left = iter(range(6))
    jobs.always = lambda _: FIREWALL if next(left, None) is not None else None
    assert outcome(lambda: sensor_in(mode, silent_fail=True))["status"] == "ready"


def test_sensor_polls_once_more_after_a_trigger_timeout(jobs: JobServer) -> None:
    ready(jobs)
    sensor = sensor_in("deferrable")
    fields = {"error": "Trigger timeout", "traceback": None}
    assert sensor.resume_execution("__fail__", fields, context(None))["status"] == "ready"


def test_execution_timeout_of_a_deferred_sensor_is_retried(jobs: JobServer) -> None:
    from datetime import timedelta

    from twelvelabs_provider.version_compat import AirflowTaskTimeout

    running(jobs)
    with pytest.raises(AirflowTaskTimeout):
        outcome(lambda: sensor_in("deferrable", execution_timeout=timedelta(seconds=0.2)))


def sensor_in(mode: str, **options: Any) -> TwelveLabsAssetSensor:
    return TwelveLabsAssetSensor(asset_id=X, task_id="t", poke_interval=POLL, **MODES[mode], **options)


def context(first_poll: datetime | None) -> Any:
    ti = TaskInstance(
        dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1, get_first_reschedule_date=lambda _: first_poll
    )
    return {"ti": ti, "task_instance": ti}


def outcome(make: Callable[[], TwelveLabsAssetSensor]) -> Any:
    """Run a sensor to its end, as worker, scheduler and triggerer do; every step is a process of its own."""
    from airflow.exceptions import AirflowRescheduleException

    first_poll: datetime | None = None
    until = time.time() + LONGEST_TEST
    method, event = "execute", None
    while time.time() < until:
        sensor = make()
        try:
            if method == "execute":
                return sensor.execute(context(first_poll))
            return sensor.resume_execution(method, {"event": event}, context(first_poll))
        except AirflowRescheduleException:
            first_poll = first_poll or datetime.now(UTC)
            time.sleep(POLL)
        except TaskDeferred as deferred:
            method, event = deferred.method_name, payload(deferred.trigger)
    raise AssertionError("the sensor did not end")


def payload(trigger: Any) -> Any:
    async def first() -> Any:
        async with asyncio.timeout(LONGEST_TEST):
            return (await anext(aiter(trigger.run()))).payload

    return asyncio.run(first())
