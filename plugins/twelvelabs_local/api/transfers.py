"""Transfers of v1.1 and v1.2. A connected folder stands in for a bucket and for the integration with it: its name is
the bucket's, the id of its connection the integration's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, checked_metadata, done, required
from twelvelabs_local.api.connections import active
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.lists import refuse_unknown
from twelvelabs_local.connected_folders import ConnectedFolder
from twelvelabs_local.engine.probe import probe
from twelvelabs_local.engine.subtitles import LIMIT, read_subtitles
from twelvelabs_local.errors import MediaError, invalid, missing, not_exist, unknown
from twelvelabs_local.identity import is_id
from twelvelabs_local.requirements import TASK_BYTES, Requirements, check_video, requirements_of
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

FIELDS = ("index_id", "language", "object", "transcription")
LISTS = ("ready", "validating", "pending", "queued", "indexing", "failed")
MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Order:
    """One checked entry of a list.

    :param index_id: the index.
    :param path: the video.
    :param subtitles: its transcript, or None.
    """

    index_id: str
    path: Path
    subtitles: Sequence[SegmentRow] | None


async def create(call: Call) -> Response:
    """POST /tasks/transfers: a JSON list as a file part; all of it is checked before any of it is done."""
    async with call.form(("file",)) as form:
        upload = form.file("file")
        if upload is None:
            raise missing("file")
        content = await upload.read(MOST_BYTES + 1)
    try:
        entries = json.loads(content[:MOST_BYTES])
    except ValueError as error:
        raise invalid("file", f"It is not JSON: {error}.") from error
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise invalid("file", "It must be a JSON list of objects.")
    orders = [_order(call, entry) for entry in entries]
    with call.db.transaction():
        for order in orders:
            index_local_file(call.db, order.index_id, order.path, order.subtitles)
    call.work_to_do()
    return done()


def _order(call: Call, entry: Mapping[str, Any]) -> Order:
    if extra := set(entry) - set(FIELDS):
        raise unknown(list(extra))
    index = _index(call, str(required(entry.get("index_id"), "index_id")))
    if entry.get("language") not in (None, "en"):
        raise invalid("language", f"It is {entry['language']!r}; it must be en.")
    path = _object(call, required(entry.get("object"), "object"), "object")
    link = entry.get("transcription")
    return Order(index.id, path, _subtitles(_object(call, link, "transcription")) if link else None)


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
    body = await call.body(("index_id", "incremental_import", "retry_failed", "user_metadata"))
    index = _index(call, str(required(body.get("index_id"), "index_id")))
    incremental, retry = _flag(body, "incremental_import", True), _flag(body, "retry_failed", False)
    metadata = checked_metadata(body.get("user_metadata") or {})
    integration = Integration(integration_id, index.id)
    known = {file.filename: file for file in imported_videos(call.db, integration)}
    names = [name for name in folder.names() if _is_wanted(known.get(name), incremental, retry)]
    limits = requirements_of([model.name for model in index.named_models()], bool(index.legacy))
    found = await run_in_threadpool(lambda: [_look(folder, name, limits) for name in names])
    made = create_transfer(call.db, integration, found, metadata)
    call.work_to_do()
    videos = [{"video_id": video_id, "filename": name} for name, video_id in made.videos.items()]
    failed = [{"filename": name, "error_message": why} for name, why in made.failed.items()]
    return answer({"videos": videos, "failed_files": failed})


def _is_wanted(known: ImportedVideo | None, incremental: bool, retry_failed: bool) -> bool:
    if known is None:
        return True
    return retry_failed if _status(known) == "failed" else not incremental


def _look(folder: ConnectedFolder, name: str, limits: Requirements) -> SourceFile:
    """Read a file once, and tell whether the index may hold it."""
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
    query = call.request.query_params
    refuse_unknown(query, ("index_id",))
    index = _index(call, required(query.get("index_id"), "index_id"))
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
    told = {**body, "error_message": file.error_message}
    return {name: value for name, value in told.items() if value is not None}


def _integration(call: Call) -> tuple[str, ConnectedFolder]:
    if call.dialect.version == "v1.1":
        raise HTTPException(404)
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


def _flag(body: Mapping[str, Any], name: str, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise invalid(name, f"It is {value!r}; it must be true or false.")
    return value


ROUTES: Sequence[Entry] = (
    ("POST", "/tasks/transfers", create),
    ("POST", "/tasks/transfers/import/{integration_id}", start),
    ("GET", "/tasks/transfers/import/{integration_id}/status", status),
    ("GET", "/tasks/transfers/import/{integration_id}/logs", read_logs),
)
