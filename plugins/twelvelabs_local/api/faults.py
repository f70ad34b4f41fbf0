"""Administration of fault injection: ``/_local/faults``.

========  =====================================================================================
GET       returns the rules, each with how many requests it has ``seen`` and how often it has ``fired``
PUT       replaces all rules: ``{"rules": [{...}, ...]}``
POST      adds a rule: ``{...}``
DELETE    removes all rules; with ``?name=`` one
========  =====================================================================================

:class:`twelvelabs_local.faults.Rule` describes a rule; ``docs/engine.md`` has examples.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.errors import ServiceError
from twelvelabs_local.faults import read_rule


class Rules(RequestModel):
    """All rules."""

    rules: list[Any]


class NameQuery(RequestModel):
    """The query of a deletion."""

    name: str | None = None


async def read(call: Call) -> Response:
    """GET /_local/faults."""
    return _shown(call)


async def replace(call: Call) -> Response:
    """PUT /_local/faults."""
    rules = (await call.json(Rules)).rules
    call.engine.faults.replace([read_rule(rule, number) for number, rule in enumerate(rules, start=1)])
    return _shown(call)


async def add(call: Call) -> Response:
    """POST /_local/faults."""
    number = len(call.engine.faults.as_json()) + 1
    call.engine.faults.add(read_rule(await call.json_value(), number))
    return _shown(call, 201)


async def remove(call: Call) -> Response:
    """DELETE /_local/faults."""
    name = call.query(NameQuery).name
    if name is None:
        call.engine.faults.replace([])
    elif not call.engine.faults.remove(name):
        raise ServiceError(404, "not_found", f"There is no rule {name!r}.")
    return done()


def _shown(call: Call, status: int = 200) -> Response:
    return answer({"rules": call.engine.faults.as_json()}, status)


ROUTES: tuple[Endpoint, ...] = (
    ("GET", "/_local/faults", read),
    ("PUT", "/_local/faults", replace),
    ("POST", "/_local/faults", add),
    ("DELETE", "/_local/faults", remove),
)
