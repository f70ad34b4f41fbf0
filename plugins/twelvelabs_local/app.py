"""The ASGI application: routes, API key, request ids and unexpected errors."""

from __future__ import annotations

import contextlib
import hmac
import logging
import uuid
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twelvelabs_local.api.call import Engine, answer
from twelvelabs_local.api.routes import routes
from twelvelabs_local.client_connection import ClientConnectionMiddleware
from twelvelabs_local.errors import ServiceError
from twelvelabs_local.fault_layer import FaultLayer
from twelvelabs_local.limit_layer import LimitLayer
from twelvelabs_local.settings import Settings
from twelvelabs_local.signed_urls import SIGNED, Signer
from twelvelabs_local.store.connections import connect_new_folders
from twelvelabs_local.store.media_files import delete_unused_files
from twelvelabs_local.store.schema import open_database
from twelvelabs_local.store.upload_parts import delete_unused_parts
from twelvelabs_local.supervisor import Supervisor

log = logging.getLogger("twelvelabs_local")


def create_app(settings: Settings) -> ASGIApp:
    """Return the application over a prepared data folder.

    :param settings: the command line.
    """
    db = open_database(settings.data.database)
    delete_unused_files(settings.data, db)
    delete_unused_parts(settings.data, db)
    connect_new_folders(db, settings.folders)
    supervisor = Supervisor(settings.data, db)
    engine = Engine(settings, db, supervisor)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await supervisor.start()
        await engine.webhook_sender.start()
        try:
            yield
        finally:
            await engine.webhook_sender.stop()
            await supervisor.stop()

    app = Starlette(
        routes=routes(engine),
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, 500: _failure},
    )
    # "/tasks/" is not "/tasks": a redirect would make clients send an upload twice
    app.router.redirect_slashes = False
    service = FaultLayer(LimitLayer(app, engine.limits, db), engine.faults)
    return ClientConnectionMiddleware(ApiKeyCheck(service, settings.api_key, Signer.of(settings.data)))


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = "not_found" if error.status_code == 404 else "method_not_allowed"
    body = ServiceError(error.status_code, code, f"There is no such call: {error.detail}.").flat()
    return answer(body, error.status_code, error.headers)


async def _failure(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(ServiceError(500, "generic_error", f"The engine failed: {type(error).__name__}.").flat(), 500)


class ApiKeyCheck:
    """ASGI middleware that checks the API key and adds a request id to every response.

    :param app: the application behind it.
    :param api_key: the key.
    :param signer: checks signed links, which need no key.
    """

    def __init__(self, app: ASGIApp, api_key: str, signer: Signer) -> None:
        self._app = app
        self._api_key = api_key.encode()
        self._signer = signer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive)

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = str(uuid.uuid4())
                # a client that is still uploading would see a broken pipe instead of the response
                await body.drain()
            await send(message)

        if scope["path"].startswith(SIGNED):
            await self._open_signed(scope, body, answered)
            return
        given = Headers(scope=scope).get("x-api-key", "").encode()
        if hmac.compare_digest(given, self._api_key):
            await self._app(scope, body.receive, answered)
            return
        message = "The API key is missing." if not given else "The API key is invalid."
        error = ServiceError(401, "api_key_invalid", f"{message} Send the engine's key in the x-api-key header.")
        await answer(error.flat(), 401)(scope, body.receive, answered)

    async def _open_signed(self, scope: Scope, body: _Body, answered: Send) -> None:
        if self._signer.accepts(scope["method"], scope["path"], scope["query_string"].decode("latin-1")):
            await self._app(scope, body.receive, answered)
            return
        message = "The link is not signed by this engine for this request, or it has expired. Request a new one."
        await answer(ServiceError(403, "access_denied", message).flat(), 403)(scope, body.receive, answered)


class _Body:
    """The body of a request; it knows whether all of it was received."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False

    async def receive(self) -> Message:
        """Return the next message."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._complete = True
        return message

    async def drain(self) -> None:
        """Read and discard the rest."""
        while not self._complete:
            await self.receive()
