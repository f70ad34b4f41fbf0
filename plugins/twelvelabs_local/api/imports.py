"""Imports: files of a connected folder become assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.connections import LIST, active, connection_of
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.lists import listing, read_paging, refuse_unknown
from twelvelabs_local.connected_folders import ConnectedFolder
from twelvelabs_local.errors import MediaError, invalid, missing, not_exist, unknown
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.imports import PROVIDER, Import, ImportItem, RequestedFile, create_import, items_of

MOST_ITEMS = 100


async def create(call: Call) -> Response:
    """POST /connections/{connection_id}/imports: accepted even when every file is rejected."""
    connection = connection_of(call)
    source_ids = _source_ids(await call.body(("items",)))
    folder = active(connection)
    wanted = await run_in_threadpool(lambda: [_wanted(folder, source_id) for source_id in source_ids])
    made = create_import(call.db, connection, wanted)
    call.work_to_do()
    items = [_item_body(item, status) for item, status in items_of(call.db, made.id)]
    failed = any(file.rejection for file in wanted)
    return answer({"_id": made.id, "has_failures": failed, "items": items}, 202, call.counted("upload"))


async def list_all(call: Call) -> Response:
    """GET /connections/{connection_id}/imports: without the items."""
    connection = connection_of(call)
    query = call.request.query_params
    refuse_unknown(query, LIST)
    conditions = [Condition("connection_id = ?", [connection.id])]

    def body(one: Import) -> Mapping[str, Any]:
        return _body(one)

    return answer(listing(call.db.page(Import, conditions, read_paging(query, call.dialect)), body))


async def read(call: Call) -> Response:
    """GET /connections/{connection_id}/imports/{import_id}: with where every asset stands now."""
    connection = connection_of(call)
    import_id = call.path_id("import_id", "imports")
    found = call.db.find(Import, id=import_id, connection_id=connection.id)
    if found is None:
        raise not_exist(import_id, "imports")
    return answer({**_body(found), "items": [_item_body(item, status) for item, status in items_of(call.db, found.id)]})


def _source_ids(body: Mapping[str, Any]) -> list[str]:
    items = body.get("items")
    if not items:
        raise missing("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise invalid("items", "It must be a list of objects.")
    if len(items) > MOST_ITEMS:
        raise invalid("items", f"It has {len(items)} entries; {MOST_ITEMS} is the most.")
    if extra := {name for item in items for name in item} - {"source_id"}:
        raise unknown([f"items.{name}" for name in extra])
    source_ids = [item.get("source_id") for item in items]
    if not all(isinstance(source_id, str) and source_id for source_id in source_ids):
        raise missing("items.source_id")
    if len(set(source_ids)) != len(source_ids):
        raise invalid("items", "It names a source_id twice.")
    return source_ids


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


ROUTES: Sequence[Entry] = (
    ("POST", "/connections/{connection_id}/imports", create),
    ("GET", "/connections/{connection_id}/imports", list_all),
    ("GET", "/connections/{connection_id}/imports/{import_id}", read),
)
