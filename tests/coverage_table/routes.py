"""Routes of the embedded engine, and the route of a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from twelvelabs_local.api import routes
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_provider.api.version import ApiVersion


@dataclass(frozen=True)
class EngineRoute:
    """One route of the engine.

    :param path: with its parameters in braces.
    :param handler: module and function below ``twelvelabs_local.api``.
    """

    version: ApiVersion
    method: str
    path: str
    handler: str


@cache
def engine_routes() -> Sequence[EngineRoute]:
    """Return the routes of every generation."""
    tables: dict[ApiVersion, Sequence[Endpoint]] = {
        ApiVersion.V1_3: (*routes.SHARED, *routes.CURRENT, *routes.TASK),
        ApiVersion.V1_2: (*routes.SHARED, *routes.LEGACY, *routes.SINCE_V1_2, *routes.TASK),
        # v1.1 answers the newer calls as well: there is no such call
        ApiVersion.V1_1: (*routes.SHARED, *routes.LEGACY, *routes.SINCE_V1_2, *routes.TASK),
    }
    return [
        EngineRoute(version, method, path, f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}")
        for version, table in tables.items()
        for method, path, handler, *_ in table
    ]


def route_for(found: Sequence[EngineRoute], version: ApiVersion, method: str, path: str) -> EngineRoute | None:
    """Return the route that a path leads to; literal segments win over parameters."""
    wanted = unquote(path).split("/")
    fitting = [
        route
        for route in found
        if (route.version, route.method) == (version, method) and _fits(route.path.split("/"), wanted)
    ]
    return min(fitting, key=lambda route: route.path.count("{"), default=None)


def _fits(pattern: Sequence[str], wanted: Sequence[str]) -> bool:
    return len(pattern) == len(wanted) and all(
        name == given or name.startswith("{") for name, given in zip(pattern, wanted, strict=True)
    )
