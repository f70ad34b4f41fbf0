"""Differences between Airflow versions; no other package checks the version.

Names that load more of Airflow than an operator needs have a module of their own here.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

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
    "Stats",
    "TaskDeferralTimeout",
    "TaskDeferred",
    "conf",
    "map_index_of",
    "redact",
]


def map_index_of(task_instance: Any) -> int:
    """Return the map index of a task instance, -1 if it is not mapped; some Airflow versions use None."""
    return -1 if task_instance.map_index is None else int(task_instance.map_index)
