"""Ranges of sources: only the requested bytes are fetched from a store."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from twelvelabs_provider.hooks.object_streams import BLOCK_SIZE, RangeStream, StoreStream
from twelvelabs_provider.storage.source import resolve_source

CONTENT = Random(7).randbytes(100_000)


class Store:
    """Remembers what was fetched."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.fetched: list[tuple[int, int]] = []

    def read(self, start: int, end: int) -> bytes:
        self.fetched.append((start, end))
        return self.content[start:end]


def test_range_is_fetched_in_pieces_and_not_beyond() -> None:
    store = Store()
    stream = RangeStream(store.read, 1000, 2500, piece=1000)
    assert stream.read(10) == CONTENT[1000:1010]
    assert store.fetched == [(1000, 2000)]
    assert stream.read() == CONTENT[1010:3500]
    assert stream.read(1) == b""
    assert store.fetched == [(1000, 2000), (2000, 3000), (3000, 3500)]


def test_object_that_became_shorter_ends_early() -> None:
    stream = RangeStream(Store(CONTENT[:1500]).read, 1000, 2500, piece=1000)
    assert stream.read() == CONTENT[1000:1500]


def test_store_error_is_raised_as_a_stream_error() -> None:
    def broken(start: int, end: int) -> bytes:
        raise RuntimeError("SlowDown https://b.example/a?sig=SIGNATURE")

    with pytest.raises(OSError, match="RuntimeError while bytes 0 to 10") as caught:
        RangeStream(broken, 0, 10, piece=100).read()
    assert "SIGNATURE" not in str(caught.value)


def test_seekable_object_raises_stream_errors() -> None:
    class Handle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() >= 500:
                raise RuntimeError("SlowDown https://b.example/a?sig=SIGNATURE")
            return super().read(size)

    handle = Handle(CONTENT[:1000])
    with StoreStream(handle) as stream:
        assert (stream.seek(-990, io.SEEK_END), stream.tell(), stream.read(5)) == (10, 10, CONTENT[10:15])
        stream.seek(600)
        with pytest.raises(OSError, match="RuntimeError while it was read") as caught:
            stream.read(1)
    assert "SIGNATURE" not in str(caught.value)
    assert handle.closed


def test_seekable_local_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(CONTENT)
    for value in (str(path), path.as_uri()):
        with resolve_source(value).open_range(5000, 100) as stream:
            assert stream.read(100) == CONTENT[5000:5100]


def test_seekable_object(memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe_file("/bucket/a.mp4", CONTENT)
    fetched: list[tuple[int, int]] = []
    real = MemoryFileSystem.cat_file

    def cat_file(self: MemoryFileSystem, path: str, start: int, end: int) -> bytes:
        fetched.append((start, end))
        return bytes(real(self, path, start, end))

    source = resolve_source("memory://bucket/a.mp4")
    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)
    with source.open_range(5000, 100) as stream:
        assert stream.read(50) + stream.read(500) == CONTENT[5000:5100]
    assert fetched == [(5000, 5100)]
    assert BLOCK_SIZE < 16 * 2**20, "so much is held of each part on its way"
