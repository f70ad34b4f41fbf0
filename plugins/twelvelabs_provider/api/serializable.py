"""Base class of values that pass through XCom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Self

from twelvelabs_provider.api.url_secrets import without_secrets

_NUMBERS = (float, int, bool)


class Answer:
    """Base of the dataclasses in responses: small values that a response has many of, and pages of any entries.

    Airflow calls ``serialize`` and ``deserialize``. A signed URL loses its signature: XCom is stored readable, and the
    URL expires. Read the resource again for a fresh one.
    """

    def serialize(self) -> dict[str, Any]:
        """Return the fields by name; Airflow serializes nested values."""
        return {field.name: storable(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], version: int) -> Self:
        """Return the value, also of another version of this package."""
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: _frozen(value) for name, value in data.items() if name in known})


def storable(value: Any) -> Any:
    """Return a value without the signatures of its URLs."""
    if type(value) in _NUMBERS:
        return value
    if isinstance(value, str):
        return without_secrets(value) if "://" in value else value
    if isinstance(value, Mapping):
        return {name: storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(storable(inner) for inner in value)
    return value


def _frozen(value: Any) -> Any:
    return MappingProxyType(value) if isinstance(value, dict) else value
