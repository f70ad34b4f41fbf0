"""The generation before v1.2: the same but for how an index names its engine."""

from __future__ import annotations

from collections.abc import Sequence

from twelvelabs_provider.api.analysis.generation_v1_1 import analyze, analyze_stream, summarize
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.embedding.embeddings_v1_1 import (
    create_embedding_task,
    create_embeddings,
    embedding_task_status,
    indexed_embeddings,
    list_embedding_tasks,
    read_embedding_task,
)
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.legacy.extras import count_tasks, list_engines, logo, read_engine, thumbnail
from twelvelabs_provider.api.legacy.transfers import create_transfers
from twelvelabs_provider.api.legacy.videos import list_indexes_of_one_engine as list_indexes
from twelvelabs_provider.api.models import Model
from twelvelabs_provider.api.search.v1_2 import search_page
from twelvelabs_provider.api.search.v1_2 import search_v1_1 as search
from twelvelabs_provider.api.v1_2 import (
    LIMITS,
    asset_transcription,
    cancel_analysis_task,
    create_analysis_task,
    create_asset,
    create_indexed_asset,
    create_task,
    delete_analysis_task,
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
    list_tasks,
    list_videos,
    read_analysis_task,
    read_asset,
    read_index,
    read_indexed_asset,
    read_task,
    read_video,
    rename_index,
    text_in_video,
    transcription,
    update_video,
)

__all__ = [
    "DEFAULT_MODELS", "LIMITS", "analyze", "analyze_stream", "asset_transcription", "cancel_analysis_task",
    "count_tasks", "create_analysis_task", "create_asset", "create_embedding_task", "create_embeddings",
    "create_index", "create_indexed_asset", "create_task", "create_transfers", "delete_analysis_task",
    "delete_asset", "delete_index", "delete_indexed_asset", "delete_task", "delete_video",
    "embedding_task_status", "ensure_takes_transcription", "find_index", "find_indexed_asset",
    "indexed_embeddings", "indexing_route", "list_analysis_tasks", "list_embedding_tasks", "list_engines",
    "list_indexed_assets", "list_indexes", "list_tasks", "list_videos", "logo", "read_analysis_task",
    "read_asset", "read_embedding_task", "read_engine", "read_index", "read_indexed_asset", "read_task",
    "read_video", "rename_index", "search", "search_page", "summarize", "text_in_video", "thumbnail",
    "transcription", "update_video",
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
