"""Imports, which make assets of the files in a connected folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import field_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.connections import active, connection_of
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.lists import PageQuery, listing
from twelvelabs_local.api.parameters import Required, sized
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.connected_folders import ConnectedFolder
from twelvelabs_local.errors import MediaError, not_exist
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.imports import PROVIDER, Import, ImportItem, RequestedFile, create_import, items_of

MOST_ITEMS = 100


class ImportFile(RequestModel):
    """One file of an import."""

    source_id: Annotated[str, Required]


class ImportRequest(RequestModel):
    """A new import."""

    items: Annotated[list[ImportFile], sized(1, MOST_ITEMS, "objects"), Required]

    @field_validator("items")
    @classmethod
    def _check_repeated(cls, items: list[ImportFile]) -> list[ImportFile]:
        if len({item.source_id for item in items}) != len(items):
            raise ValueError("It names a source_id twice.")
        return items


async def create(call: Call) -> Response:
    """POST /connections/{connection_id}/imports: accepts the request also if it rejects every file."""
    connection = connection_of(call)
    source_ids = [item.source_id for item in (await call.json(ImportRequest)).items]
    folder = active(connection)
    wanted = await run_in_threadpool(lambda: [_wanted(folder, source_id) for source_id in source_ids])
    made = create_import(call.db, connection, wanted)
    call.work_to_do()
    items = [_item_body(item, status) for item, status in items_of(call.db, made.id)]
    failed = any(file.rejection for file in wanted)
    return answer({"_id": made.id, "has_failures": failed, "items": items}, 202, call.counted("upload"))


async def list_all(call: Call) -> Response:
    """GET /connections/{connection_id}/imports, without the items."""
    connection = connection_of(call)
    conditions = [Condition("connection_id = ?", [connection.id])]
    return answer(listing(call, Import, conditions, call.query(PageQuery), _body))


async def read(call: Call) -> Response:
    """GET /connections/{connection_id}/imports/{import_id}, with the current status of every asset."""
    connection = connection_of(call)
    import_id = call.path_id("import_id", "imports")
    found = call.db.find(Import, id=import_id, connection_id=connection.id)
    if found is None:
        raise not_exist(import_id, "imports")
    return answer({**_body(found), "items": [_item_body(item, status) for item, status in items_of(call.db, found.id)]})


def _wanted(folder: ConnectedFolder, source_id: str) -> RequestedFile:
    try:
        return RequestedFile(source_id, folder.find(source_id))
    except MediaError as error:
        return RequestedFile(source_id, None, error)


def _body(found: Import) -> Mapping[str, Any]:
    body = {
        "_id": found.id,
        "connection_id": found.connection_id,
        "provider": PROVIDER,
        "item_count": found.item_count,
        "created_at": found.created_at,
    }
    return {**body, "custom_id": found.custom_id} if found.custom_id else body


def _item_body(item: ImportItem, status: str | None) -> Mapping[str, Any]:
    body = {"source_id": item.source_id, "action": item.action}
    if item.error_code:
        return {**body, "error": {"code": item.error_code, "message": item.error_message}}
    return {**body, "asset_id": item.asset_id, "status": status}


ROUTES: Sequence[Endpoint] = (
    ("POST", "/connections/{connection_id}/imports", create),
    ("GET", "/connections/{connection_id}/imports", list_all),
    ("GET", "/connections/{connection_id}/imports/{import_id}", read),
)
