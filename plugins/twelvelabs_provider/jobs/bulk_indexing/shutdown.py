"""The end of the work on many videos: its threads send nothing more and write nothing more."""

from __future__ import annotations

from dataclasses import replace
from threading import Event
from typing import Any, BinaryIO, cast

from twelvelabs_provider.storage.source import Source


class WorkStoppedError(Exception):
    """The task has ended or left its worker; the thread that meets this has nothing more to do."""


def must_go_on(stopped: Event) -> None:
    """Raise once the work was stopped.

    :raises WorkStoppedError: it was.
    """
    if stopped.is_set():
        raise WorkStoppedError("the task has ended; the next attempt continues")


def stoppable(source: Source, stopped: Event) -> Source:
    """Return a source whose streams end with an error once the work was stopped: an upload breaks off."""

    def opened() -> BinaryIO:
        must_go_on(stopped)
        return cast("BinaryIO", _StoppableStream(source.open(), stopped))

    def read_range(start: int, end: int) -> bytes:
        must_go_on(stopped)
        assert source.read_range is not None
        return source.read_range(start, end)

    return replace(
        source,
        opener=opened if source.opener else None,
        read_range=read_range if source.read_range else None,
    )


class _StoppableStream:
    """A binary stream that can be read until the work is stopped."""

    def __init__(self, stream: BinaryIO, stopped: Event) -> None:
        self._stream = stream
        self._stopped = stopped

    def read(self, size: int = -1) -> bytes:
        must_go_on(self._stopped)
        return self._stream.read(size)

    def __enter__(self) -> _StoppableStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
