"""Points at which the process of a task kills itself once; functions are wrapped, so the provider is unchanged."""

from __future__ import annotations

import os
import re
import select
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, get_current_context
from urllib3.connection import HTTPConnection

from twelvelabs_provider.hooks.session import HttpSession
from twelvelabs_provider.jobs.task_state import TaskState
from twelvelabs_provider.storage.local_store import LocalPendingFile, LocalStore

FOLDER = "CHAOS_FOLDER"
BEFORE_REQUEST, AFTER_BODY, AFTER_ANSWER = "before_the_request", "after_the_body", "after_the_answer"
AFTER_RECORD, IN_DEFERRAL = "after_the_record", "in_the_deferral"
IN_COMPLETION, IN_PUBLISH = "in_the_completion", "in_a_publish"


@dataclass(frozen=True)
class Death:
    """One process's end.

    :param point: where.
    :param path: of the POST that the point is about: a pattern that the address ends with.
    :param whole: the supervisor dies too, as when a machine is lost: Airflow receives no message.
    """

    point: str
    path: str = ""
    whole: bool = False


_deaths: dict[str, Death] = {}
_asked = threading.local()
_files: list[int] = [0]


def arm(task_id: str, death: Death) -> None:
    """Let the first process of a task that comes to a point die there."""
    _deaths[task_id] = death


def _die_at(point: str, address: str = "") -> None:
    death = _mine()
    if death is None or death.point != point or not re.search(f"{death.path}$", address):
        return
    try:
        os.close(os.open(_mark(), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    if death.whole:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _mark() -> Path:
    return Path(os.environ[FOLDER]) / get_current_context()["ti"].task_id


def _mine() -> Death | None:
    try:
        return _deaths.get(get_current_context()["ti"].task_id)
    except RuntimeError:
        # Outside of a task.
        return None


def _wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(owner, name, wrapped)


def _request(original: Callable[..., Any], self: Any, method: str, url: str, **kwargs: Any) -> Any:
    _asked.url = url if method == "POST" else method
    _die_at(BEFORE_REQUEST, _asked.url)
    answer = original(self, method, url, **kwargs)
    _die_at(AFTER_ANSWER, _asked.url)
    return answer


def _getresponse(original: Callable[..., Any], self: Any) -> Any:
    death = _mine()
    if death and death.point == AFTER_BODY and re.search(f"{death.path}$", getattr(_asked, "url", "")):
        # The worst moment: the service has done the work, and its answer lies unread in the socket.
        select.select([self.sock], [], [], 60)
        _die_at(AFTER_BODY, _asked.url)
    return original(self)


def _record(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    original(*args, **kwargs)
    _die_at(AFTER_RECORD)


def _defer(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    _die_at(IN_DEFERRAL)
    return original(*args, **kwargs)


def _create(original: Callable[..., Any], *args: Any) -> Any:
    _die_at(IN_COMPLETION)
    return original(*args)


def _commit(original: Callable[..., Any], *args: Any) -> Any:
    original(*args)
    _files[0] += 1
    if _files[0] == 1:
        # One data file has its name, the other has not, and the manifest is not there.
        _die_at(IN_PUBLISH)


if FOLDER in os.environ:
    _wrap(HttpSession, "request", _request)
    _wrap(HTTPConnection, "getresponse", _getresponse)
    _wrap(TaskState, "record_job", _record)
    _wrap(BaseOperator, "defer", _defer)
    _wrap(LocalStore, "create", _create)
    _wrap(LocalPendingFile, "commit", _commit)
