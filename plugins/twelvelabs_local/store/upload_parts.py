"""The parts of multipart uploads on disk, in a folder per upload."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from twelvelabs_local.errors import MediaError
from twelvelabs_local.ids import new_id
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.media_files import content_path, read_chunks
from twelvelabs_local.store.uploads import ACTIVE, COMPLETED, Upload

_BUFFER_BYTES = 1024 * 1024
"""Bytes buffered before each write."""


class PartTooLarge(Exception):
    """A part has more bytes than the upload allows."""


async def save_part(folder: DataFolder, upload: Upload, number: int, stream: AsyncIterator[bytes]) -> tuple[int, str]:
    """Save a part and return its size and its ETag, which is the MD5 of the content as in object stores.

    The part appears only when it is complete.

    :raises PartTooLarge: when it has more bytes than the upload allows.
    """
    final = part_path(folder, upload.id, number)
    final.parent.mkdir(exist_ok=True)
    temporary = final.with_name(f"{number}.{new_id()}")
    digest, size = hashlib.md5(usedforsecurity=False), 0
    try:
        with temporary.open("wb") as file:
            async for chunk in _buffered(stream):
                size += len(chunk)
                if size > upload.size_of(number):
                    raise PartTooLarge
                await run_in_threadpool(file.write, chunk)
                await run_in_threadpool(digest.update, chunk)
        os.replace(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)
    return size, digest.hexdigest()


async def _buffered(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    buffer = bytearray()
    async for chunk in stream:
        buffer += chunk
        if len(buffer) >= _BUFFER_BYTES:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


def part_path(folder: DataFolder, upload_id: str, number: int) -> Path:
    """Return the path of a part."""
    return folder.uploads / upload_id / str(number)


def assembled(db: Database, folder: DataFolder, asset: Asset) -> Iterator[bytes]:
    """Yield the content of a completed upload, part by part.

    :raises MediaError: when a part is missing.
    """
    upload = db.find(Upload, asset_id=asset.id)
    if upload is None or upload.status != COMPLETED:
        raise MediaError("video_file_broken", "The upload of the file is incomplete.")
    for number in range(1, upload.total_chunks + 1):
        try:
            with part_path(folder, upload.id, number).open("rb") as file:
                yield from read_chunks(file)
        except FileNotFoundError as error:
            raise MediaError("video_file_broken", f"Part {number} of the uploaded file is missing.") from error


def delete_parts(folder: DataFolder, upload_id: str) -> None:
    """Delete the parts of an upload."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder.uploads / upload_id)


def delete_unused_parts(folder: DataFolder, db: Database) -> None:
    """Delete the parts that no asset needs. Only for a starting engine."""
    for path in folder.uploads.iterdir():
        upload = db.find(Upload, id=path.name)
        if upload is None or not _needed(folder, db, upload):
            delete_parts(folder, path.name)


def _needed(folder: DataFolder, db: Database, upload: Upload) -> bool:
    if upload.status != COMPLETED:
        return upload.status == ACTIVE
    asset = db.find(Asset, id=upload.asset_id)
    if asset is None or asset.status == "failed":
        return False
    return asset.sha256 is None or not content_path(folder, asset.sha256).exists()
