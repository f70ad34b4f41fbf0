"""What v1.3 says to the calls that only the older generations have: the nearest way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.legacy.extras import COUNTED, Engine, SignedImage, TaskCounts
from twelvelabs_provider.api.legacy.transfers import Transfer
from twelvelabs_provider.api.models import IndexingTask, Page, Segment
from twelvelabs_provider.api.resources import Paging, list_tasks


def logo(
    index_id: str, video_id: str, *, start: float | None = None, end: float | None = None
) -> Call[tuple[Segment, ...]]:
    """Refuse: logos are found by searching or by an analysis."""
    _gone("logo endpoint", "search for the logo, or ask for it in an analysis with a response format")


def thumbnail(index_id: str, video_id: str, *, time: float | None = None) -> Call[SignedImage]:
    """Refuse: there are pictures of search results and of assets, at moments of the service's choice."""
    _gone("thumbnail at any moment", "create the asset with enable_thumbnail, or cut the frame out of the file")


def list_engines() -> Call[Page[Engine]]:
    """Refuse: the models are named in the documentation."""
    _gone("catalogue of engines", "the models are named in the service's documentation")


def read_engine(engine_id: str) -> Call[Engine]:
    """Refuse: the models are named in the documentation."""
    _gone("catalogue of engines", "the models are named in the service's documentation")


def create_transfers(transfers: Sequence[Transfer]) -> Call[None]:
    """Refuse: buckets are not read any more."""
    _gone("transfers from a bucket", "index each file by its presigned URL, or import it through a connection")


def count_tasks(index_id: str) -> Sequence[Call[TaskCounts]]:
    """Return the calls whose answers add up to the counts of an index's tasks: one list per status, one entry each."""
    return [
        list_tasks(index_id=index_id, status=[status], paging=Paging(limit=1)).then(_counted(status))
        for status in COUNTED
    ]


def _counted(status: str) -> Callable[[Page[IndexingTask]], TaskCounts]:
    return lambda page: TaskCounts({status: page.total_results})


def _gone(what: str, instead: str) -> NoReturn:
    raise TwelveLabsUnsupportedError(f"API v1.3 has no {what}: {instead}; or use a connection with api_version v1.2")
