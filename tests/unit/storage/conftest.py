"""Stores and files of the storage tests: real and local."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.io import fs as airflow_fs
from airflow.sdk.io import store as airflow_store
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

UNPRIVILEGED_USER = 65534


class BucketFile(AbstractBufferedFile):  # type: ignore[misc]
    """An upload in parts that becomes an object when it is completed, as those of s3fs, gcsfs and adlfs do."""

    parts: bytes | None = None

    def _initiate_upload(self) -> None:
        self.fs.bucket_of(self.path)
        if self.fs.denied:
            raise PermissionError(self.path)
        self.parts = b""
        self.fs.uploads.add(id(self))

    def _upload_chunk(self, final: bool = False) -> bool:
        if self.fs.fail_after is not None and len(self.parts or b"") >= self.fs.fail_after:
            raise OSError("connection reset while uploading a part")
        self.parts = (self.parts or b"") + self.buffer.getvalue()
        if final and (self.autocommit or self.fs.ignores_autocommit):
            self.commit()
        return True

    def commit(self) -> None:
        self.fs.objects[self.path] = self.parts or b""
        self.fs.uploads.discard(id(self))

    def discard(self) -> None:
        self.fs.uploads.discard(id(self))

    def _fetch_range(self, start: int, end: int) -> bytes:
        return bytes(self.fs.objects[self.path][start:end])


class BucketFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """A store of whole objects in buckets that have to exist."""

    cachable = False
    protocol = "s3"

    def __init__(self, *buckets: str, ignores_autocommit: bool = False) -> None:
        super().__init__()
        self.buckets = set(buckets)
        self.objects: dict[str, bytes] = {}
        self.uploads: set[int] = set()
        self.ignores_autocommit = ignores_autocommit
        self.denied = False
        self.fail_after: int | None = None

    def bucket_of(self, path: str) -> str:
        bucket = path.split("/", 1)[0]
        if bucket not in self.buckets:
            raise FileNotFoundError(f"The specified bucket does not exist: {bucket}")
        return bucket

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        if path in self.objects:
            if self.denied:
                raise PermissionError(path)
            return {"name": path, "size": len(self.objects[path]), "type": "file", "ETag": '"d41d8"'}
        if path in self.buckets or any(name.startswith(path + "/") for name in self.objects):
            return {"name": path, "size": 0, "type": "directory"}
        raise FileNotFoundError(path)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        found = [self.info(name) for name in sorted(self.objects) if name.startswith(path.rstrip("/") + "/")]
        return found if detail else [entry["name"] for entry in found]

    def _rm(self, path: str) -> None:
        if self.objects.pop(self._strip_protocol(path), None) is None:
            raise FileNotFoundError(path)

    def _open(
        self, path: str, mode: str = "rb", block_size: Any = None, autocommit: bool = True, **kwargs: Any
    ) -> BucketFile:
        if mode == "rb" and path not in self.objects:
            raise FileNotFoundError(path)
        return BucketFile(self, path, mode, 4096, autocommit, **kwargs)


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Airflow's cache of attached filesystems, empty for the test."""
    cache: dict[str, Any] = {}
    monkeypatch.setattr(airflow_store, "_STORE_CACHE", cache)
    return cache


@pytest.fixture
def no_store_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """An Airflow without the packages of any object store, wherever this runs."""
    monkeypatch.setattr(airflow_fs, "_register_filesystems", lambda: {"file": LocalFileSystem})


@pytest.fixture
def memory(stores: dict[str, Any]) -> Iterator[MemoryFileSystem]:
    """``memory://`` as Airflow would have it if a provider registered it; with a connection and without."""
    filesystem = MemoryFileSystem()
    for conn_id in (None, "conn"):
        airflow_store.attach("memory", conn_id, fs=filesystem)
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


@pytest.fixture
def make_bucket(stores: dict[str, Any]) -> Callable[..., BucketFileSystem]:
    """Put a bucket behind ``s3://conn@bucket``."""

    def make(**options: bool) -> BucketFileSystem:
        filesystem = BucketFileSystem("bucket", **options)
        airflow_store.attach("s3", "conn", fs=filesystem)
        return filesystem

    return make


@pytest.fixture(params=["honours autocommit", "ignores autocommit"])
def bucket(request: pytest.FixtureRequest, make_bucket: Callable[..., BucketFileSystem]) -> BucketFileSystem:
    """A bucket of either kind: s3fs and gcsfs honour ``autocommit=False``, adlfs does not."""
    return make_bucket(ignores_autocommit=request.param == "ignores autocommit")


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that everybody may enter, and a user to whom permissions apply (not so for root)."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    is_root = os.geteuid() == 0
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        for child in folder.iterdir():
            child.chmod(0o700)
        shutil.rmtree(folder)


@pytest.fixture
def drop_privileges(unprivileged: Path) -> Callable[[], None]:
    """Continue without privileges where this process is root; ``unprivileged`` takes it back at the end."""
    return lambda: os.seteuid(UNPRIVILEGED_USER) if os.geteuid() == 0 else None
