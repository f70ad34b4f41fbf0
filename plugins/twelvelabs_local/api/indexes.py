"""Indexes: create, list, read, rename, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done, required
from twelvelabs_local.api.lists import PAGING, equal, listing, read_paging, refuse_unknown, since
from twelvelabs_local.errors import ServiceError, invalid
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.indexes import Index, create_index, index_totals, rename_index
from twelvelabs_local.store.media_files import delete_unused_content
from twelvelabs_local.store.videos import Video, delete_video

ADDONS = ("thumbnail",)
FAMILIES = ("marengo", "pegasus")


async def create(call: Call) -> Response:
    """POST /indexes."""
    body = await call.body(("index_name", "addons", *call.dialect.model_fields))
    name = _name(body)
    models = call.dialect.read_models(body)
    addons = body.get("addons") or []
    if not isinstance(addons, list) or any(addon not in ADDONS for addon in addons):
        raise invalid("addons", f"It is {addons}; the add-ons are {', '.join(ADDONS)}.")
    index = create_index(call.db, Index(name=name, models=models, addons=addons, legacy=call.dialect.legacy))
    return answer(call.dialect.with_type({"_id": index.id}, "index_create"), call.dialect.index_created)


async def list_all(call: Call) -> Response:
    """GET /indexes."""
    query = call.request.query_params
    filters = ("_id", "index_name", "model_options", "engine_options", "index_options", "model_family", "engine_family")
    refuse_unknown(query, (*PAGING, *filters, "created_at", "updated_at"))
    conditions = [*equal(query, "_id", "id"), *equal(query, "index_name", "name"), *since(query), *_models(call)]
    page = call.db.page(Index, conditions, read_paging(query, call.dialect))

    def body(index: Index) -> Mapping[str, Any]:
        return index_body(call, index)

    return answer(call.dialect.with_type(listing(page, body), "index_list"))


def _models(call: Call) -> list[Condition]:
    query = call.request.query_params
    found: list[Condition] = []
    for key in ("model_options", "engine_options", "index_options"):
        for option in ",".join(query.getlist(key)).split(","):
            if option:
                found.append(Condition("models LIKE ?", [f'%"{option}"%']))
    for key in ("model_family", "engine_family"):
        family = query.get(key)
        if family is not None and family not in FAMILIES:
            raise invalid(key, f"It is {family!r}; it must be one of {', '.join(FAMILIES)}.")
        if family:
            found.append(Condition("models LIKE ?", [f'%"name": "{family}%']))
    return found


async def read(call: Call) -> Response:
    """GET /indexes/{index_id}."""
    return answer(call.dialect.with_type(index_body(call, call.index()), "index_info"))


async def rename(call: Call) -> Response:
    """PUT /indexes/{index_id}."""
    index = call.index()
    body = await call.body(("index_name", "addons", *call.dialect.model_fields))
    for field in set(body) - {"index_name"}:
        option = field == "index_options"
        code = "index_option_cannot_be_changed" if option else "index_engine_cannot_be_changed"
        raise ServiceError(400, code, f"The {field} of an index cannot be changed; create another index.")
    rename_index(call.db, index, _name(body))
    return done()


async def delete(call: Call) -> Response:
    """DELETE /indexes/{index_id}."""
    index = call.index()
    contents: list[str | None] = []
    with call.db.transaction():
        for video in call.db.select(Video, "WHERE index_id = ?", index.id):
            contents.append(delete_video(call.db, video))
        call.db.delete(Index, id=index.id)
    for sha256 in contents:
        delete_unused_content(call.engine.settings.data, call.db, sha256)
    return done()


def index_body(call: Call, index: Index) -> Mapping[str, Any]:
    """Return an index as the service shows it."""
    count, seconds = index_totals(call.db, index.id)
    return {
        "_id": index.id,
        "index_name": index.name,
        **call.dialect.write_models(index),
        "video_count": count,
        "total_duration": seconds,
        "addons": list(index.addons),
        "created_at": index.created_at,
        "updated_at": index.updated_at,
    }


def _name(body: Mapping[str, Any]) -> str:
    name = body.get("index_name")
    if name is not None and not isinstance(name, str):
        raise invalid("index_name", "It must be text.")
    return required(name.strip() if name else None, "index_name")
