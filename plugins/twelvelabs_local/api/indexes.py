"""Indexes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.index_request import NEW_INDEX, IndexChange, IndexQuery
from twelvelabs_local.api.lists import listing
from twelvelabs_local.errors import ServiceError, unknown
from twelvelabs_local.store.indexes import Index, create_index, index_totals, rename_index
from twelvelabs_local.store.media_files import delete_unused_content
from twelvelabs_local.store.videos import Video, delete_video


async def create(call: Call) -> Response:
    """POST /indexes."""
    new = await call.json(NEW_INDEX[call.dialect.version])
    models = new.models_of(call.dialect)
    index = create_index(
        call.db, Index(name=new.index_name, models=models, addons=new.addons, legacy=call.dialect.legacy)
    )
    return answer(call.dialect.with_type({"_id": index.id}, "index_create"), call.dialect.index_created)


async def list_all(call: Call) -> Response:
    """GET /indexes."""
    query = call.query(IndexQuery)
    body = listing(call, Index, query.conditions(), query, lambda index: index_body(call, index))
    return answer(call.dialect.with_type(body, "index_list"))


async def read(call: Call) -> Response:
    """GET /indexes/{index_id}."""
    return answer(call.dialect.with_type(index_body(call, call.index()), "index_info"))


async def rename(call: Call) -> Response:
    """PUT /indexes/{index_id}."""
    index = call.index()
    change = await call.json(IndexChange)
    for field in change.model_extra or {}:
        if field not in ("addons", *call.dialect.model_fields):
            raise unknown([field])
        code = "index_option_cannot_be_changed" if field == "index_options" else "index_engine_cannot_be_changed"
        raise ServiceError(400, code, f"The {field} of an index cannot be changed; create another index.")
    rename_index(call.db, index, change.index_name)
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
        **call.dialect.shown_models(index),
        "video_count": count,
        "total_duration": seconds,
        "addons": list(index.addons),
        "created_at": index.created_at,
        "updated_at": index.updated_at,
    }
