"""How a row becomes a typed value."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, Self

from twelvelabs_local.store.database import Row


class Record:
    """Reads a row whose columns have the names of the fields; the JSON columns are decoded."""

    _json: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a row."""
        values: dict[str, Any] = {}
        for field in fields(cls):  # type: ignore[arg-type]
            value = row[field.name]
            if field.name in cls._json and value is not None:
                value = json.loads(value)
            values[field.name] = value
        return cls(**values)
