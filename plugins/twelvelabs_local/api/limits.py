"""The engine's own administration of limits: ``/_local/limits``.

========  =====================================================================================
GET       the limits in force, what has been used of them, and how many requests came in each minute
PUT       ``{"requests": {"analyze": {"per_minute": 60, "per_day": 1000}}, "concurrent_indexing": 5}``
DELETE    no limits any more, as at the start
========  =====================================================================================
"""

from __future__ import annotations

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.limits import Limits, read_limits


async def read(call: Call) -> Response:
    """GET /_local/limits."""
    book = call.engine.limits
    return answer({**book.limits.as_json(), "used": book.used(), "minutes": book.minutes()})


async def replace(call: Call) -> Response:
    """PUT /_local/limits."""
    call.engine.limits.set(read_limits(await call.body(("requests", "concurrent_indexing"))))
    return await read(call)


async def remove(call: Call) -> Response:
    """DELETE /_local/limits."""
    call.engine.limits.set(Limits())
    return done()


ROUTES: tuple[Entry, ...] = (
    ("GET", "/_local/limits", read),
    ("PUT", "/_local/limits", replace),
    ("DELETE", "/_local/limits", remove),
)
