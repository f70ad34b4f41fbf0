"""The engine's own registration of webhooks, which the service has in its dashboard only: ``/_local/webhooks``.

========  =====================================================================================
GET       who is told of what has ended; without their secrets
PUT       ``{"webhooks": [{"url": "http://...", "secret": "...", "copies": 1, "attempts": 5, "retry_seconds": 1}]}``
DELETE    nobody is told any more
========  =====================================================================================

``copies`` sends every event that often, as the service sometimes does; ``attempts`` is how often one is tried, with
pauses that begin at ``retry_seconds`` and double.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.downloads import is_url
from twelvelabs_local.errors import invalid, missing, unknown
from twelvelabs_local.store.webhooks import Webhook, all_webhooks, set_webhooks

_FIELDS = {field.name for field in fields(Webhook)}
MOST_COPIES = 10
MOST_ATTEMPTS = 100


async def read(call: Call) -> Response:
    """GET /_local/webhooks."""
    shown = [asdict(webhook) for webhook in all_webhooks(call.db)]
    return answer({"webhooks": [{**webhook, "secret": "***"} for webhook in shown]})


async def replace(call: Call) -> Response:
    """PUT /_local/webhooks."""
    given = (await call.body(("webhooks",))).get("webhooks")
    if not isinstance(given, list):
        raise invalid("webhooks", "It must be a list.")
    webhooks = [_webhook(one) for one in given]
    if len({webhook.url for webhook in webhooks}) < len(webhooks):
        raise invalid("webhooks", "It names an url twice.")
    set_webhooks(call.db, webhooks)
    call.engine.webhook_sender.webhooks_changed()
    return await read(call)


async def remove(call: Call) -> Response:
    """DELETE /_local/webhooks."""
    set_webhooks(call.db, [])
    return done()


def _webhook(given: Any) -> Webhook:
    if not isinstance(given, dict):
        raise invalid("webhooks", "Each must be an object.")
    if extra := set(given) - _FIELDS:
        raise unknown([f"webhooks.{name}" for name in extra])
    for name in ("url", "secret"):
        if not given.get(name):
            raise missing(f"webhooks.{name}")
        if not isinstance(given[name], str):
            raise invalid(f"webhooks.{name}", "It must be text.")
    if not is_url(given["url"]):
        raise invalid("webhooks.url", f"{given['url']!r} is not an http or https link.")
    _number(given, "copies", 1, MOST_COPIES, whole=True)
    _number(given, "attempts", 1, MOST_ATTEMPTS, whole=True)
    _number(given, "retry_seconds", 0, 3600, whole=False)
    return Webhook(**given)


def _number(given: dict[str, Any], name: str, low: int, high: int, *, whole: bool) -> None:
    value = given.get(name, low)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not low <= value <= high:
        raise invalid(f"webhooks.{name}", f"It is {value!r}; it must be a number from {low} to {high}.")


ROUTES: tuple[Entry, ...] = (
    ("GET", "/_local/webhooks", read),
    ("PUT", "/_local/webhooks", replace),
    ("DELETE", "/_local/webhooks", remove),
)
