"""Links from a task to the vendor's playground."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey  # type: ignore[attr-defined, unused-ignore]

log = logging.getLogger(__name__)

_PLAYGROUND = "https://playground.twelvelabs.io"


def index_url(index_id: str) -> str:
    """Return the playground's page of an index."""
    return f"{_PLAYGROUND}/indexes/{quote(index_id, safe='')}"


def video_url(index_id: str, video_id: str) -> str:
    """Return the playground's page of a video."""
    return f"{index_url(index_id)}/videos/{quote(video_id, safe='')}"


class TwelveLabsPlaygroundLink(BaseOperatorLink):
    """Link to the index or the video of a task in the vendor's playground.

    Airflow asks for the link on the worker whenever a task stops there, so a deferred task has it too. A task whose
    connection leads to another service, such as the embedded engine, has no link: the playground does not know its ids.
    """

    name = "TwelveLabs playground"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address; empty if the task has none yet or uses another service."""
        url = getattr(operator, "playground_url", None)
        return url if url and _is_at_vendor(operator) else ""


def _is_at_vendor(operator: BaseOperator) -> bool:
    try:
        return bool(operator.hook.endpoint.is_vendor)  # type: ignore[attr-defined, unused-ignore]
    except Exception as error:
        # A link must not fail a task. The message of a secrets backend may quote a secret.
        log.debug("No playground link: the connection cannot be read (%s)", type(error).__name__)
        return False
