"""Publishes in processes of their own, one after the other, so that a test can kill each of them.

A line on the standard input says what to publish; the answer is the process's id, and its exit code once it has ended.
What takes time to import is imported once, and each process is forked off.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

import pytest

from tests.servers.clients import keep_local, tame
from tests.servers.results import put_in_pieces

_FILESYSTEMS = {"s3": "amazon.aws.fs.s3", "abfs": "microsoft.azure.fs.adls", "gs": "google.cloud.fs.gcs"}
_CLIENTS = {"s3": "s3fs", "abfs": "adlfs", "gs": "gcsfs"}


def main(scheme: str) -> None:
    """Serve until the standard input ends."""
    keep_local()
    for module in ("airflow.sdk", f"airflow.providers.{_FILESYSTEMS[scheme]}", _CLIENTS[scheme]):
        importlib.import_module(module)
    tame(scheme, pytest.MonkeyPatch())
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _publish(**json.loads(line))
        _say(child)
        _say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _publish(**result: str | int) -> None:
    code = 1
    try:
        put_in_pieces(**result)  # type: ignore[arg-type]
        code = 0
    finally:
        os._exit(code)


def _say(number: int) -> None:
    # Nothing else may be written there: Airflow logs to the standard output.
    os.write(int(sys.argv[2]), f"{number}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
