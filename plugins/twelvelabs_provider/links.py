"""Where a person looks at the thing that a task works on."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey  # type: ignore[attr-defined, unused-ignore]

_PLAYGROUND = "https://playground.twelvelabs.io"


def index_url(index_id: str) -> str:
    """Return the playground's page of an index."""
    return f"{_PLAYGROUND}/indexes/{quote(index_id, safe='')}"


def video_url(index_id: str, video_id: str) -> str:
    """Return the playground's page of a video."""
    return f"{index_url(index_id)}/videos/{quote(video_id, safe='')}"


class TwelveLabsPlaygroundLink(BaseOperatorLink):
    """Opens the index or the video of a task in the vendor's playground.

    Airflow asks for the link on the worker whenever a task stops there, so it is there while the task is deferred too.
    """

    name = "TwelveLabs playground"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address, or an empty text where the task has not come that far."""
        return getattr(operator, "playground_url", None) or ""
