"""Polls on the worker tolerate the same failures as polls in the triggerer."""

from __future__ import annotations

import time

import pytest

from tests.unit.scripted_server import Reply, ScriptedServer
from twelvelabs_provider.api.errors import TwelveLabsNotFoundError
from twelvelabs_provider.exceptions import TwelveLabsUnreachableError
from twelvelabs_provider.jobs import outage
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob, Phase
from twelvelabs_provider.task import TwelveLabsTask


class Task(TwelveLabsTask):
    """The mixin on its own."""

    def __init__(self) -> None:
        self.twelvelabs_conn_id = "twelvelabs_default"


def pending(age: float = 0.0) -> PendingJob:
    """Return a job that began some seconds ago."""
    began = time.time() - age
    return PendingJob(JobRef(JobKind.ASSET, "a1"), began, began, began + 1000)


def test_a_failed_poll_is_tolerated_for_a_while(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task()
    server.script += [Reply(status=500, body={"code": "generic_error", "message": "oops"})] * 2
    assert task.poll(pending()).phase is Phase.RUNNING
    monkeypatch.setattr(outage, "LONGEST_SILENCE", -1.0)
    with pytest.raises(TwelveLabsUnreachableError, match=r"asset a1: .*oops.*a retry polls it again"):
        task.poll(pending())


def test_a_wrong_id_ends_the_wait(server: ScriptedServer) -> None:
    server.script += [Reply(status=404, body={"code": "resource_not_exist", "message": "no asset a1"})] * 2
    assert Task().poll(pending()).phase is Phase.RUNNING
    with pytest.raises(TwelveLabsNotFoundError, match="no asset a1"):
        Task().poll(pending(age=outage.SETTLING + 1))
