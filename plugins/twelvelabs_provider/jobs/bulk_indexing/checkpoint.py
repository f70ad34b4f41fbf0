"""The journal of many videos: what is under way, in one small object; what is settled, in others that never change.

It lies beside the outcome and works with every Airflow. It is written before anything that is billed is asked for, so
that whoever comes after a death knows what has to be looked for. A journal that cannot be read is an error: not knowing
is not the same as there being nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from secrets import token_hex
from threading import Event, RLock
from typing import Any

from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.exceptions import TwelveLabsOutputError, TwelveLabsRecordError
from twelvelabs_provider.jobs.bulk_indexing.shutdown import must_go_on
from twelvelabs_provider.jobs.bulk_indexing.state import BulkState, VideoState
from twelvelabs_provider.storage.stores import Store, open_store, write_whole

SETTLED_AT_ONCE = 200
"""Settled videos that are kept in the object that is written again and again."""


@dataclass
class Checkpoint:
    """Reads and writes the book of one task instance; any thread may write.

    :param output: local path or object storage URI.
    :param name: path of the journal below it, without a suffix.
    """

    output: str
    name: str
    _series: str = ""
    _put_away: list[list[str]] = field(default_factory=list)
    _lock: Any = field(default_factory=RLock, repr=False)
    _closed: Event = field(default_factory=Event, repr=False)

    @cached_property
    def store(self) -> Store:
        """Where it lies, opened once: to open an object store may ask Airflow for a connection."""
        return open_store(self.output)

    def read(self) -> BulkState | None:
        """Return what an earlier try left, None where none did.

        :raises TwelveLabsRecordError: it is there and cannot be understood.
        :raises TwelveLabsOutputError: whether it is there cannot be told now.
        """
        head = self._object(self._head)
        if head is None:
            return None
        try:
            entries: dict[str, Any] = {}
            self._series, self._put_away = str(head["series"]), []
            for number in range(int(head["put_away"])):
                some = self._object(self._tail(number)) or {}
                self._put_away.append(list(some["entries"]))
                entries |= some["entries"]
            entries |= head["entries"]
            return BulkState(
                **head["book"], entries={key: VideoState.from_json(value) for key, value in entries.items()}
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TwelveLabsRecordError(
                f"the journal {self._shown(self._head)} cannot be read ({error!r}); it may be of another release of the"
                " provider. Look in the index what became of the videos; without the journal the task begins afresh"
            ) from error

    def close(self) -> None:
        """Let no thread of this process write any more: the journal belongs to the next attempt."""
        with self._lock:
            self._closed.set()

    def write(self, book: BulkState) -> None:
        """Bring a book to the store.

        :raises TwelveLabsOutputError: it cannot be written; nothing more may be asked for.
        :raises WorkStoppedError: the journal is closed.
        """
        with self._lock:
            must_go_on(self._closed)
            kept = {key for keys in self._put_away for key in keys}
            settled = [key for key, entry in book.entries.items() if entry.settled and key not in kept]
            if len(settled) >= SETTLED_AT_ONCE:
                # First what never changes, then what says that it is there.
                self._write(self._tail(len(self._put_away)), {"entries": _plain(book, settled)})
                self._put_away.append(settled)
                kept |= set(settled)
            rest = [key for key in book.entries if key not in kept]
            places = {"series": self._series, "put_away": len(self._put_away)}
            content = {"book": book.head(), **places, "entries": _plain(book, rest)}
            self._write(self._head, content)

    def begin(self, book: BulkState) -> None:
        """Bring the book of another try to the store, in which what was settled may not be any more."""
        with self._lock:
            must_go_on(self._closed)
            old = [self._tail(number) for number in range(len(self._put_away))]
            self._series, self._put_away = token_hex(4), []
            self.write(book)
            for name in old:
                self.store.remove(name)

    @property
    def _head(self) -> str:
        return f"{self.name}.journal.json"

    def _tail(self, number: int) -> str:
        return f"{self.name}.journal-{self._series}-{number:04d}.json"

    def _shown(self, name: str) -> str:
        return self.store.uri(name)

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")
        try:
            write_whole(self.store, name, [data])
        except OSError as error:
            raise TwelveLabsOutputError(f"the journal {self._shown(name)} cannot be written: {error}") from error

    def _object(self, name: str) -> Any:
        """Return what an object holds, None where there is none."""
        try:
            stream = self.store.open(name)
            if stream is None:
                return None
            with closing(stream):
                data = stream.read()
        except Exception as error:
            raise TwelveLabsOutputError(f"the journal {self._shown(name)} cannot be looked at: {error!r}") from error
        try:
            return decoded_json(data)
        except ValueError as error:
            raise TwelveLabsRecordError(f"the journal {self._shown(name)} is not JSON ({error})") from error


def _plain(book: BulkState, keys: list[str]) -> dict[str, Any]:
    return {key: book.entries[key].as_json() for key in keys}
