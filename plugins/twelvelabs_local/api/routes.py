"""Which handler answers which path, per generation."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from twelvelabs_local.api import (
    analyses,
    assets,
    batches,
    classic,
    connections,
    embeddings,
    embeddings_v1,
    engines,
    entities,
    faults,
    generation,
    generation_legacy,
    imports,
    indexes,
    item_collections,
    knowledge_search,
    knowledge_stores,
    legacy_search,
    limits,
    multipart_uploads,
    renditions,
    responses,
    search,
    tasks,
    transcriptions,
    transfers,
    videos,
    webhooks,
)
from twelvelabs_local.api.call import Call, Engine, answer
from twelvelabs_local.api.entry import Entry, Errors, Handler
from twelvelabs_local.dialects import DIALECTS, V1_3, Dialect
from twelvelabs_local.errors import ServiceError

SHARED: Sequence[Entry] = (
    ("POST", "/indexes", indexes.create),
    ("GET", "/indexes", indexes.list_all),
    ("GET", "/indexes/{index_id}", indexes.read),
    ("PUT", "/indexes/{index_id}", indexes.rename),
    ("DELETE", "/indexes/{index_id}", indexes.delete),
    ("GET", "/indexes/{index_id}/videos", videos.list_videos),
    ("GET", "/indexes/{index_id}/videos/{video_id}", videos.read_video),
    ("DELETE", "/indexes/{index_id}/videos/{video_id}", videos.delete),
    ("POST", "/tasks", tasks.create),
    ("GET", "/tasks", tasks.list_all),
)
TASK: Sequence[Entry] = (
    ("GET", "/tasks/{task_id}", tasks.read),
    ("DELETE", "/tasks/{task_id}", tasks.delete),
)
LEGACY: Sequence[Entry] = (
    *embeddings_v1.ROUTES,
    ("GET", "/engines", engines.list_all),
    ("GET", "/engines/{engine_id}", engines.read),
    ("GET", "/tasks/status", tasks.counts),
    ("PUT", "/indexes/{index_id}/videos/{video_id}", videos.change_legacy),
    ("GET", "/indexes/{index_id}/videos/{video_id}/text-in-video", transcriptions.text_in_video),
    ("GET", "/indexes/{index_id}/videos/{video_id}/transcription", transcriptions.transcription),
    *generation_legacy.ROUTES,
    *classic.ROUTES,
    *transfers.ROUTES,
    *legacy_search.ROUTES,
)
CURRENT: Sequence[Entry] = (
    *embeddings.ROUTES,
    *embeddings_v1.ROUTES,
    ("PATCH", "/indexes/{index_id}/videos/{video_id}", videos.change),
    ("POST", "/indexes/{index_id}/indexed-assets", videos.create_indexed_asset),
    ("GET", "/indexes/{index_id}/indexed-assets", videos.list_indexed_assets),
    ("GET", "/indexes/{index_id}/indexed-assets/{video_id}", videos.read_indexed_asset),
    ("PATCH", "/indexes/{index_id}/indexed-assets/{video_id}", videos.change),
    ("DELETE", "/indexes/{index_id}/indexed-assets/{video_id}", videos.delete),
    # "/assets/multipart-uploads" comes before "/assets/{asset_id}", which would take it
    *multipart_uploads.ROUTES,
    ("POST", "/assets", assets.create),
    ("GET", "/assets", assets.list_all),
    ("GET", "/assets/{asset_id}", assets.read),
    ("DELETE", "/assets/{asset_id}", assets.delete),
    ("PATCH", "/assets/{asset_id}/user-metadata", assets.patch_metadata),
    ("PUT", "/assets/{asset_id}/user-metadata", assets.put_metadata),
    ("DELETE", "/assets/{asset_id}/user-metadata", assets.delete_metadata),
    ("GET", "/assets/{asset_id}/indexed-assets", assets.list_indexed),
    ("GET", "/assets/{asset_id}/transcription", transcriptions.of_asset),
    *generation.ROUTES,
    ("GET", "/analyze/tasks", analyses.list_all),
    ("POST", "/analyze/tasks", analyses.create, Errors.WRAPPED),
    ("GET", "/analyze/tasks/{task_id}", analyses.read, Errors.WRAPPED),
    ("DELETE", "/analyze/tasks/{task_id}", analyses.delete, Errors.WRAPPED),
    ("POST", "/analyze/tasks/{task_id}/cancel", analyses.cancel, Errors.WRAPPED),
    *batches.ROUTES,
    *connections.ROUTES,
    *imports.ROUTES,
    *entities.ROUTES,
    *knowledge_stores.ROUTES,
    *knowledge_search.ROUTES,
    *item_collections.ROUTES,
    *responses.ROUTES,
    *search.ROUTES,
)
LOCAL: Sequence[Entry] = (
    *faults.ROUTES,
    *limits.ROUTES,
    *webhooks.ROUTES,
    *connections.LOCAL,
    *classic.LOCAL,
    *search.LOCAL,
    *multipart_uploads.LOCAL,
    *renditions.LOCAL,
)


def routes(engine: Engine) -> list[BaseRoute]:
    """Return all routes of an engine.

    :param engine: what all requests share.
    """
    found: list[BaseRoute] = []
    for dialect in DIALECTS:
        own = LEGACY if dialect.legacy else CURRENT
        # "/tasks/status" comes before "/tasks/{task_id}", which would take it
        entries = (*SHARED, *own, *TASK)
        found.append(Mount(f"/{dialect.version}", routes=[_route(engine, dialect, *entry) for entry in entries]))
    found.append(_route(engine, V1_3, "GET", "/_local/billing", engines.billing))
    found += [_route(engine, V1_3, *entry) for entry in LOCAL]
    return found


def _route(
    engine: Engine, dialect: Dialect, method: str, path: str, handler: Handler, errors: Errors = Errors.FLAT
) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            response = await handler(Call(request, engine, dialect))
        except ServiceError as error:
            body = error.flat() if errors is Errors.FLAT else error.wrapped()
            response = answer(body, error.status)
        except ClientDisconnect:
            # nobody is left to answer
            response = Response(status_code=400)
        response.headers["X-Api-Version"] = dialect.version
        return response

    return Route(path, endpoint, methods=[method])
