"""Knowledge stores with items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.engine.client import Api


@dataclass(frozen=True)
class FilledStore:
    """A knowledge store whose items are ready.

    :param item_ids: in the order of the assets that they were made of.
    """

    store_id: str
    item_ids: tuple[str, ...]


def filled_store(api: Api, name: str, asset_ids: Sequence[str]) -> FilledStore:
    """Create a store, add assets, and wait until they are ingested."""
    store_id = api.expect(201, "POST", "/knowledge-stores", json={"name": name})["_id"]
    path = f"/knowledge-stores/{store_id}/items"
    items = [api.expect(202, "POST", path, json={"asset_id": asset_id})["_id"] for asset_id in asset_ids]
    for item_id in items:
        api.finished(f"{path}/{item_id}")
    return FilledStore(store_id, tuple(items))
