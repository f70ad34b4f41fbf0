"""Conversion of an Airflow connection into an endpoint."""

from __future__ import annotations

from airflow.sdk import Connection

from twelvelabs_provider.api.endpoint import Endpoint, endpoint_from, extra_from, key_of
from twelvelabs_provider.api.redaction import remember_key
from twelvelabs_provider.api.url_secrets import secrets_in


def endpoint_of(connection: Connection) -> Endpoint:
    """Return the endpoint of a connection.

    :raises TwelveLabsConfigurationError: naming the field that cannot be used.
    """
    endpoint = endpoint_from(
        connection.conn_id,
        host=connection.host,
        port=connection.port,
        schema=connection.schema,
        password=connection.password,
        extra=extra_from(connection.conn_id, connection.extra),
    )
    remember_key(endpoint.api_key)
    return endpoint


def secrets_of(connection: Connection) -> list[str]:
    """Return the secrets of a connection that Airflow itself does not mask.

    Airflow masks the password as it stands. The key that is sent may be a part of it.
    """
    key = key_of(connection.password)
    changed = [key] if key and key != connection.password else []
    return [*changed, *secrets_in(extra_from(connection.conn_id, connection.extra))]
