"""ASGI middleware that rejects the requests over the limits, as the service does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twelvelabs_local.api.call import answer
from twelvelabs_local.errors import ServiceError
from twelvelabs_local.faults import VERSIONS
from twelvelabs_local.limits import DAY, Category, LimitBook, Window, category_of
from twelvelabs_local.store.assets import TERMINAL
from twelvelabs_local.store.database import Database
from twelvelabs_local.times import format_time

EMPTY = ("/search", "/analyze", "/summarize", "/gist", "/generate")
"""Calls whose 429 response has no body."""

WRAPPED = ("/analyze/tasks", "/analyze/batches", "/embed-v2", "/embed-v2/tasks")
"""Calls whose errors are wrapped in ``error``."""


class LimitLayer:
    """Counts requests and rejects those over the limits.

    :param app: the service.
    :param book: the limits.
    :param db: counts the videos that are being indexed.
    """

    def __init__(self, app: ASGIApp, book: LimitBook, db: Database) -> None:
        self._app = app
        self._book = book
        self._db = db

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event."""
        version, path = _parts(scope)
        category = category_of(scope["method"], path) if version in VERSIONS else None
        if category is None:
            await self._app(scope, receive, send)
            return
        if category is Category.INDEX and (reason := self._concurrency_error()):
            await _rejection(path, reason, {})(scope, receive, send)
            return
        window = self._book.spend(category)
        if window and window.exceeded:
            await _rejection(path, _message(window), window.headers())(scope, receive, send)
            return
        await self._app(scope, receive, _with_headers(send, window) if window else send)

    def _concurrency_error(self) -> str | None:
        """Return the error of too many videos that are being indexed, or None."""
        most = self._book.limits.concurrent_indexing
        if most is None:
            return None
        marks = ", ".join("?" * len(TERMINAL))
        if self._db.value(f"SELECT count(*) FROM videos WHERE status NOT IN ({marks})", *TERMINAL) < most:
            return None
        return f"Your plan allows {most} concurrent indexing tasks. Wait until one of them has ended."


def _parts(scope: Scope) -> tuple[str, str]:
    if scope["type"] != "http":
        return "", ""
    version, _, below = str(scope["path"]).lstrip("/").partition("/")
    return version, f"/{below}"


def _message(window: Window) -> str:
    again = format_time(datetime.fromtimestamp(window.reset_at, UTC))
    if window.seconds == DAY:
        return f"You have used up the daily quota of {window.limit} requests. It is renewed at {again}."
    return f"You have exceeded the limit of {window.limit} requests per minute. Try again after {again}."


def _rejection(path: str, message: str, headers: Mapping[str, str]) -> Response:
    if path in EMPTY:
        return Response(status_code=429, headers=dict(headers))
    if path in WRAPPED:
        return answer(ServiceError(429, "RATE_LIMIT_EXCEEDED", message).wrapped(), 429, headers)
    return answer(ServiceError(429, "too_many_requests", message).flat(), 429, headers)


def _with_headers(send: Send, window: Window) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(window.headers())
        await send(message)

    return send_with_headers
