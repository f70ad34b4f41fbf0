"""Administration of the limits: ``/_local/limits``.

========  =====================================================================================
GET       returns the limits in force, their usage, and the requests of the latest minutes
PUT       ``{"requests": {"analyze": {"per_minute": 60, "per_day": 1000}}, "concurrent_indexing": 5}``
DELETE    removes all limits, as at the start
========  =====================================================================================
"""

from __future__ import annotations

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.limits import Limits


async def read(call: Call) -> Response:
    """GET /_local/limits."""
    book = call.engine.limits
    return answer({**book.limits.model_dump(mode="json"), "used": book.used(), "minutes": book.minutes()})


async def replace(call: Call) -> Response:
    """PUT /_local/limits."""
    call.engine.limits.set(await call.json(Limits))
    return await read(call)


async def remove(call: Call) -> Response:
    """DELETE /_local/limits."""
    call.engine.limits.set(Limits())
    return done()


ROUTES: tuple[Endpoint, ...] = (
    ("GET", "/_local/limits", read),
    ("PUT", "/_local/limits", replace),
    ("DELETE", "/_local/limits", remove),
)
