"""Apache Airflow provider for the TwelveLabs video-understanding API.

The functions for ``@task`` functions are in :mod:`twelvelabs_provider.publishing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twelvelabs_provider.publishing import publish_document, publish_rows, read_catalog, read_rows

__version__ = "0.1.0"

__all__ = ["publish_document", "publish_rows", "read_catalog", "read_rows"]


def __getattr__(name: str) -> Any:
    # Every process of Airflow imports this package, and few of them publish.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from twelvelabs_provider import publishing

    return getattr(publishing, name)
