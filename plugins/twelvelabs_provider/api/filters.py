"""Filters of lists and their query parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pendulum

from twelvelabs_provider.api.errors import TwelveLabsBadRequestError

MetadataValue = str | int | float | bool
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_PARAMETERS = frozenset(
    {"page", "page_limit", "sort_by", "sort_option", "status", "filename", "duration", "fps", "width", "height"}
    | {"size", "created_at", "updated_at", "indexed_at", "metadata", "user_metadata", "_id"}
)


@dataclass(frozen=True)
class Between:
    """A range of numbers, both ends included.

    :param least: the lower end, None for none.
    :param most: the upper end, None for none; equal ends ask for that number.
    """

    least: float | None = None
    most: float | None = None

    @classmethod
    def exactly(cls, value: float) -> Between:
        """Return the range of one number."""
        return cls(value, value)

    def query(self, name: str) -> dict[str, Any]:
        """Return the query's part for a parameter: ``duration[gte]=60``."""
        return {f"{name}[gte]": _number(self.least), f"{name}[lte]": _number(self.most)}


@dataclass(frozen=True)
class VideoFilter:
    """Which videos of an index; None does not filter.

    :param filename: exactly this name.
    :param duration: seconds.
    :param fps: frames per second.
    :param width: pixels.
    :param height: pixels.
    :param size: bytes.
    :param created_since: created at or after this moment.
    :param updated_since: changed by an update at or after this moment.
    :param user_metadata: user metadata and the value that each field must have.
    """

    filename: str | None = None
    duration: Between | None = None
    fps: Between | None = None
    width: Between | None = None
    height: Between | None = None
    size: Between | None = None
    created_since: pendulum.DateTime | None = None
    updated_since: pendulum.DateTime | None = None
    user_metadata: Mapping[str, MetadataValue] = field(default_factory=lambda: _NOTHING)

    def query(self) -> dict[str, Any]:
        """Return the query of a list call; a field of the user metadata is a parameter.

        :raises TwelveLabsBadRequestError: a field has the name of a parameter of the service. Protects the result: the
            service would filter by its own parameter.
        """
        ranges = {name: getattr(self, name) for name in ("duration", "fps", "width", "height", "size")}
        for name in self.user_metadata:
            if name.partition("[")[0] in _PARAMETERS or not name:
                raise TwelveLabsBadRequestError(
                    f"user_metadata[{name!r}] cannot be filtered by: the service would take it for its own parameter"
                )
        return {
            "filename": self.filename,
            **{key: value for name, range in ranges.items() if range for key, value in range.query(name).items()},
            "created_at": instant(self.created_since),
            "updated_at": instant(self.updated_since),
            **self.user_metadata,
        }


@dataclass(frozen=True)
class IndexFilter:
    """Which indexes; None does not filter.

    :param name: exactly this name.
    :param options: those whose models have all of these options.
    :param family: ``marengo`` or ``pegasus``.
    """

    name: str | None = None
    options: tuple[str, ...] = ()
    family: str | None = None
    created_since: pendulum.DateTime | None = None
    updated_since: pendulum.DateTime | None = None

    def query(self, options: str, family: str) -> dict[str, Any]:
        """Return the query of a list call.

        :param options: parameter name of the options in this generation.
        :param family: parameter name of the family in this generation.
        """
        return {
            "index_name": self.name,
            options: ",".join(self.options) or None,
            family: self.family,
            "created_at": instant(self.created_since),
            "updated_at": instant(self.updated_since),
        }


def instant(moment: pendulum.DateTime | None) -> str | None:
    """Return a moment in the format of the service."""
    return moment.in_timezone("UTC").to_iso8601_string() if moment else None


def _number(value: float | None) -> str | None:
    """Return a whole number without a fraction: the service refuses ``width=640.0``."""
    if value is None:
        return None
    return str(int(value)) if float(value).is_integer() else repr(float(value))
