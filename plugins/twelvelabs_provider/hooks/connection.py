"""From an Airflow connection to an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Connection

from twelvelabs_provider.api.endpoint import Endpoint, endpoint_from

CONN_TYPE = "twelvelabs"
DEFAULT_CONN_ID = "twelvelabs_default"


def endpoint_of(connection: Connection, extra: Mapping[str, Any]) -> Endpoint:
    """Return where and how to reach the service.

    :param extra: the connection's extra, decoded by the caller (in the triggerer that must not block).
    :raises TwelveLabsConfigurationError: naming the field that cannot be used.
    """
    return endpoint_from(
        connection.conn_id,
        host=connection.host,
        port=connection.port,
        schema=connection.schema,
        password=connection.password,
        extra=extra,
    )
