"""The generation before v1.2: the same but for how an index names its engine."""

from __future__ import annotations

from collections.abc import Sequence

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.models import Model
from twelvelabs_provider.api.v1_2 import (
    LIMITS,
    asset_transcription,
    cancel_analysis_task,
    create_analysis_task,
    create_asset,
    create_indexed_asset,
    create_task,
    delete_asset,
    delete_index,
    delete_indexed_asset,
    delete_task,
    delete_video,
    ensure_takes_transcription,
    find_index,
    find_indexed_asset,
    index_creation,
    indexing_route,
    list_analysis_tasks,
    list_indexed_assets,
    list_indexes,
    list_tasks,
    list_videos,
    read_analysis_task,
    read_asset,
    read_index,
    read_indexed_asset,
    read_task,
    read_video,
    text_in_video,
    transcription,
)

__all__ = [
    "DEFAULT_MODELS", "LIMITS", "asset_transcription", "cancel_analysis_task", "create_analysis_task",
    "create_asset", "create_index", "create_indexed_asset", "create_task", "delete_asset", "delete_index",
    "delete_indexed_asset", "delete_task", "delete_video", "ensure_takes_transcription", "find_index",
    "find_indexed_asset", "indexing_route", "list_analysis_tasks", "list_indexed_assets", "list_indexes",
    "list_tasks", "list_videos", "read_analysis_task", "read_asset", "read_index", "read_indexed_asset", "read_task",
    "read_video", "text_in_video", "transcription",
]  # fmt: skip

DEFAULT_MODELS = (Model("marengo2.5", ("visual", "conversation", "text_in_video")),)


def create_index(name: str, models: Sequence[Model] = DEFAULT_MODELS) -> Call[str]:
    """Return the call that creates an index; it answers with the id.

    :raises TwelveLabsUnsupportedError: for more than one engine.
    """
    if len(models) != 1:
        raise TwelveLabsUnsupportedError(
            f"API v1.1 has one engine per index, not {len(models)} ({', '.join(map(str, models))}): create one each"
        )
    engine = models[0]
    return index_creation({"index_name": name, "engine_id": engine.name, "index_options": list(engine.options)})
