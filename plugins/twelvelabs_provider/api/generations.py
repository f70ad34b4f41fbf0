"""The calls of each generation, chosen by the version of a connection."""

from __future__ import annotations

from collections.abc import Mapping

from twelvelabs_provider.api import assets, indexed_assets, resources, v1_1, v1_2, v1_3
from twelvelabs_provider.api.analysis import generation_v1_2, generation_v1_3, tasks
from twelvelabs_provider.api.embedding import embeddings, embeddings_v1, embeddings_v1_2
from twelvelabs_provider.api.legacy import extras, transfers
from twelvelabs_provider.api.models import Model
from twelvelabs_provider.api.search import v1_2 as search_v1_2
from twelvelabs_provider.api.search import v1_3 as search_v1_3
from twelvelabs_provider.api.version import ApiVersion


class Dialect:
    """The calls as v1.3 writes them; subclasses replace those that older generations write differently.

    A call that a generation lacks says so in ``Call.only``; see :func:`~twelvelabs_provider.api.call.ensure_supported`.
    """

    DEFAULT_MODELS: tuple[Model, ...] = v1_3.DEFAULT_MODELS
    LIMITS = v1_3.LIMITS
    indexing_route = staticmethod(v1_3.indexing_route)
    ensure_takes_transcription = staticmethod(v1_3.ensure_takes_transcription)

    create_index = staticmethod(v1_3.create_index)
    find_index = staticmethod(resources.find_index)
    list_indexes = staticmethod(v1_3.list_indexes)
    read_index = staticmethod(resources.read_index)
    rename_index = staticmethod(resources.rename_index)
    delete_index = staticmethod(resources.delete_index)

    create_task = staticmethod(v1_3.create_task)
    read_task = staticmethod(resources.read_task)
    list_tasks = staticmethod(resources.list_tasks)
    count_tasks = staticmethod(v1_3.count_tasks)
    delete_task = staticmethod(resources.delete_task)
    create_transfers = staticmethod(transfers.create_transfers)

    read_video = staticmethod(v1_3.read_video)
    list_videos = staticmethod(resources.list_videos)
    update_video = staticmethod(v1_3.update_video)
    delete_video = staticmethod(resources.delete_video)
    transcription = staticmethod(v1_3.transcription)
    text_in_video = staticmethod(v1_2.text_in_video)
    logo = staticmethod(extras.logo)
    thumbnail = staticmethod(extras.thumbnail)
    list_engines = staticmethod(extras.list_engines)
    read_engine = staticmethod(extras.read_engine)

    create_asset = staticmethod(assets.create_asset)
    read_asset = staticmethod(assets.read_asset)
    delete_asset = staticmethod(assets.delete_asset)
    asset_transcription = staticmethod(assets.asset_transcription)
    create_indexed_asset = staticmethod(indexed_assets.create_indexed_asset)
    find_indexed_asset = staticmethod(indexed_assets.find_indexed_asset)
    read_indexed_asset = staticmethod(indexed_assets.read_indexed_asset)
    list_indexed_assets = staticmethod(indexed_assets.list_indexed_assets)
    delete_indexed_asset = staticmethod(indexed_assets.delete_indexed_asset)

    analyze = staticmethod(generation_v1_3.analyze)
    analyze_stream = staticmethod(generation_v1_3.analyze_stream)
    summarize = staticmethod(generation_v1_2.summarize)
    create_analysis_task = staticmethod(tasks.create_analysis_task)
    read_analysis_task = staticmethod(tasks.read_analysis_task)
    list_analysis_tasks = staticmethod(tasks.list_analysis_tasks)
    cancel_analysis_task = staticmethod(tasks.cancel_analysis_task)
    delete_analysis_task = staticmethod(tasks.delete_analysis_task)

    create_embeddings = staticmethod(embeddings.create_embeddings)
    create_embedding_task = staticmethod(embeddings.create_embedding_task)
    read_embedding_task = staticmethod(embeddings.read_embedding_task)
    embedding_task_status = staticmethod(embeddings.embedding_task_status)
    list_embedding_tasks = staticmethod(embeddings.list_embedding_tasks)
    indexed_embeddings = staticmethod(embeddings.indexed_embeddings)

    search = staticmethod(search_v1_3.search)
    search_page = staticmethod(search_v1_3.search_page)


class _V12(Dialect):
    DEFAULT_MODELS = v1_2.DEFAULT_MODELS
    LIMITS = v1_2.LIMITS
    indexing_route = staticmethod(v1_2.indexing_route)
    ensure_takes_transcription = staticmethod(v1_2.ensure_takes_transcription)

    create_index = staticmethod(v1_2.create_index)
    list_indexes = staticmethod(v1_2.list_indexes)
    create_task = staticmethod(v1_2.create_task)
    count_tasks = staticmethod(extras.count_tasks)
    read_video = staticmethod(v1_2.read_video)
    update_video = staticmethod(v1_2.update_video)
    transcription = staticmethod(v1_2.transcription)

    analyze = staticmethod(generation_v1_2.analyze)
    analyze_stream = staticmethod(generation_v1_2.analyze_stream)

    create_embeddings = staticmethod(embeddings_v1_2.create_embeddings)
    create_embedding_task = staticmethod(embeddings_v1_2.create_embedding_task)
    read_embedding_task = staticmethod(embeddings_v1.read_video_embedding_task)
    embedding_task_status = staticmethod(embeddings_v1.video_embedding_task_status)
    list_embedding_tasks = staticmethod(embeddings_v1.list_video_embedding_tasks)
    indexed_embeddings = staticmethod(embeddings_v1_2.indexed_embeddings)

    search = staticmethod(search_v1_2.search)
    search_page = staticmethod(search_v1_2.search_page)


class _V11(_V12):
    DEFAULT_MODELS = v1_1.DEFAULT_MODELS
    create_index = staticmethod(v1_1.create_index)
    list_indexes = staticmethod(v1_1.list_indexes)
    search = staticmethod(search_v1_2.search_v1_1)


V1_3 = Dialect()
V1_2: Dialect = _V12()
V1_1: Dialect = _V11()
_DIALECTS: Mapping[ApiVersion, Dialect] = {ApiVersion.V1_3: V1_3, ApiVersion.V1_2: V1_2, ApiVersion.V1_1: V1_1}


def dialect_for(version: ApiVersion) -> Dialect:
    """Return the calls of one generation."""
    return _DIALECTS[version]
