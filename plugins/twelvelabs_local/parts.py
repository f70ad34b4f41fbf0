"""The parts of files on disk: they lie in a folder per upload until all are there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from twelvelabs_local.errors import MediaError
from twelvelabs_local.identity import new_id
from twelvelabs_local.media import content_path, pieces_of
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.uploads import COMPLETED, Upload

_PIECE = 1024 * 1024
"""Bytes that are gathered before they are written."""


class PartTooLarge(Exception):
    """More bytes came than the part has."""


async def receive_part(
    folder: DataFolder, upload: Upload, number: int, stream: AsyncIterator[bytes]
) -> tuple[int, str]:
    """Write a part to disk and return its size and its ETag, the MD5 of its content as stores in the cloud have it.

    A part is seen only once it is whole.

    :raises PartTooLarge: when it is larger than it may be.
    """
    final = part_path(folder, upload.id, number)
    final.parent.mkdir(exist_ok=True)
    arriving = final.with_name(f"{number}.{new_id()}")
    digest, size = hashlib.md5(usedforsecurity=False), 0
    try:
        with arriving.open("wb") as file:
            async for piece in _gathered(stream):
                size += len(piece)
                if size > upload.size_of(number):
                    raise PartTooLarge
                await run_in_threadpool(file.write, piece)
                await run_in_threadpool(digest.update, piece)
        os.replace(arriving, final)
    finally:
        arriving.unlink(missing_ok=True)
    return size, digest.hexdigest()


async def _gathered(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    gathered = bytearray()
    async for piece in stream:
        gathered += piece
        if len(gathered) >= _PIECE:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def part_path(folder: DataFolder, upload_id: str, number: int) -> Path:
    """Return where a part lies."""
    return folder.uploads / upload_id / str(number)


def assembled(db: Database, folder: DataFolder, asset: Asset) -> Iterator[bytes]:
    """Read the parts of a file one after the other.

    :raises MediaError: when one of them is gone.
    """
    upload = db.find(Upload, asset_id=asset.id)
    if upload is None or upload.status != COMPLETED:
        raise MediaError("video_file_broken", "The file has not come whole.")
    for number in range(1, upload.total_chunks + 1):
        try:
            with part_path(folder, upload.id, number).open("rb") as file:
                yield from pieces_of(file)
        except FileNotFoundError as error:
            raise MediaError("video_file_broken", f"Part {number} of the uploaded file is gone.") from error


def forget_parts(folder: DataFolder, upload_id: str) -> None:
    """Remove the parts of an upload."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder.uploads / upload_id)


def forget_unused_parts(folder: DataFolder, db: Database) -> None:
    """Remove the parts of which nothing will be made any more; only for a starting engine."""
    for path in folder.uploads.iterdir():
        upload = db.find(Upload, id=path.name)
        if upload is None or not _still_needed(folder, db, upload):
            forget_parts(folder, path.name)


def _still_needed(folder: DataFolder, db: Database, upload: Upload) -> bool:
    if upload.status != COMPLETED:
        return upload.status == "active"
    asset = db.find(Asset, id=upload.asset_id)
    if asset is None or asset.status == "failed":
        return False
    return asset.sha256 is None or not content_path(folder, asset.sha256).exists()
