"""Checkpoint of work on many videos: a file beside the outcome that survives the attempt.

It works with every Airflow version, and is written before every billed request, so that the next attempt knows which
requests may have been sent. Unsettled entries are in one small object that is rewritten; settled ones move into objects
that never change. A checkpoint that cannot be read is an error, because billed work may exist.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from secrets import token_hex
from threading import Event, RLock
from typing import Any, Generic, TypeVar

from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.exceptions import TwelveLabsOutputError, TwelveLabsRecordError
from twelvelabs_provider.jobs.bulk_state import BulkState
from twelvelabs_provider.jobs.worker_threads import raise_if_stopped
from twelvelabs_provider.storage.stores import Store, open_store, write_whole

SETTLED_AT_ONCE = 200
"""Settled entries that the main object contains at most; more move into an object of their own."""


S = TypeVar("S", bound=BulkState[Any])


@dataclass
class Checkpoint(Generic[S]):
    """Checkpoint of one task instance; any thread may write it.

    :param output: local path or object storage URI.
    :param name: path of the checkpoint below it, without a suffix.
    :param state_type: the class of the state.
    """

    output: str
    name: str
    state_type: type[S]
    _series: str = ""
    _archived: list[list[str]] = field(default_factory=list)
    _lock: Any = field(default_factory=RLock, repr=False)
    _closed: Event = field(default_factory=Event, repr=False)

    @cached_property
    def store(self) -> Store:
        """The store, opened once, because that may read a connection from Airflow."""
        return open_store(self.output)

    def read(self) -> S | None:
        """Return the state that an earlier attempt wrote, None if there is none.

        :raises TwelveLabsRecordError: the checkpoint has another format.
        :raises TwelveLabsOutputError: the store cannot be read.
        """
        head = self._object(self._main)
        if head is None:
            return None
        try:
            entries: dict[str, Any] = {}
            self._series, self._archived = str(head["series"]), []
            for number in range(int(head["archived"])):
                some = self._object(self._archive(number)) or {}
                self._archived.append(list(some["entries"]))
                entries |= some["entries"]
            entries |= head["entries"]
            return self.state_type.restored(head["state"], entries)
        except (KeyError, TypeError, ValueError) as error:
            raise TwelveLabsRecordError(
                f"Cannot read checkpoint {self._shown(self._main)}: {error!r}. Another release of the provider may have"
                " written it. Check on the service what was done. Delete the checkpoint to start over"
            ) from error

    def close(self) -> None:
        """Refuse further writes of this process, because the checkpoint belongs to the next attempt."""
        with self._lock:
            self._closed.set()

    def write(self, state: S) -> None:
        """Write the state.

        :raises TwelveLabsOutputError: it cannot be written; no further request may be sent.
        :raises WorkStoppedError: the checkpoint is closed.
        """
        with self._lock:
            raise_if_stopped(self._closed)
            kept = {key for keys in self._archived for key in keys}
            settled = [key for key, entry in state.entries.items() if entry.settled and key not in kept]
            if len(settled) >= SETTLED_AT_ONCE:
                # The main object names the others, so it is written last.
                self._write(self._archive(len(self._archived)), {"entries": _plain(state, settled)})
                self._archived.append(settled)
                kept |= set(settled)
            rest = [key for key in state.entries if key not in kept]
            places = {"series": self._series, "archived": len(self._archived)}
            content = {"state": state.head(), **places, "entries": _plain(state, rest)}
            self._write(self._main, content)

    def begin(self, state: S) -> None:
        """Write the state of a new attempt, in which settled entries may be unsettled again."""
        with self._lock:
            raise_if_stopped(self._closed)
            old = [self._archive(number) for number in range(len(self._archived))]
            self._series, self._archived = token_hex(4), []
            self.write(state)
            for name in old:
                self.store.remove(name)

    @property
    def _main(self) -> str:
        return f"{self.name}.checkpoint.json"

    def _archive(self, number: int) -> str:
        return f"{self.name}.checkpoint-{self._series}-{number:04d}.json"

    def _shown(self, name: str) -> str:
        return self.store.uri(name)

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")
        try:
            write_whole(self.store, name, [data])
        except OSError as error:
            raise TwelveLabsOutputError(f"Cannot write checkpoint {self._shown(name)}: {error}") from error

    def _object(self, name: str) -> Any:
        """Return the content of an object, None if there is none."""
        try:
            stream = self.store.open(name)
            if stream is None:
                return None
            with closing(stream):
                data = stream.read()
        except Exception as error:
            raise TwelveLabsOutputError(f"Cannot read checkpoint {self._shown(name)}: {error!r}") from error
        try:
            return decoded_json(data)
        except ValueError as error:
            raise TwelveLabsRecordError(f"Checkpoint {self._shown(name)} is not JSON: {error}") from error


def _plain(state: BulkState[Any], keys: list[str]) -> dict[str, Any]:
    return {key: state.entries[key].as_json() for key in keys}
