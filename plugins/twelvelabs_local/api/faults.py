"""The engine's own administration of what goes wrong: ``/_local/faults``.

========  =====================================================================================
GET       the rules, each with how many requests it has ``seen`` and how often it has ``fired``
PUT       these rules instead of all others: ``{"rules": [{...}, ...]}``
POST      one more rule: ``{...}``
DELETE    no rules any more; with ``?name=`` one less
========  =====================================================================================

What a rule may say stands at :class:`twelvelabs_local.faults.Rule`; ``docs/engine.md`` has examples.
"""

from __future__ import annotations

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.lists import refuse_unknown
from twelvelabs_local.errors import ServiceError, invalid
from twelvelabs_local.faults import Rule, read_rule

_FIELDS = tuple(Rule.__dataclass_fields__)


async def read(call: Call) -> Response:
    """GET /_local/faults."""
    return _told(call)


async def replace(call: Call) -> Response:
    """PUT /_local/faults."""
    rules = (await call.body(("rules",))).get("rules")
    if not isinstance(rules, list):
        raise invalid("rules", "It must be a list of rules.")
    call.engine.faults.replace([read_rule(rule, number) for number, rule in enumerate(rules, start=1)])
    return _told(call)


async def add(call: Call) -> Response:
    """POST /_local/faults."""
    number = len(call.engine.faults.told()) + 1
    call.engine.faults.add(read_rule(await call.body(_FIELDS), number))
    return _told(call, 201)


async def remove(call: Call) -> Response:
    """DELETE /_local/faults."""
    query = call.request.query_params
    refuse_unknown(query, ("name",))
    if "name" not in query:
        call.engine.faults.replace([])
    elif not call.engine.faults.remove(query["name"]):
        raise ServiceError(404, "not_found", f"There is no rule {query['name']!r}.")
    return done()


def _told(call: Call, status: int = 200) -> Response:
    return answer({"rules": call.engine.faults.told()}, status)


ROUTES: tuple[Entry, ...] = (
    ("GET", "/_local/faults", read),
    ("PUT", "/_local/faults", replace),
    ("POST", "/_local/faults", add),
    ("DELETE", "/_local/faults", remove),
)
