"""Proxy between a client and the engine that validates every request and response."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message as EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.contract.description import Description, described
from tests.contract.judge import Exchange, Message, faults_of_answer, faults_of_request

PREFIX = "/v1.3"
FORBIDDEN = 403
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"})


@dataclass
class Recorder:
    """What went through the proxies of a session.

    :param description: None where there is no copy: then nothing is judged and nothing is covered.
    :param covered: operations, as ``METHOD /path`` of the description, that were answered with a success.
    :param not_allowed: operations answered with 403: valid requests without permission.
    :param violations: what was wrong, one sentence each.
    :param exchanges: how many requests went through.
    """

    description: Description | None = field(default_factory=described)
    covered: set[str] = field(default_factory=set)
    not_allowed: set[str] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)
    exchanges: int = 0

    def take(self, exchange: Exchange, *, request_too: bool) -> None:
        """Judge an exchange.

        :param request_too: False for the vendor's client, whose requests are not ours to judge. What the engine
            refuses is judged by its answer alone: a test sends it on purpose.
        """
        self.exchanges += 1
        if self.description is None:
            return
        operation = self.description.operation(exchange.method, exchange.path)
        call = f"{exchange.method} {exchange.path}"
        if operation is None:
            if exchange.status < 400:
                self.violations.append(f"{call}: there is no such operation")
            return
        try:
            wrong = faults_of_answer(self.description, operation, exchange)
            if request_too and (exchange.status < 400 or exchange.status == FORBIDDEN):
                wrong += faults_of_request(self.description, operation, exchange)
        except ValueError as error:
            wrong = [f"a body cannot be read: {error}"]
        if exchange.status < 300:
            self.covered.add(operation.name)
        elif exchange.status == FORBIDDEN:
            self.not_allowed.add(operation.name)
        self.violations += [f"{call}: {fault}" for fault in wrong]


@contextmanager
def proxy(upstream: str, recorder: Recorder, *, request_too: bool) -> Iterator[str]:
    """Run a proxy and give its address.

    :param upstream: scheme, host and port of the engine.
    """
    handler = type("Handler", (_Handler,), {"upstream": upstream, "recorder": recorder, "request_too": request_too})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # a kept-open connection of a client must not hold up the end
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: str
    recorder: Recorder
    request_too: bool

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _forward(self) -> None:
        body = self._body()
        upstream = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=120)
        try:
            # the engine sees the proxy as its own address, so that links it makes come back this way
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            if answer.headers.get("content-length") is None and answer.status not in (204, 304):
                self._stream(body, answer)
            else:
                content = answer.read()
                self._take(body, answer, content)
                self._head(answer, {"content-length": str(len(content))} if answer.status not in (204, 304) else {})
                self.wfile.write(content)
        except (OSError, http.client.HTTPException):
            # what broke off there breaks off here
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        finally:
            upstream.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _stream(self, body: bytes, answer: http.client.HTTPResponse) -> None:
        """Send an answer on piece by piece as it comes; it is judged before its end is sent, so before a test ends."""
        self._head(answer, {"transfer-encoding": "chunked"})
        content = bytearray()
        while piece := answer.read1(65536):
            content += piece
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self._take(body, answer, bytes(content))
        self.wfile.write(b"0\r\n\r\n")

    def _head(self, answer: http.client.HTTPResponse, framing: Mapping[str, str]) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        for name, value in framing.items():
            self.send_header(name, value)
        self.end_headers()

    def _take(self, body: bytes, answer: http.client.HTTPResponse, content: bytes) -> None:
        path, _, query = self.path.partition("?")
        if not path.startswith(f"{PREFIX}/"):
            return
        sent, answered = Message(_kind(self.headers), body), Message(_kind(answer.headers), content)
        exchange = Exchange(self.command, path.removeprefix(PREFIX), query, sent, answer.status, answered)
        self.recorder.take(exchange, request_too=self.request_too)


def _kind(headers: EmailMessage) -> str:
    return headers.get("content-type") or ""
