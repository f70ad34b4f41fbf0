"""Access to the TCP connection of a request, which ASGI does not offer. Connection faults break it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

EXTENSION = "twelvelabs_local.client_connection"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class ClientConnection:
    """The TCP connection of a request.

    :param transport: the server's end.
    """

    transport: asyncio.Transport

    def reset(self) -> None:
        """Reset the connection at once: the client sees ECONNRESET."""
        client_socket = self.transport.get_extra_info("socket")
        if client_socket is not None:
            with contextlib.suppress(OSError):
                client_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def close(self) -> None:
        """Close the connection after the bytes that were sent: the client sees a truncated response."""
        self.transport.close()


class ClientConnectionMiddleware:
    """Adds the connection to the scope of a request. It must be the outermost part of the application.

    uvicorn's ``send`` is a method of the object that holds the connection; nothing else leads to it.

    :param app: the wrapped application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event."""
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if scope["type"] == "http" and transport is not None:
            extensions = {**(scope.get("extensions") or {}), EXTENSION: ClientConnection(transport)}
            scope = {**scope, "extensions": extensions}
        await self._app(scope, receive, send)


def connection_of(scope: Scope) -> ClientConnection:
    """Return the connection of a request.

    :raises RuntimeError: when the server does not give access to its connections.
    """
    connection = (scope.get("extensions") or {}).get(EXTENSION)
    if not isinstance(connection, ClientConnection):
        raise RuntimeError("this server gives no access to its connections, so they cannot be broken")
    return connection


async def wait_for_disconnect(receive: Receive) -> None:
    """Wait until the client or the server closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
