"""Base class of values that pass through XCom."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Self

from twelvelabs_provider.api.url_secrets import without_secrets


class Answer:
    """Base of the dataclasses that an answer is read into.

    Airflow calls ``serialize`` and ``deserialize``. A link that is signed loses its signature on the way: XCom is
    stored readable, and the link would have expired. Ask the service for a fresh one.
    """

    def serialize(self) -> dict[str, Any]:
        """Return the fields by name; answers inside of them are serialized by Airflow in their turn."""
        return {field.name: storable(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], version: int) -> Self:
        """Return the answer that was serialized, also by another version of this package."""
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: _frozen(value) for name, value in data.items() if name in known})


def storable(value: Any) -> Any:
    """Return a value without the signatures of its URLs and with lists for arrays."""
    if isinstance(value, str):
        return without_secrets(value) if "://" in value else value
    if isinstance(value, Mapping):
        return {name: storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(storable(inner) for inner in value)
    return value.tolist() if isinstance(value, array) else value


def _frozen(value: Any) -> Any:
    return MappingProxyType(value) if isinstance(value, dict) else value
