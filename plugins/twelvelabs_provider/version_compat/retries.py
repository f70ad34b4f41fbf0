"""Retry policies of Airflow 3.3 and newer."""

from __future__ import annotations

from twelvelabs_provider.version_compat import AIRFLOW_V_3_3_PLUS

if AIRFLOW_V_3_3_PLUS:
    from airflow.sdk import RetryDecision, RetryPolicy
else:
    # Placeholders; the constructor of the policy raises an error.
    RetryPolicy = object  # type: ignore[misc, assignment, unused-ignore]
    RetryDecision = None  # type: ignore[misc, assignment, unused-ignore]

__all__ = ["RetryDecision", "RetryPolicy"]
