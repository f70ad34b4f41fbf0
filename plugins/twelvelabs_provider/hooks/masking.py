"""Masking of secrets in URLs: in logs, rendered fields and the labels of mapped tasks."""

from __future__ import annotations

from typing import Any

from airflow.sdk.log import mask_secret

from twelvelabs_provider.api.url_secrets import secrets_in, without_secrets
from twelvelabs_provider.version_compat import redact

_LABEL = "map_index_template"
_SHOWN = "twelvelabs_shown"


def mask_secrets_in(value: Any) -> None:
    """Mask the signatures and credentials of URLs in an argument."""
    if found := secrets_in(value):
        # One message to Airflow's supervisor for all of them.
        mask_secret([*found])


def mask_map_index(context: Any) -> None:
    """Render the label of a mapped task without the secrets of URLs.

    Airflow masks rendered fields, but not the label that it renders from ``map_index_template`` and stores. It renders
    the template from this context, before and after the task is executed.
    """
    template = context.get(_LABEL)
    if isinstance(template, str) and _SHOWN not in context:
        context[_SHOWN] = _shown
        context[_LABEL] = f"{{% call {_SHOWN}() %}}{template}{{% endcall %}}"


def _shown(caller: Any) -> Any:
    label = caller()
    return redact(without_secrets(label) if isinstance(label, str) else label)
