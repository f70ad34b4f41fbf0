"""State of the Cloud Storage server: buckets, object generations, unfinished uploads."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_QUANTUM = 256 * 1024
"""Every piece of a resumable upload but the last has to be a multiple of this."""


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class StoredObject:
    """One generation of an object."""

    name: str
    content: bytes
    content_type: str
    generation: int
    created: str


@dataclass
class Upload:
    """A resumable upload."""

    bucket: str
    name: str
    content_type: str
    only_if: str | None
    received: bytearray = field(default_factory=bytearray)
    finished: StoredObject | None = None


class Objects:
    """All objects, in memory; readers see every change as one step."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._buckets: dict[str, dict[str, StoredObject]] = {}
        self._uploads: dict[str, Upload] = {}
        self._generation = 1000

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket."""
        with self._lock:
            if bucket in self._buckets:
                raise Refusal(409, "Your previous request to create the named bucket succeeded and you already own it.")
            self._buckets[bucket] = {}

    def bucket(self, bucket: str) -> dict[str, StoredObject]:
        """The objects of a bucket.

        :raises Refusal: there is no such bucket.
        """
        with self._lock:
            if bucket not in self._buckets:
                raise Refusal(404, "The specified bucket does not exist.")
            return self._buckets[bucket]

    def get(self, bucket: str, name: str) -> StoredObject:
        """The current generation of an object."""
        with self._lock:
            if name not in self.bucket(bucket):
                raise Refusal(404, f"No such object: {bucket}/{name}")
            return self._buckets[bucket][name]

    def put(self, bucket: str, name: str, content: bytes, content_type: str, only_if: str | None) -> StoredObject:
        """Make a new generation, which replaces the former in one step.

        :param only_if: generation that has to be the current one; ``0`` for none.
        """
        with self._lock:
            current = self.bucket(bucket).get(name)
            if only_if is not None and int(only_if) != (current.generation if current else 0):
                raise Refusal(412, "At least one of the pre-conditions you specified did not hold.")
            self._generation += 1
            now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            made = StoredObject(name, content, content_type, self._generation, now)
            self._buckets[bucket][name] = made
            return made

    def delete(self, bucket: str, name: str, only_if: str | None) -> None:
        """Remove an object."""
        with self._lock:
            current = self.get(bucket, name)
            if only_if is not None and int(only_if) != current.generation:
                raise Refusal(412, "At least one of the pre-conditions you specified did not hold.")
            del self._buckets[bucket][name]

    def names(self, bucket: str) -> list[str]:
        """Names of a bucket's objects in order."""
        with self._lock:
            return sorted(self.bucket(bucket))

    def begin_upload(self, bucket: str, name: str, content_type: str, only_if: str | None) -> str:
        """Begin a resumable upload; its id is all that is needed to go on with it."""
        with self._lock:
            self.bucket(bucket)
            upload_id = secrets.token_urlsafe(32)
            self._uploads[upload_id] = Upload(bucket, name, content_type, only_if)
            return upload_id

    def add(self, upload_id: str, start: int | None, total: int | None, piece: bytes) -> Upload:
        """Add a piece; with its last byte the object is made.

        :param start: offset of the piece; None asks how far it got.
        :param total: bytes of the whole object, where they are known.
        """
        with self._lock:
            upload = self._upload(upload_id)
            if upload.finished:
                return upload
            if start is not None:
                self._append(upload, start, total, piece)
            if total is not None and len(upload.received) == total:
                whole = bytes(upload.received)
                upload.finished = self.put(upload.bucket, upload.name, whole, upload.content_type, upload.only_if)
                upload.received.clear()
            return upload

    def _append(self, upload: Upload, start: int, total: int | None, piece: bytes) -> None:
        have = len(upload.received)
        if start > have:
            raise Refusal(503, "The piece begins behind what has arrived.")
        last = total is not None and start + len(piece) == total
        if not last and len(piece) % _QUANTUM:
            raise Refusal(400, "A piece that is not the last has to be a multiple of 256 KiB.")
        # What arrived before is taken once: a client repeats a piece whose answer got lost.
        upload.received += piece[have - start :]

    def cancel(self, upload_id: str) -> None:
        """Forget an upload."""
        with self._lock:
            self._upload(upload_id)
            del self._uploads[upload_id]

    def _upload(self, upload_id: str) -> Upload:
        if upload_id not in self._uploads:
            raise Refusal(404, "No such upload.")
        return self._uploads[upload_id]

    def unfinished(self, bucket: str) -> Iterator[str]:
        """Names of the objects of uploads that are neither finished nor cancelled."""
        with self._lock:
            uploads = list(self._uploads.values())
        return (upload.name for upload in uploads if upload.bucket == bucket and not upload.finished)


def resource(bucket: str, stored: StoredObject) -> dict[str, Any]:
    """An object as the API describes it."""
    return {
        "kind": "storage#object",
        "id": f"{bucket}/{stored.name}/{stored.generation}",
        "name": stored.name,
        "bucket": bucket,
        "generation": str(stored.generation),
        "metageneration": "1",
        "contentType": stored.content_type,
        "size": str(len(stored.content)),
        "md5Hash": base64.b64encode(hashlib.md5(stored.content).digest()).decode(),
        "etag": f"CO{stored.generation}",
        "timeCreated": stored.created,
        "updated": stored.created,
        "storageClass": "STANDARD",
    }
