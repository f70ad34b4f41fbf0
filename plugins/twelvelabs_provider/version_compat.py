"""Differences between Airflow versions; no other module checks the version."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from airflow.sdk import BaseHook, Connection

# `airflow.sdk.log` has it only on some patches.
from airflow.sdk._shared.secrets_masker import redact
from packaging.version import Version

_installed = Version(Version(version("apache-airflow-core")).base_version)

AIRFLOW_V_3_2_PLUS = _installed >= Version("3.2.0")
AIRFLOW_V_3_3_PLUS = _installed >= Version("3.3.0")

if AIRFLOW_V_3_2_PLUS:
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowRescheduleException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
        TaskDeferralTimeout,
        TaskDeferred,
    )
    from airflow.sdk.observability.stats import Stats
else:
    from airflow.configuration import conf  # type: ignore[no-redef, assignment, unused-ignore]
    from airflow.exceptions import (  # type: ignore[no-redef, attr-defined, assignment, unused-ignore]
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowRescheduleException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
        TaskDeferralTimeout,
        TaskDeferred,
    )
    from airflow.stats import Stats  # type: ignore[no-redef, attr-defined, assignment, unused-ignore]

if AIRFLOW_V_3_3_PLUS:
    from airflow.sdk import RetryDecision, RetryPolicy
else:
    # Placeholders; the constructor of the policy raises an error.
    RetryPolicy = object  # type: ignore[misc, assignment, unused-ignore]
    RetryDecision = None  # type: ignore[misc, assignment, unused-ignore]

__all__ = [
    "AIRFLOW_V_3_2_PLUS",
    "AIRFLOW_V_3_3_PLUS",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowRescheduleException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "RetryDecision",
    "RetryPolicy",
    "Stats",
    "TaskDeferralTimeout",
    "TaskDeferred",
    "allow_in_xcom",
    "async_mask_secret",
    "conf",
    "get_async_connection",
    "get_async_extra",
    "map_index_of",
    "redact",
]


def map_index_of(task_instance: Any) -> int:
    """Return the map index of a task instance, -1 if it is not mapped; some Airflow versions use None."""
    return -1 if task_instance.map_index is None else int(task_instance.map_index)


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


def allow_in_xcom(classes: Iterable[str]) -> None:
    """Allow Airflow to deserialize classes from XCom in this process, like ``allowed_deserialization_classes``.

    Airflow 3.3 has ``allow_class``, which imports the class. Older versions have the same set without a function.
    """
    try:
        from airflow.sdk import serde
    except ImportError:
        from airflow.serialization import serde  # type: ignore[no-redef, attr-defined, unused-ignore]
    serde._extra_allowed.update(classes)
