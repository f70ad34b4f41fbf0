"""State of discovery in storage: chunks and records of each run, the manifest last.

::

    {output}/{dag}/{task}/latest.json                              the newest finished run
    {output}/{dag}/{task}/runs/{run}/manifest.json                 the run is finished
    {output}/{dag}/{task}/runs/{run}/{asked}/00000.jsonl ...       the chunks that it returned
    {output}/{dag}/{task}/runs/{run}/{asked}/known.jsonl.gz        the record of every present video

``asked`` is a digest of the arguments: a repeated run with other arguments does not overwrite its earlier files.
Two parallel runs compare with the same finished run: both return what is new since then, so no video is lost.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import IO, Any

import pendulum

from twelvelabs_provider import __version__
from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.exceptions import TwelveLabsOutputError, TwelveLabsRecordError
from twelvelabs_provider.storage.discovery.changes import VideoRecord
from twelvelabs_provider.storage.discovery.listed_files import address_of
from twelvelabs_provider.storage.encoding import json_text
from twelvelabs_provider.storage.layout import safe_component
from twelvelabs_provider.storage.locations import PACKAGE, Location
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.store_errors import writing
from twelvelabs_provider.storage.stores import PendingFile, open_store, read_whole, write_whole

SCHEMA_VERSION = 1
KEPT_RUNS = 3
"""Runs whose records are kept: parallel runs may be reading them."""

_MANIFEST = "manifest.json"
_LATEST = "latest.json"
_KNOWN = "known.jsonl.gz"
_GZIP = 31
_DIGITS = 8


@dataclass(frozen=True)
class DiscoveryRun:
    """A finished run.

    :param name: of its folder.
    :param number: number in the sequence of runs; parallel runs have the same.
    :param earlier: folders of the runs before it, newest first.
    :param asked: digest of the arguments.
    :param result: return value of the task.
    :param published_at: ISO time of its end.
    """

    name: str
    number: int
    earlier: tuple[str, ...]
    asked: str
    result: Mapping[str, Any]
    published_at: str

    @property
    def folder(self) -> str:
        """Folder of its files, below ``runs/``."""
        return f"{self.name}/{self.asked[:_DIGITS]}"


class DiscoveryState:
    """The state of one discovery task.

    :param output: local path or object storage URI, with the connection as user where one is needed.
    :param provenance: the task instance.
    :param asked: digest of the arguments.
    """

    def __init__(self, output: str, provenance: Provenance, asked: str) -> None:
        task = provenance.task_id if provenance.map_index < 0 else f"{provenance.task_id}-{provenance.map_index}"
        location = Location.parse(output)
        # With the connection: the addresses of chunks are opened by other tasks.
        self._output = location.uri if location.is_local else output.rstrip("/")
        self._folder = f"{safe_component(provenance.dag_id)}/{safe_component(task)}"
        self._provenance = provenance
        self._store = open_store(output)
        self.run = safe_component(provenance.run_id)
        self.asked = asked

    def check(self) -> None:
        """Check that the folder is writable; see :meth:`Store.check`."""
        self._store.check()

    def finished(self) -> DiscoveryRun | None:
        """Return this run if it is finished."""
        return self._manifest_of(self.run)

    def base(self, finished: DiscoveryRun | None) -> DiscoveryRun | None:
        """Return the run to compare with: the newest finished run before this one.

        :param finished: this run, if it is finished with other arguments.
        """
        latest = self._latest()
        if latest is None:
            return None
        name = str(latest.get("run"))
        if name == self.run:
            earlier = finished.earlier if finished else ()
            return self._manifest_of(earlier[0].partition("/")[0]) if earlier else None
        run = self._manifest_of(name)
        if run is None:
            raise TwelveLabsRecordError(
                f"{self._shown(_LATEST)!r} names run {name!r}, but its manifest is missing. Restore it, or delete that "
                "file: then every video counts as new again."
            )
        return run

    def records(self, run: DiscoveryRun | None) -> Iterator[VideoRecord]:
        """Yield the records of a run, in order."""
        if run is None:
            return
        name = f"runs/{run.folder}/{_KNOWN}"
        stream = self._store.open(self._name(name))
        if stream is None:
            raise TwelveLabsOutputError(
                f"{self._shown(name)!r} is missing: newer runs have finished. A retry compares with the newest."
            )
        last: tuple[str, str] = ("", "")
        with closing(stream):
            for number, line in enumerate(_lines(stream, self._shown(name)), start=1):
                known = _record(line, number, self._shown(name))
                if known.key <= last:
                    raise TwelveLabsRecordError(f"Line {number} of {self._shown(name)!r} is out of order.")
                last = known.key
                yield known

    def returned_names(self, run: DiscoveryRun) -> Iterator[str]:
        """Yield the addresses of a run's chunks, without connection.

        :raises TwelveLabsOutputError: a file is missing.
        """
        for number in range(len(run.result["chunks"])):
            name = f"runs/{run.folder}/{number:05d}.jsonl"
            stream = self._store.open(self._name(name))
            if stream is None:
                raise TwelveLabsOutputError(
                    f"{self._shown(name)!r} is missing. Restore it, or list all with only_new=False."
                )
            with closing(stream):
                yield from (address_of(decoded_json(line)["uri"]) for line in stream)

    def create_records(self) -> RecordWriter:
        """Create the file of this run's records."""
        name = self._name(f"{self._files}/{_KNOWN}")
        with writing(self._store.uri(name)):
            return RecordWriter(self._store.create(name), self._store.uri(name))

    def write_chunk(self, number: int, lines: Iterable[bytes]) -> str:
        """Write one chunk and return its address."""
        name = self._name(f"{self._files}/{number:05d}.jsonl")
        self._write(name, lines)
        return f"{self._output}/{name}"

    def finish(self, base: DiscoveryRun | None, result: Mapping[str, Any], details: Mapping[str, Any]) -> DiscoveryRun:
        """Write the manifest, which finishes this run, and return the run."""
        own = f"{self.run}/"
        earlier = (base.folder, *base.earlier) if base else ()
        others = tuple(folder for folder in earlier if not folder.startswith(own))
        now = pendulum.now("UTC").to_iso8601_string()
        run = DiscoveryRun(self.run, base.number + 1 if base else 1, others[: KEPT_RUNS - 1], self.asked, result, now)
        document = {
            "schema_version": SCHEMA_VERSION,
            "kind": "video_list",
            **details,
            **asdict(run),
            "provenance": asdict(self._provenance),
            "provider": {"package": PACKAGE, "version": __version__},
        }
        self._write_json(f"runs/{self.run}/{_MANIFEST}", document)
        self.point_to(run)
        for folder in others[KEPT_RUNS - 1 :]:
            gone = self._name(f"runs/{folder}/{_KNOWN}")
            with writing(self._store.uri(gone)):
                self._store.remove(gone)
        return run

    def point_to(self, run: DiscoveryRun) -> None:
        """Make a finished run the latest one, unless a newer run is."""
        latest = self._latest()
        newer = latest is not None and int(latest.get("number", 0)) > run.number
        if not newer and (latest is None or latest.get("run") != run.name):
            self._write_json(_LATEST, {"run": run.name, "number": run.number})

    def manifest_uri(self) -> str:
        """Return the address of this run's manifest, without connection."""
        return self._shown(f"runs/{self.run}/{_MANIFEST}")

    @property
    def _files(self) -> str:
        return f"runs/{self.run}/{self.asked[:_DIGITS]}"

    def _latest(self) -> Mapping[str, Any] | None:
        return self._read_json(_LATEST)

    def _manifest_of(self, run: str) -> DiscoveryRun | None:
        name = f"runs/{run}/{_MANIFEST}"
        document = self._read_json(name)
        if document is None:
            return None
        if document.get("schema_version") != SCHEMA_VERSION:
            raise TwelveLabsRecordError(
                f"{self._shown(name)!r} has schema version {document.get('schema_version')!r}, not {SCHEMA_VERSION}: "
                "it was written by another version of the provider."
            )
        try:
            earlier = tuple(map(str, document["earlier"]))
            return DiscoveryRun(
                str(document["name"]), int(document["number"]), earlier, str(document["asked"]), document["result"],
                str(document["published_at"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise TwelveLabsRecordError(f"{self._shown(name)!r} is no manifest of a run: {error!r}.") from error

    def _read_json(self, name: str) -> Mapping[str, Any] | None:
        text = read_whole(self._store, self._name(name))
        if text is None:
            return None
        try:
            document = decoded_json(text)
        except ValueError as error:
            raise TwelveLabsRecordError(f"{self._shown(name)!r} is not JSON: {error}.") from error
        if not isinstance(document, Mapping):
            raise TwelveLabsRecordError(f"{self._shown(name)!r} is {type(document).__name__}, not a JSON object.")
        return document

    def _write_json(self, name: str, document: Mapping[str, Any]) -> None:
        text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False).encode("utf-8", errors="replace")
        self._write(self._name(name), [text + b"\n"])

    def _write(self, name: str, pieces: Iterable[bytes]) -> None:
        with writing(self._store.uri(name)):
            write_whole(self._store, name, pieces)

    def _name(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _shown(self, name: str) -> str:
        return self._store.uri(self._name(name))


class RecordWriter:
    """Writer of a run's records."""

    def __init__(self, pending: PendingFile, uri: str) -> None:
        self._pending, self._uri = pending, uri
        self._gzip = zlib.compressobj(wbits=_GZIP)

    def add(self, known: VideoRecord) -> None:
        """Add one record, in order."""
        with writing(self._uri):
            self._pending.write(self._gzip.compress(json_text(known.as_row()) + b"\n"))

    def commit(self) -> None:
        """Make the file visible."""
        with writing(self._uri):
            self._pending.write(self._gzip.flush())
            self._pending.commit()

    def discard(self) -> None:
        """Discard the file; does nothing after a commit."""
        self._pending.discard()


def _lines(stream: IO[bytes], shown: str) -> Iterator[str]:
    try:
        with gzip.open(stream, "rt", encoding="utf-8", newline="\n") as lines:
            yield from lines
    except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise TwelveLabsRecordError(f"{shown!r} is damaged: {error}.") from error


def _record(line: str, number: int, shown: str) -> VideoRecord:
    try:
        return VideoRecord(**decoded_json(line))
    except (TypeError, ValueError) as error:
        raise TwelveLabsRecordError(f"Line {number} of {shown!r} cannot be read: {error}.") from error
