"""What a reader of results does, and one that does nothing else while a result is written.

A reader takes the manifest, then the files that it names, and compares sizes and SHA-256. If one differs, the result
was replaced in between: the earlier manifest no longer exists, and the reader starts again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.results import FOLDER, FORMATS, MANIFEST, WORDS, put_in_pieces

PAUSE_SECONDS = 0.05
Read = Callable[[str], bytes | None]
"""Content of a file below the output, None where there is none."""


@dataclass(frozen=True)
class Versions:
    """The data files of some versions of a result, as they are when they are whole.

    :param word_of: SHA-256 to the version.
    """

    word_of: Mapping[str, str]

    @classmethod
    def published(cls, folder: Path, piece: int) -> Versions:
        """Publish each in a local folder to learn what its files are."""
        word_of = {}
        for word in WORDS:
            put_in_pieces(str(folder / word), word, piece)
            for format in FORMATS:
                content = (folder / word / FOLDER / f"transcription.{format}").read_bytes()
                word_of[hashlib.sha256(content).hexdigest()] = word
        return cls(word_of)

    def look(self, read: Read) -> str | None:
        """Do as a reader does; return the version that is there, None for none.

        :raises AssertionError: a file is there in part, or a manifest stands whose files are not what it says.
        """
        raw = read(MANIFEST)
        found = {format: self._whole(read(f"{FOLDER}/transcription.{format}")) for format in FORMATS}
        if raw is None:
            return None
        named = {entry["format"]: entry["sha256"] for entry in json.loads(raw)["files"]}
        if found == named:
            (word,) = {self.word_of[digest] for digest in named.values()}
            return word
        assert read(MANIFEST) != raw, "the manifest stands, but its files are not what it says"
        return None

    def _whole(self, content: bytes | None) -> str | None:
        if content is None:
            return None
        digest = hashlib.sha256(content).hexdigest()
        assert digest in self.word_of, "half a file under its final name"
        return digest


@dataclass
class Watch:
    """What a reader has seen."""

    words: list[str | None] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)


@contextlib.contextmanager
def watching(versions: Versions, read: Read) -> Iterator[Watch]:
    """Read over and over meanwhile.

    :raises AssertionError: what :meth:`Versions.look` raised.
    """
    watch, done = Watch(), threading.Event()

    def poll() -> None:
        try:
            while not done.wait(PAUSE_SECONDS):
                watch.words.append(versions.look(read))
        except BaseException as error:
            watch.errors.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()
    assert not watch.errors, watch.errors
