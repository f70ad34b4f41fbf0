"""ASGI middleware of fault injection.

It comes after the check of the API key, so a rejected key counts in no rule. The engine's own administration has no
faults.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twelvelabs_local.client_connection import connection_of, wait_for_disconnect
from twelvelabs_local.errors import ServiceError
from twelvelabs_local.faults import VERSIONS, Action, FaultBook, Rule
from twelvelabs_local.signed_urls import SIGNED

GARBAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"
_CODES: Mapping[int, str] = {408: "request_canceled_or_timed_out", 429: "too_many_requests"}


class FaultLayer:
    """Applies the rules of fault injection.

    :param app: the service.
    :param book: the rules.
    """

    def __init__(self, app: ASGIApp, book: FaultBook) -> None:
        self._app = app
        self._book = book

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event."""
        rule = self._rule(scope) if scope["type"] == "http" else None
        if rule is None:
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(rule.latency)
        await _ACTIONS[rule.action](self._app, rule, scope, receive, send)

    def _rule(self, scope: Scope) -> Rule | None:
        path = str(scope["path"])
        _, _, rest = path.partition("/")
        version, _, below = rest.partition("/")
        if version in VERSIONS:
            return self._book.hit(scope["method"], version, f"/{below}")
        return self._book.hit(scope["method"], "", path) if path.startswith(SIGNED) else None


async def _pass(app: ASGIApp, _: Rule, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def _answer(_: ASGIApp, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
    status = rule.status or 500
    body: Any = rule.body
    if not rule.has_body:
        code = _CODES.get(status, "generic_error")
        body = ServiceError(status, code, f"The rule {rule.name!r} of this engine causes this response.").flat()
    response = Response(_content(body), status, media_type="application/json")
    response.headers.update(limit_headers(rule.retry_after, rule.reset_after))
    response.headers.update(rule.headers)
    await response(scope, receive, send)


def limit_headers(retry_after: float | None, reset_after: float | None) -> dict[str, str]:
    """Return the headers that say when to retry.

    :param retry_after: seconds, None for no ``Retry-After``.
    :param reset_after: seconds until the window's reset, None for no rate-limit headers.
    """
    headers: dict[str, str] = {}
    if retry_after is not None:
        headers["Retry-After"] = f"{retry_after:g}"
    if reset_after is not None:
        reset = str(int(time.time() + reset_after))
        headers |= {"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": reset}
        headers |= {"X-RateLimit-Request-Remaining": "0", "X-RateLimit-Request-Reset": reset}
    return headers


async def _garbage(_: ASGIApp, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
    body = rule.body if rule.has_body else GARBAGE
    await Response(_content(body), rule.status or 200, media_type=rule.content_type)(scope, receive, send)


def _content(body: Any) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


async def _hang(_: ASGIApp, __: Rule, ___: Scope, receive: Receive, ____: Send) -> None:
    await wait_for_disconnect(receive)


async def _reset(_: ASGIApp, __: Rule, scope: Scope, receive: Receive, ___: Send) -> None:
    connection_of(scope).reset()
    await wait_for_disconnect(receive)


async def _lose_answer(app: ASGIApp, _: Rule, scope: Scope, receive: Receive, __: Send) -> None:
    """Process the request and send no response."""

    async def discard(_: Message) -> None:
        pass

    await app(scope, receive, discard)
    connection_of(scope).reset()
    await wait_for_disconnect(receive)


async def _cut_body(app: ASGIApp, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
    head: Message = {}
    body = bytearray()

    async def keep(message: Message) -> None:
        head.update(message if message["type"] == "http.response.start" else {})
        body.extend(message.get("body", b""))

    await app(scope, receive, keep)
    part = bytes(body[: int(len(body) * rule.share)])
    promised = len(body) if rule.length == "whole" else len(part)
    MutableHeaders(scope=head)["content-length"] = str(promised)
    await send(head)
    await send({"type": "http.response.body", "body": part, "more_body": promised > len(part)})
    if promised > len(part):
        connection_of(scope).close()
        await wait_for_disconnect(receive)


async def _cut_stream(app: ASGIApp, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
    cut = _StreamCut(rule, send)
    await app(scope, receive, cut.send)
    if cut.done and rule.end == "broken":
        connection_of(scope).close()
        await wait_for_disconnect(receive)


class _StreamCut:
    """Sends a number of records of a stream.

    :param rule: says how many.
    :param send: receives them.
    """

    def __init__(self, rule: Rule, send: Send) -> None:
        self._rule = rule
        self._send = send
        self._left = rule.records
        self._separator = b"\n"
        self._waiting = b""
        self.done = False

    async def send(self, message: Message) -> None:
        """Handle the service's next message."""
        if self.done:
            return
        if message["type"] == "http.response.start":
            await self._begin(message)
            return
        self._waiting += message.get("body", b"")
        more = bool(message.get("more_body", False))
        ready = self._whole_records()
        if self._left == 0 and (not self._rule.half_record or self._separator in self._waiting or not more):
            self.done = True
            ready += self._half() if self._rule.half_record else b""
        elif not more:
            ready, self._waiting = ready + self._waiting, b""
        more_body = self._rule.end == "broken" if self.done else more
        if ready or not more_body:
            await self._send({"type": "http.response.body", "body": ready, "more_body": more_body})

    async def _begin(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        if headers.get("content-type", "").startswith("text/event-stream"):
            self._separator = b"\n\n"
        # the body will be shorter
        del headers["content-length"]
        await self._send(message)

    def _whole_records(self) -> bytes:
        ready = b""
        while self._left and self._separator in self._waiting:
            record, _, self._waiting = self._waiting.partition(self._separator)
            ready += record + self._separator
            self._left -= 1
        return ready

    def _half(self) -> bytes:
        record = self._waiting.partition(self._separator)[0]
        return record[: (len(record) + 1) // 2]


_ACTIONS: Mapping[Action, Callable[[ASGIApp, Rule, Scope, Receive, Send], Awaitable[None]]] = {
    Action.DELAY: _pass,
    Action.STATUS: _answer,
    Action.HANG: _hang,
    Action.RESET: _reset,
    Action.LOSE_ANSWER: _lose_answer,
    Action.CUT_BODY: _cut_body,
    Action.CUT_STREAM: _cut_stream,
    Action.GARBAGE: _garbage,
}
