"""Transfers of v1.1 and v1.2.

A connected folder stands in for a bucket and its integration: the folder's name is the name of the bucket, and the id
of its connection is the id of the integration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.connections import active
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.parameters import Required, UserMetadata
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.connected_folders import ConnectedFolder
from twelvelabs_local.engine.probe import probe
from twelvelabs_local.engine.subtitles import LIMIT, read_subtitles
from twelvelabs_local.errors import MediaError, invalid, not_exist
from twelvelabs_local.ids import is_id
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.connections import Connection, find_bucket
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.media_files import too_large
from twelvelabs_local.store.transfers import (
    ImportedVideo,
    Integration,
    SourceFile,
    create_transfer,
    imported_videos,
    index_local_file,
    transfer_logs,
)
from twelvelabs_local.video_limits import TASK_BYTES, VideoLimits, check_video, limits_of

LISTS = ("ready", "validating", "pending", "queued", "indexing", "failed")
MOST_BYTES = 4 * 1024 * 1024


class TransferForm(RequestModel):
    """A form with a JSON list of entries as a file."""

    file: UploadFile


class TransferEntry(RequestModel):
    """One video of a list."""

    index_id: Annotated[str, Required]
    language: Literal["en"] | None = None
    object: Annotated[str, Required]
    transcription: str | None = None


class ImportRequest(RequestModel):
    """A request for the import of what an integration contains."""

    index_id: Annotated[str, Required]
    incremental_import: bool = True
    retry_failed: bool = False
    user_metadata: UserMetadata = {}


class StatusQuery(RequestModel):
    """The query of the status of an import."""

    index_id: Annotated[str, Required]


@dataclass(frozen=True)
class Transfer:
    """A validated entry of a list.

    :param path: the video.
    :param subtitles: its transcript, or None.
    """

    index_id: str
    path: Path
    subtitles: Sequence[SegmentRow] | None


async def create(call: Call) -> Response:
    """POST /tasks/transfers: validates all entries before it creates any task."""
    async with call.form(TransferForm) as form:
        content = await form.file.read(MOST_BYTES + 1)
    try:
        entries = json.loads(content[:MOST_BYTES])
    except ValueError as error:
        raise invalid("file", f"It is not JSON: {error}.") from error
    if not isinstance(entries, list) or not entries:
        raise invalid("file", "It must be a JSON list of objects.")
    transfers = [_checked(call, TransferEntry.parse(entry)) for entry in entries]
    with call.db.transaction():
        for transfer in transfers:
            index_local_file(call.db, transfer.index_id, transfer.path, transfer.subtitles)
    call.work_to_do()
    return done()


def _checked(call: Call, entry: TransferEntry) -> Transfer:
    index = _index(call, entry.index_id)
    path = _object(call, entry.object, "object")
    subtitles = _subtitles(_object(call, entry.transcription, "transcription")) if entry.transcription else None
    return Transfer(index.id, path, subtitles)


def _object(call: Call, address: Any, name: str) -> Path:
    """Return the file that an address such as ``s3://bucket/key`` stands for."""
    parts = urlsplit(str(address))
    folder = find_bucket(call.db, parts.netloc) if parts.scheme == "s3" else None
    if folder is None:
        raise invalid(name, f"{address!r} is in no bucket that is integrated; here a bucket is a connected folder.")
    try:
        path = (folder.root / parts.path.lstrip("/")).resolve()
        there = path.is_relative_to(folder.root) and path.is_file()
    except (OSError, ValueError):
        there = False
    if not there:
        raise invalid(name, f"There is no object {address!r}.")
    return path


def _subtitles(path: Path) -> Sequence[SegmentRow]:
    try:
        with path.open("rb") as file:
            return read_subtitles(file.read(LIMIT + 1))
    except (MediaError, OSError) as error:
        raise invalid("transcription", str(error)) from error


async def start(call: Call) -> Response:
    """POST /tasks/transfers/import/{integration_id}."""
    integration_id, folder = _integration(call)
    request = await call.json(ImportRequest)
    index = _index(call, request.index_id)
    integration = Integration(integration_id, index.id)
    known = {file.filename: file for file in imported_videos(call.db, integration)}
    names = [name for name in folder.names() if _is_wanted(known.get(name), request)]
    limits = limits_of([model.name for model in index.named_models()], bool(index.legacy))
    found = await run_in_threadpool(lambda: [_look(folder, name, limits) for name in names])
    made = create_transfer(call.db, integration, found, request.user_metadata)
    call.work_to_do()
    videos = [{"video_id": video_id, "filename": name} for name, video_id in made.videos.items()]
    failed = [{"filename": name, "error_message": why} for name, why in made.failed.items()]
    return answer({"videos": videos, "failed_files": failed})


def _is_wanted(known: ImportedVideo | None, request: ImportRequest) -> bool:
    if known is None:
        return True
    return request.retry_failed if _status(known) == "failed" else not request.incremental_import


def _look(folder: ConnectedFolder, name: str, limits: VideoLimits) -> SourceFile:
    """Read a file once, and return why the index cannot contain it."""
    path = folder.root / name
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if path.stat().st_size > TASK_BYTES:
            raise too_large(TASK_BYTES)
        check_video(probe(path), limits)
    except OSError as error:
        return SourceFile(name, path, "", f"The file cannot be read: {error.strerror}.")
    except MediaError as error:
        return SourceFile(name, path, sha256, error.message)
    return SourceFile(name, path, sha256)


async def status(call: Call) -> Response:
    """GET /tasks/transfers/import/{integration_id}/status."""
    integration_id, folder = _integration(call)
    index = _index(call, call.query(StatusQuery).index_id)
    files = imported_videos(call.db, Integration(integration_id, index.id))
    lists: dict[str, list[Any]] = {name: [] for name in LISTS}
    for file in files:
        lists[_status(file)].append(_file_body(file))
    known = {file.filename for file in files}
    return answer({"not_imported": [name for name in folder.names() if name not in known], **lists})


async def read_logs(call: Call) -> Response:
    """GET /tasks/transfers/import/{integration_id}/logs."""
    integration_id, _ = _integration(call)
    return answer({"data": transfer_logs(call.db, integration_id)})


def _status(file: ImportedVideo) -> str:
    return file.status or "failed"


def _file_body(file: ImportedVideo) -> Mapping[str, Any]:
    body = {"video_id": file.video_id, "filename": file.filename, "created_at": file.created_at}
    shown = {**body, "error_message": file.error_message}
    return {name: value for name, value in shown.items() if value is not None}


def _integration(call: Call) -> tuple[str, ConnectedFolder]:
    integration_id = call.path_id("integration_id", "integrations")
    connection = call.db.find(Connection, id=integration_id)
    if connection is None:
        raise not_exist(integration_id, "integrations")
    return integration_id, active(connection)


def _index(call: Call, index_id: str) -> Index:
    index = call.db.find(Index, id=index_id) if is_id(index_id) else None
    if index is None:
        raise not_exist(index_id, "indexes", 400)
    return index


ROUTES: Sequence[Endpoint] = (("POST", "/tasks/transfers", create),)
SINCE_V1_2: Sequence[Endpoint] = (
    ("POST", "/tasks/transfers/import/{integration_id}", start),
    ("GET", "/tasks/transfers/import/{integration_id}/status", status),
    ("GET", "/tasks/transfers/import/{integration_id}/logs", read_logs),
)
