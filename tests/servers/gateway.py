"""Gateway in front of a server that forwards and counts requests, and breaks chosen connections."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "date", "server"}
PATIENCE_SECONDS = 120.0


class Break(Enum):
    """What happens to a request."""

    CUT = "the connection ends in the middle of the request's body"
    LOST = "the server does it, and the connection ends instead of the answer"
    REFUSED = "it and all that follow are refused for good"
    HELD = "it stops in the middle of the body until it is let go, and ends there"


@dataclass(frozen=True)
class Refused:
    """How a store says no for good."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Gateway(ThreadingHTTPServer):
    """The gateway of one server.

    :param upstream: ``http://127.0.0.1:port`` of the server.
    :param refused: the answer of :attr:`Break.REFUSED`.
    """

    daemon_threads = True

    def __init__(self, upstream: str, refused: Refused) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host, self.port = urlsplit(upstream).hostname or "", urlsplit(upstream).port or 0
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.refused = refused
        self.seen: list[str] = []
        self.held, self._let_go = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._number, self._break = 0, Break.CUT

    @contextlib.contextmanager
    def serving(self) -> Iterator[Gateway]:
        """Serve meanwhile."""
        thread = threading.Thread(target=self.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._let_go.set()
            self.shutdown()
            thread.join()
            self.server_close()

    @contextlib.contextmanager
    def breaking(self, number: int, how: Break) -> Iterator[None]:
        """Break one of the requests from here on.

        :param number: which; 1 is the next one, 0 none.
        """
        with self._lock:
            self.seen.clear()
            self.held.clear()
            self._let_go.clear()
            self._number, self._break = number, how
        try:
            yield
        finally:
            with self._lock:
                self._number = 0
            self._let_go.set()

    def take(self, request: str) -> Break | None:
        """Count a request; return what is to happen to it."""
        with self._lock:
            self.seen.append(request)
            number = len(self.seen)
            hit = number == self._number or (self._break is Break.REFUSED and 0 < self._number < number)
            return self._break if hit else None

    def hold(self) -> None:
        """Wait until the request is let go."""
        self.held.set()
        self._let_go.wait(PATIENCE_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        # A client that was killed, or that gave up, is what these tests are about.
        with contextlib.suppress(ConnectionError):
            return super().handle_one_request()
        self.close_connection = True

    def do_GET(self) -> None:
        self._pass_on()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def _pass_on(self) -> None:
        body = self._body()
        how = self.server.take(f"{self.command} {self.path}")
        if how is Break.REFUSED:
            refused = self.server.refused
            return self._answer(refused.status, refused.headers.items(), refused.body)
        upstream = http.client.HTTPConnection(self.server.host, self.server.port, timeout=PATIENCE_SECONDS)
        with contextlib.closing(upstream):
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "transfer-encoding"):
                    upstream.putheader(name, value)
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                upstream.putheader("Content-Length", str(len(body)))
            if how in (Break.CUT, Break.HELD):
                return self._stop_midway(upstream, body, how)
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            content = answer.read()
        if how is Break.LOST:
            self.close_connection = True
            return
        self._answer(answer.status, answer.getheaders(), content)

    def _stop_midway(self, upstream: http.client.HTTPConnection, body: bytes, how: Break) -> None:
        """Send half the body; a request without one is not sent at all."""
        self.close_connection = True
        if len(body) > 1:
            upstream.endheaders(body[: len(body) // 2])
        if how is Break.HELD:
            self.server.hold()

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, headers: object, content: bytes) -> None:
        self.send_response_only(status)
        sized = False
        for name, value in headers:  # type: ignore[attr-defined]
            if name.lower() not in _HOP:
                sized = sized or name.lower() == "content-length"
                self.send_header(name, value)
        if not sized:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
