"""The catalogue of engines (v1.1 and v1.2), and the billing statement of this engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.errors import not_exist
from twelvelabs_local.store.billing import statement


async def list_all(call: Call) -> Response:
    """GET /engines."""
    data = [_engine(call, name) for name in call.dialect.models]
    page = {"limit_per_page": max(10, len(data)), "page": 1, "total_page": 1, "total_results": len(data)}
    return answer({"data": data, "page_info": page})


async def read(call: Call) -> Response:
    """GET /engines/{engine_id}."""
    name = str(call.request.path_params["engine_id"])
    if name not in call.dialect.models:
        raise not_exist(name, "engines")
    return answer(_engine(call, name))


async def billing(call: Call) -> Response:
    """GET /_local/billing: what the service would have billed."""
    return answer(statement(call.db))


def _engine(call: Call, name: str) -> Mapping[str, Any]:
    return {"_id": name, "allowed_index_options": list(call.dialect.models[name]), "author": "twelvelabs_local"}
