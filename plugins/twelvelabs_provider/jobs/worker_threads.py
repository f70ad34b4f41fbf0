"""Threads that work on several videos at once, and stop when the task ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextvars import copy_context
from dataclasses import replace
from threading import Event
from typing import Any, BinaryIO, cast

from twelvelabs_provider.storage.source import Source
from twelvelabs_provider.storage.source_content import Content


class WorkStoppedError(Exception):
    """The task has ended or deferred; its threads send and write nothing more."""


def raise_if_stopped(stopped: Event) -> None:
    """Raise if the task has ended.

    :raises WorkStoppedError: it has.
    """
    if stopped.is_set():
        raise WorkStoppedError("the task has ended; the next attempt continues")


def run_in_threads(
    work: Callable[[str], Any], keys: Collection[str], most: int, stop: Callable[[], None], stop_timeout: float
) -> Iterator[tuple[str, Future[Any]]]:
    """Run a function for several keys at once; yield each key when its result is there.

    :param most: threads at most.
    :param stop: called if the caller stops before all results are there.
    :param stop_timeout: seconds in which the threads then end.
    """
    if not keys:
        return
    pool = ThreadPoolExecutor(min(len(keys), most), thread_name_prefix="twelvelabs")
    try:
        # What a thread publishes counts for the task, which listens in its own context.
        futures = {pool.submit(copy_context().run, work, key): key for key in keys}
        for future in as_completed(futures):
            yield futures[future], future
    except BaseException:
        stop()
        wait(futures, timeout=stop_timeout)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def stoppable(source: Source, stopped: Event) -> Source:
    """Return a source whose streams raise an error once the task has ended, so that its upload stops."""
    return replace(source, content=source.content and cast("Content", _StoppableContent(source.content, stopped)))


class _StoppableContent:
    """Content whose streams can be read until the task ends."""

    def __init__(self, content: Content, stopped: Event) -> None:
        self._content = content
        self._stopped = stopped

    def open(self) -> BinaryIO:
        raise_if_stopped(self._stopped)
        return cast("BinaryIO", _StoppableStream(self._content.open(), self._stopped))

    def open_range(self, start: int, size: int) -> BinaryIO:
        raise_if_stopped(self._stopped)
        return cast("BinaryIO", _StoppableStream(self._content.open_range(start, size), self._stopped))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)


class _StoppableStream:
    """A binary stream that can be read until the task ends."""

    def __init__(self, stream: BinaryIO, stopped: Event) -> None:
        self._stream = stream
        self._stopped = stopped

    def read(self, size: int = -1) -> bytes:
        raise_if_stopped(self._stopped)
        return self._stream.read(size)

    def __enter__(self) -> _StoppableStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
