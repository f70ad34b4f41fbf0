"""Where an event trigger keeps what has to survive the triggerer.

On Airflow 3.3 and newer that is the state store of the asset that it watches. Before, and where one trigger watches
several assets, it is an Airflow Variable, which the triggerer may write in every version.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from asgiref.sync import sync_to_async

from twelvelabs_provider.api.decoding import decoded_json

VARIABLE_PREFIX = "twelvelabs_"


class Memory(Protocol):
    """Keeps one value."""

    async def load(self) -> Any:
        """Return the value, None where there is none; whatever Airflow raises goes through."""

    async def save(self, value: dict[str, Any]) -> None:
        """Keep a value instead of the last one."""


def memory_of(asset_state_store: Any, key: str) -> Memory:
    """Return the best place there is.

    :param asset_state_store: what the triggerer gave the trigger, None before Airflow 3.3.
    :param key: the value's name.
    """
    return VariableMemory(key) if asset_state_store is None else AssetMemory(asset_state_store, key)


class AssetMemory:
    """Keeps a value in the state store of an asset."""

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
        """Keep a value."""
        if hasattr(self._store, "aset"):
            await self._store.aset(self._key, value)
        else:
            await sync_to_async(self._store.set)(self._key, value)


class VariableMemory:
    """Keeps a value in an Airflow Variable."""

    def __init__(self, key: str) -> None:
        self._name = f"{VARIABLE_PREFIX}{key}"

    async def load(self) -> Any:
        """Return the value."""
        from airflow.sdk import Variable

        text = await sync_to_async(Variable.get)(self._name, default=None)
        return None if text is None else decoded_json(text)

    async def save(self, value: dict[str, Any]) -> None:
        """Keep a value."""
        from airflow.sdk import Variable

        description = "What a TwelveLabs trigger has told; delete it, and the trigger begins anew."
        await sync_to_async(Variable.set)(self._name, json.dumps(value), description=description)
