"""Stores for the watermark of an event trigger, which survive the triggerer.

On Airflow 3.3 and newer the store is the state store of the watched asset. Before, and if one trigger watches several
assets, it is an Airflow Variable, which a triggerer can write in every version.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from asgiref.sync import sync_to_async

from twelvelabs_provider.api.decoding import decoded_json

VARIABLE_PREFIX = "twelvelabs_"


class WatermarkStore(Protocol):
    """Store of one value."""

    async def load(self) -> Any:
        """Return the value, None if there is none."""

    async def save(self, value: dict[str, Any]) -> None:
        """Replace the value."""


def watermark_store(asset_state_store: Any, key: str) -> WatermarkStore:
    """Return the best available store.

    :param asset_state_store: the store that the triggerer gives to the trigger, None before Airflow 3.3.
    :param key: the name of the value.
    """
    return VariableStore(key) if asset_state_store is None else AssetStore(asset_state_store, key)


class AssetStore:
    """Store in the state store of an asset."""

    def __init__(self, store: Any, key: str) -> None:
        self._store = store
        self._key = key

    async def load(self) -> Any:
        """Return the value."""
        # Airflow 3.3.0 and 3.3.1 have the blocking methods only.
        if hasattr(self._store, "aget"):
            return await self._store.aget(self._key)
        return await sync_to_async(self._store.get)(self._key)

    async def save(self, value: dict[str, Any]) -> None:
        """Replace the value."""
        if hasattr(self._store, "aset"):
            await self._store.aset(self._key, value)
        else:
            await sync_to_async(self._store.set)(self._key, value)


class VariableStore:
    """Store in an Airflow Variable."""

    def __init__(self, key: str) -> None:
        self._name = f"{VARIABLE_PREFIX}{key}"

    async def load(self) -> Any:
        """Return the value."""
        from airflow.sdk import Variable

        text = await sync_to_async(Variable.get)(self._name, default=None)
        return None if text is None else decoded_json(text)

    async def save(self, value: dict[str, Any]) -> None:
        """Replace the value."""
        from airflow.sdk import Variable

        description = "Watermark of a TwelveLabs trigger; without it the trigger starts with videos that become ready."
        await sync_to_async(Variable.set)(self._name, json.dumps(value), description=description)
