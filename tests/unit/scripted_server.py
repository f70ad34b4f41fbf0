"""HTTP server on loopback with scripted responses and failures, which records the requests."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast
from urllib.parse import parse_qsl, urlsplit

import pytest

KEY = "tlk_0SECRET0KEY0OF0THE0TESTS0"
_PIECE = 1 << 20
_LONGEST_HANG = 30.0


@dataclass(frozen=True)
class Reply:
    """An answer; ``body`` is sent as JSON unless it is bytes."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The bytes that are sent."""
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Lost:
    """The request is read to its end, then the connection is cut without an answer."""


@dataclass(frozen=True)
class CutShort:
    """The answer's head promises all of it, then the connection is cut after ``sent`` bytes of the body."""

    reply: Reply
    sent: int


@dataclass(frozen=True)
class Unframed:
    """The answer's head promises no length, and the connection is closed after the body: a cut cannot be seen."""

    content: bytes


@dataclass(frozen=True)
class Raw:
    """Bytes as they are, head included, piece by piece with a pause between them; then the connection is cut.

    :param pieces: may be endless; a client that hangs up ends them.
    :param pause: seconds between two pieces.
    """

    pieces: Iterable[bytes] = field(repr=False)
    pause: float = 0.0


@dataclass(frozen=True)
class Hang:
    """Nothing is answered until the server is released or ended."""


@dataclass(frozen=True)
class BrokenTls:
    """The request is read to its end, then bytes that are no TLS come back over the connection."""


Step = Reply | Lost | CutShort | Unframed | Raw | Hang | BrokenTls


def redirect(address: str, status: int = 302) -> Reply:
    """Return an answer that points elsewhere."""
    return Reply(status=status, headers={"Location": address})


@dataclass(frozen=True)
class Request:
    """What arrived; ``body`` is empty where the server only counts."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    length: int

    @property
    def path(self) -> str:
        """The path as it was sent, quoted."""
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        """The decoded query, in order."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)

    @property
    def form(self) -> list[tuple[str, bytes]]:
        """The parts of a multipart form as (head, content), byte by byte."""
        boundary = self.headers["content-type"].partition("boundary=")[2].strip('"').encode()
        pieces = (b"\r\n" + self.body).split(b"\r\n--" + boundary)
        if pieces[0] != b"" or pieces[-1] not in (b"--\r\n", b"--"):
            raise ValueError(f"not a complete form: {self.body[:80]!r} ... {self.body[-80:]!r}")
        parts = [piece.removeprefix(b"\r\n").partition(b"\r\n\r\n") for piece in pieces[1:-1]]
        return [(head.decode(), content) for head, _, content in parts]


class ScriptedServer:
    """Answers one step of the script to each request, in order; a request beyond the script is an error (HTTP 599).

    :param script: the answers; more may be added to ``script`` at any time.
    :param keeps_bodies: False counts the bytes of request bodies and throws them away.
    :param tls: a server-side TLS context; None speaks plain HTTP.
    """

    def __init__(self, *script: Step, keeps_bodies: bool = True, tls: ssl.SSLContext | None = None) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self.keeps_bodies = keeps_bodies
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._http = _HttpServer(("127.0.0.1", 0), _Handler)
        self._http.scripted = self
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def next_step(self, request: Request) -> Step:
        """Remember a request and return what it is answered."""
        with self._lock:
            self.requests.append(request)
            if self.script:
                return self.script.pop(0)
        return Reply({"code": "beyond_the_script", "message": f"{request.method} {request.target}"}, status=599)

    @property
    def asked(self) -> list[str]:
        """Method and target of every request."""
        return [f"{request.method} {request.target}" for request in self.requests]


class _HttpServer(ThreadingHTTPServer):
    scripted: ScriptedServer
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about connections that clients broke: some tests are about just that."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes: without this the second one waits 40 ms for the acknowledgement of the first.
    disable_nagle_algorithm = True

    def answer(self) -> None:
        scripted = cast("_HttpServer", self.server).scripted
        body, length = self._read_body(scripted.keeps_bodies)
        headers = {name.lower(): value for name, value in self.headers.items()}
        step = scripted.next_step(Request(self.command, self.path, headers, body, length))
        match step:
            case Reply():
                self._reply(step)
            case CutShort():
                self._reply(step.reply, step.sent)
                self._cut()
            case Unframed():
                self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + step.content)
                self.close_connection = True
            case Raw():
                self._send_slowly(step, scripted.released)
            case Hang():
                scripted.released.wait(_LONGEST_HANG)
                self._cut()
            case BrokenTls():
                # Below the TLS layer: detach() leaves the connection open and forgets its keys.
                plain = socket.socket(fileno=cast("ssl.SSLSocket", self.connection).detach())
                plain.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                plain.close()
                self.close_connection = True
            case Lost():
                self._cut()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def _reply(self, reply: Reply, sent: int | None = None) -> None:
        content = reply.content
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:sent])
        self.wfile.flush()

    def _send_slowly(self, raw: Raw, released: threading.Event) -> None:
        self.close_connection = True
        with suppress(OSError):
            for piece in raw.pieces:
                self.wfile.write(piece)
                self.wfile.flush()
                if raw.pause and released.wait(raw.pause):
                    return

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _read_body(self, keep: bool) -> tuple[bytes, int]:
        left = int(self.headers.get("Content-Length") or 0)
        kept, length = bytearray(), 0
        while left:
            piece = self.rfile.read(min(left, _PIECE))
            if not piece:
                break
            kept += piece if keep else b""
            length += len(piece)
            left -= len(piece)
        return bytes(kept), length

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def connection_text(host: str, *, key: str = KEY, **extra: Any) -> str:
    """Return an Airflow connection as the JSON of an ``AIRFLOW_CONN_*`` variable."""
    fields = {"conn_type": "twelvelabs", "password": key, "host": host, "extra": {"api_version": "v1.3", **extra}}
    return json.dumps(fields)


def forget_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take proxies out of the environment: they would catch calls to loopback."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
