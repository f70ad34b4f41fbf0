"""The routes of every generation."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from twelvelabs_local.api import (
    analyses,
    assets,
    batches,
    connections,
    direct_analysis,
    embeddings,
    embeddings_v1,
    engines,
    entities,
    faults,
    imports,
    indexes,
    item_collections,
    knowledge_search,
    knowledge_stores,
    legacy_generation,
    legacy_search,
    legacy_videos,
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
from twelvelabs_local.api.endpoint import Endpoint, ErrorFormat, Handler
from twelvelabs_local.dialects import DIALECTS, V1_1, V1_3, Dialect
from twelvelabs_local.errors import ServiceError

SHARED: Sequence[Endpoint] = (
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
TASK: Sequence[Endpoint] = (
    ("GET", "/tasks/{task_id}", tasks.read),
    ("DELETE", "/tasks/{task_id}", tasks.delete),
)
LEGACY: Sequence[Endpoint] = (
    ("GET", "/engines", engines.list_all),
    ("GET", "/engines/{engine_id}", engines.read),
    ("GET", "/tasks/status", tasks.counts),
    ("PUT", "/indexes/{index_id}/videos/{video_id}", videos.change_legacy),
    ("GET", "/indexes/{index_id}/videos/{video_id}/text-in-video", transcriptions.text_in_video),
    ("GET", "/indexes/{index_id}/videos/{video_id}/transcription", transcriptions.transcription),
    *legacy_videos.ROUTES,
    *transfers.ROUTES,
    *legacy_search.ROUTES,
)
SINCE_V1_2: Sequence[Endpoint] = (
    *embeddings_v1.ROUTES,
    *legacy_generation.ROUTES,
    *legacy_videos.SINCE_V1_2,
    *transfers.SINCE_V1_2,
    *legacy_search.SINCE_V1_2,
)
CURRENT: Sequence[Endpoint] = (
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
    *direct_analysis.ROUTES,
    ("GET", "/analyze/tasks", analyses.list_all),
    ("POST", "/analyze/tasks", analyses.create, ErrorFormat.WRAPPED),
    ("GET", "/analyze/tasks/{task_id}", analyses.read, ErrorFormat.WRAPPED),
    ("DELETE", "/analyze/tasks/{task_id}", analyses.delete, ErrorFormat.WRAPPED),
    ("POST", "/analyze/tasks/{task_id}/cancel", analyses.cancel, ErrorFormat.WRAPPED),
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
LOCAL: Sequence[Endpoint] = (
    *faults.ROUTES,
    *limits.ROUTES,
    *webhooks.ROUTES,
    *connections.LOCAL,
    *legacy_videos.LOCAL,
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
        own = (*_since_v1_2(dialect), *LEGACY) if dialect.legacy else CURRENT
        # paths without parameters come first: "/tasks/{task_id}" would also match "/tasks/status"
        entries = (*SHARED, *own, *TASK)
        found.append(Mount(f"/{dialect.version}", routes=[_route(engine, dialect, *entry) for entry in entries]))
    found.append(_route(engine, V1_3, "GET", "/_local/billing", engines.billing))
    found += [_route(engine, V1_3, *entry) for entry in LOCAL]
    return found


def _since_v1_2(dialect: Dialect) -> Sequence[Endpoint]:
    if dialect is V1_1:
        return [(method, path, _not_found) for method, path, *_ in SINCE_V1_2]
    return SINCE_V1_2


async def _not_found(call: Call) -> Response:
    raise ServiceError(404, "not_found", f"There is no such call in {call.dialect.version}.")


def _route(
    engine: Engine, dialect: Dialect, method: str, path: str, handler: Handler, errors: ErrorFormat = ErrorFormat.FLAT
) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            response = await handler(Call(request, engine, dialect))
        except ServiceError as error:
            body = error.flat() if errors is ErrorFormat.FLAT else error.wrapped()
            response = answer(body, error.status)
        except ClientDisconnect:
            # there is no client to read the response
            response = Response(status_code=400)
        response.headers["X-Api-Version"] = dialect.version
        return response

    return Route(path, endpoint, methods=[method])
