"""Folders connected to an engine, in place of a provider's account or a bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.engine.client import Api
from tests.engine_process import Engine


def connect_folder(engine: Engine, folder: Path, **fields: Any) -> str:
    """Connect a folder and return the id of the connection."""
    api = Api(engine, "_local")
    return str(api.expect(201, "POST", "/connections", json={"folder": str(folder), **fields})["_id"])
