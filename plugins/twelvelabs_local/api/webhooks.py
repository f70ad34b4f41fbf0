"""Administration of webhooks, which the service has only in its dashboard: ``/_local/webhooks``.

========  =====================================================================================
GET       returns the webhooks, without their secrets
PUT       ``{"webhooks": [{"url": "http://...", "secret": "...", "copies": 1, "attempts": 5, "retry_seconds": 1}]}``
DELETE    removes all webhooks
========  =====================================================================================

``copies`` is how often every event is sent: the service sometimes sends one twice. ``attempts`` is how often a delivery
is tried, with a backoff that starts at ``retry_seconds`` and doubles.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from pydantic import field_validator
from starlette.responses import Response

from twelvelabs_local.api.call import Call, answer, done
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.parameters import Required, between
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.downloads import is_url
from twelvelabs_local.store.webhooks import Webhook, all_webhooks, set_webhooks


class WebhookEntry(RequestModel):
    """A webhook."""

    url: Annotated[str, Required]
    secret: Annotated[str, Required]
    copies: Annotated[int, between(1, 10)] = 1
    attempts: Annotated[int, between(1, 100)] = 5
    retry_seconds: Annotated[float, between(0, 3600)] = 1.0

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if not is_url(url):
            raise ValueError(f"{url!r} is not an http or https link.")
        return url


class Webhooks(RequestModel):
    """All webhooks of the engine."""

    webhooks: list[WebhookEntry]

    @field_validator("webhooks")
    @classmethod
    def _check_repeated(cls, webhooks: list[WebhookEntry]) -> list[WebhookEntry]:
        if len({webhook.url for webhook in webhooks}) < len(webhooks):
            raise ValueError("It names an url twice.")
        return webhooks


async def read(call: Call) -> Response:
    """GET /_local/webhooks."""
    shown = [asdict(webhook) for webhook in all_webhooks(call.db)]
    return answer({"webhooks": [{**webhook, "secret": "***"} for webhook in shown]})


async def replace(call: Call) -> Response:
    """PUT /_local/webhooks."""
    webhooks = (await call.json(Webhooks)).webhooks
    set_webhooks(call.db, [Webhook(**webhook.model_dump()) for webhook in webhooks])
    call.engine.webhook_sender.webhooks_changed()
    return await read(call)


async def remove(call: Call) -> Response:
    """DELETE /_local/webhooks."""
    set_webhooks(call.db, [])
    return done()


ROUTES: tuple[Endpoint, ...] = (
    ("GET", "/_local/webhooks", read),
    ("PUT", "/_local/webhooks", replace),
    ("DELETE", "/_local/webhooks", remove),
)
