"""HTTP proxy on loopback that forwards requests, tunnels TLS, and records them."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Iterable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast
from urllib.parse import urlsplit

_HOP = ("proxy-authorization", "proxy-connection", "connection", "host", "content-length", "transfer-encoding")


class ForwardProxy:
    """A proxy that takes everything to the one server behind it, whatever the name of the host.

    :param to: the address of the server.
    :param refuses: status that answers each request instead.
    :param tls: the proxy's own side of TLS; None for plain HTTP to the proxy.
    """

    def __init__(self, to: str, refuses: int | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.to = urlsplit(to)
        self.refuses = refuses
        self.asked: list[str] = []
        self.credentials: list[str | None] = []
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.proxy = self
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.address = f"127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    proxy: ForwardProxy
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_CONNECT(self) -> None:
        proxy = self._note()
        if proxy.refuses:
            self._refuse(proxy.refuses)
            return
        with socket.create_connection((proxy.to.hostname, proxy.to.port)) as server:
            self.send_response(200, "Connection established")
            self.end_headers()
            self._pump(server)
        self.close_connection = True

    def forward(self) -> None:
        proxy = self._note()
        if proxy.refuses:
            self._refuse(proxy.refuses)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        asked = urlsplit(self.path)
        server = HTTPConnection(proxy.to.hostname or "", proxy.to.port)
        with contextlib.closing(server):
            server.request(self.command, asked._replace(scheme="", netloc="").geturl(), body, headers)
            answer = server.getresponse()
            content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = forward

    def _note(self) -> ForwardProxy:
        proxy = cast("_Server", self.server).proxy
        proxy.asked.append(f"{self.command} {self.path}")
        proxy.credentials.append(self.headers.get("Proxy-Authorization"))
        return proxy

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _pump(self, server: socket.socket) -> None:
        pairs = {self.connection: server, server: self.connection}
        while True:
            for one in _readable(pairs):
                try:
                    piece = one.recv(1 << 16)
                except OSError:
                    return
                if not piece:
                    return
                pairs[one].sendall(piece)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _readable(sockets: Iterable[socket.socket]) -> list[socket.socket]:
    """Wait for bytes; what TLS has decrypted already is not seen by select."""
    pending: list[socket.socket] = [one for one in sockets if isinstance(one, ssl.SSLSocket) and one.pending()]
    return pending or select.select(list(sockets), [], [])[0]
