"""Ids, metadata and bodies that the calls about knowledge stores share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from twelvelabs_local.api.call import Call
from twelvelabs_local.api.crud import NamedChange
from twelvelabs_local.api.parameters import plain_values
from twelvelabs_local.errors import invalid, not_exist
from twelvelabs_local.ids import is_prefixed_id
from twelvelabs_local.store import knowledge as store
from twelvelabs_local.store.knowledge import KnowledgeItem, KnowledgeStore

ASSET_TYPES = ("video", "image")
AssetType = Literal["video", "image"]
Metadata = Annotated[dict[str, Any], plain_values(texts=True)]


class KnowledgeChange(NamedChange):
    """An update of a knowledge store or of a collection in it."""

    metadata: Metadata | None = None


def marked_id(call: Call, name: str, mark: str) -> str:
    """Return an id of the path.

    :param name: its name in the route.
    :param mark: the prefix that it must have.
    :raises ServiceError: when it does not have the form of an id.
    """
    value = str(call.request.path_params[name])
    if not is_prefixed_id(value, mark):
        raise invalid(name, f"{value!r} is not an id: an id has the form {mark}_xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.")
    return value


def store_of(call: Call) -> KnowledgeStore:
    """Return the knowledge store of the path.

    :raises ServiceError: ``resource_not_exist``.
    """
    store_id = marked_id(call, "knowledge_store_id", store.STORE)
    found = call.db.find(KnowledgeStore, id=store_id)
    if found is None:
        raise not_exist(store_id, "knowledge-stores")
    return found


def item_body(item: KnowledgeItem) -> Mapping[str, Any]:
    """Return an item as the service shows it."""
    body: dict[str, Any] = {
        "_id": item.id,
        "asset_type": item.asset_type,
        "asset_id": item.asset_id,
        "status": item.status,
        "system_metadata": _system_metadata(item),
        "metadata": item.metadata,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }
    if item.error_message:
        body["error"] = {"message": item.error_message}
    return body


def _system_metadata(item: KnowledgeItem) -> Mapping[str, Any]:
    named = {"asset_type": item.asset_type, "filename": item.filename}
    found = item.probe
    if found is None:
        return named
    sizes = {"width": found.width, "height": found.height, "size": found.size, "codec_name": found.video_codec or ""}
    return {**named, **sizes} if found.still else {**named, **sizes, "duration": found.duration, "fps": found.fps}
