"""The connection behind a request, for those who have to break it: ASGI itself has no word for that."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

EXTENSION = "twelvelabs_local.wire"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Wire:
    """One client's connection.

    :param transport: the server's end of it.
    """

    transport: asyncio.Transport

    def reset(self) -> None:
        """Break the connection at once: the client's system says that it was reset."""
        plug = self.transport.get_extra_info("socket")
        if plug is not None:
            with contextlib.suppress(OSError):
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def close(self) -> None:
        """End the connection after what was sent: the client sees an answer that stops too early."""
        self.transport.close()


class Wired:
    """Hands the connection on to what is behind it; it has to be the outermost part of the application.

    uvicorn's ``send`` is a method of the object that holds the connection; there is no other way to it.

    :param app: what is behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event."""
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if scope["type"] == "http" and transport is not None:
            scope = {**scope, "extensions": {**(scope.get("extensions") or {}), EXTENSION: Wire(transport)}}
        await self._app(scope, receive, send)


def wire_of(scope: Scope) -> Wire:
    """Return the connection of a request.

    :raises RuntimeError: when the server is not one that shows it.
    """
    wire = (scope.get("extensions") or {}).get(EXTENSION)
    if not isinstance(wire, Wire):
        raise RuntimeError("this server does not show its connections, so none can be broken")
    return wire


async def client_gone(receive: Receive) -> None:
    """Wait until the client or the server has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
