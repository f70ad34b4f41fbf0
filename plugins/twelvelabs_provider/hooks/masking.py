"""Registration of secrets with Airflow's masker, which hides them in logs and rendered fields."""

from __future__ import annotations

from typing import Any

from airflow.sdk.log import mask_secret

from twelvelabs_provider.api.url_secrets import secrets_in


def mask_secrets_in(value: Any) -> None:
    """Mask what signs a URL, or logs in to one, wherever it stands in an argument."""
    if found := secrets_in(value):
        # One message to Airflow's supervisor for all of them.
        mask_secret([*found])
