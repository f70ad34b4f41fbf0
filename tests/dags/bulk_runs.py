"""Runs of an operator for many videos, attempt by attempt, and the death of a worker at a function call."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.task_context import TaskInstance
from twelvelabs_provider.version_compat import TaskDeferred


class BulkRuns:
    """Runs operators; every resumption uses a new operator, which knows only the checkpoint.

    :param make: returns the operator for some videos and changed arguments.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make
        self.deferrals = 0
        self.payloads: list[dict[str, Any]] = []
        self.pushed: dict[str, Any] = {}

    def context(self, try_number: int = 1, max_tries: int = 2, run_id: str = "run", map_index: int = -1) -> Any:
        """Return the context of an attempt."""
        ti = TaskInstance(
            dag_id="d", run_id=run_id, task_id="t", map_index=map_index, max_tries=max_tries, try_number=try_number
        )
        ti.pushed = self.pushed
        return {"ti": ti}

    def run(self, videos: Any, *, fields: dict[str, Any] | None = None, **context: Any) -> dict[str, Any]:
        """Return the result of an attempt."""
        where = self.context(**context)
        step, arguments = "execute", dict[str, Any]()
        while True:
            operator = self.make(videos, **(fields or {}))
            try:
                return dict(getattr(operator, step)(where, **arguments))
            except TaskDeferred as deferred:
                self.deferrals += 1
                self.payloads.append(deferred.trigger.serialize()[1])
                event = asyncio.run(anext(deferred.trigger.run()))
                self.payloads.append(dict(event.payload))
                step, arguments = deferred.method_name, {"event": event.payload}


def outcome_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of an outcome."""
    path = Path(result["outcome"].removeprefix("file://"))
    return [json.loads(line) for line in path.read_text().splitlines()]


class WorkerDeath(BaseException):
    """The end of the worker's process."""


def die_after(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, calls: int) -> None:
    """Let the worker die after a number of calls of a function, when the last one has returned."""
    original, numbers = getattr(owner, name), itertools.count(1)

    def called(*args: Any, **kwargs: Any) -> Any:
        number = next(numbers)
        result = original(*args, **kwargs)
        if number == calls:
            raise WorkerDeath
        return result

    monkeypatch.setattr(owner, name, called)
