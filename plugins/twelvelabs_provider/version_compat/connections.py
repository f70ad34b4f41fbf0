"""Connections read in the triggerer, without blocking its event loop."""

from __future__ import annotations

import contextlib
from typing import Any

from airflow.sdk import BaseHook, Connection

from twelvelabs_provider.version_compat import AirflowNotFoundException

# Since 3.3.2, Airflow reads and masks a connection without a blocking call to the supervisor. On older ones such a call
# can end a trigger (DeadlockImminentError), so the synchronous read runs in a thread. common-compat has such helpers,
# but most installations of Airflow 3.1 to 3.3 have a common-compat without them.
_CONNECTIONS_ARE_ASYNC = hasattr(Connection, "aextra_dejson")


async def get_async_connection(conn_id: str) -> Connection:
    """Return a connection without blocking the event loop."""
    if _CONNECTIONS_ARE_ASYNC:
        # The in-process supervisor of ``airflow dags test`` answers synchronous requests only: there a connection of
        # the database is not found this way.
        with contextlib.suppress(AirflowNotFoundException):
            return await BaseHook.aget_connection(conn_id)
    # Not asyncio.to_thread: Airflow's call to the supervisor returns to the event loop by way of asgiref.
    from asgiref.sync import sync_to_async

    return await sync_to_async(BaseHook.get_connection)(conn_id)


async def get_async_extra(connection: Connection) -> dict[str, Any]:
    """Return a connection's extra without blocking the event loop."""
    if _CONNECTIONS_ARE_ASYNC:
        return await connection.aextra_dejson()
    from asgiref.sync import sync_to_async

    return await sync_to_async(lambda: connection.extra_dejson)()


async def async_mask_secret(secrets: list[str]) -> None:
    """Mask secrets in Airflow's logs without blocking the event loop."""
    if _CONNECTIONS_ARE_ASYNC:
        from airflow.sdk.log import amask_secret

        return await amask_secret([*secrets])
    from airflow.sdk.log import mask_secret
    from asgiref.sync import sync_to_async

    return await sync_to_async(mask_secret)([*secrets])
