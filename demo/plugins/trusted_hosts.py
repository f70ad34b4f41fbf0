"""Plugin of the demo's Airflow: its API server answers requests to this machine's own names only."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin
from starlette.middleware.trustedhost import TrustedHostMiddleware

HOSTS = ["127.0.0.1", "localhost"]


class TrustedHostsPlugin(AirflowPlugin):
    """Refuses foreign Host headers: a page that rebinds its own name to 127.0.0.1 gets no answer."""

    name = "demo_trusted_hosts"
    fastapi_root_middlewares: ClassVar[list[Any]] = [  # type: ignore[misc]
        {
            "name": "Trusted hosts",
            "middleware": TrustedHostMiddleware,
            "args": [],
            "kwargs": {"allowed_hosts": HOSTS, "www_redirect": False},
        }
    ]
