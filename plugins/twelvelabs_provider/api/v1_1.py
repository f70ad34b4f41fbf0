"""Calls of v1.1 that differ from those of v1.2: an index has one engine."""

from __future__ import annotations

from collections.abc import Sequence

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.filters import IndexFilter
from twelvelabs_provider.api.models import Index, Model, Page
from twelvelabs_provider.api.resources import Paging, indexes_page
from twelvelabs_provider.api.v1_2 import index_creation

DEFAULT_MODELS = (Model("marengo2.5", ("visual", "conversation", "text_in_video")),)


def create_index(name: str, models: Sequence[Model] = DEFAULT_MODELS) -> Call[str]:
    """Return the call that creates an index and returns its id.

    :raises TwelveLabsUnsupportedError: for more than one engine.
    """
    if len(models) != 1:
        raise TwelveLabsUnsupportedError(
            f"API v1.1 has one engine per index, not {len(models)} ({', '.join(map(str, models))}): create one each"
        )
    engine = models[0]
    return index_creation({"index_name": name, "engine_id": engine.name, "index_options": list(engine.options)})


def list_indexes(paging: Paging | None = None, *, where: IndexFilter | None = None) -> Call[Page[Index]]:
    """Return the call for one page of the account's indexes.

    :raises TwelveLabsUnsupportedError: for a family of engines.
    """
    if where and where.family:
        raise TwelveLabsUnsupportedError(
            "API v1.1 has no filter for the family of engines: list all indexes and compare their models"
        )
    return indexes_page(paging, where, options="index_options", family="engine_family")
