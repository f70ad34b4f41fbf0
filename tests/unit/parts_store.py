"""Multipart uploads of the service and their store: counts requests, and fails on demand."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any, BinaryIO, Self, cast

from twelvelabs_provider.hooks.multipart import PartSource

_PIECE = 1 << 20
SIGNATURE = "SIGNATURE0OF0AN0ADDRESS"
CUT = 0
"""A status of :attr:`PartsStore.trouble`: the connection is cut without an answer."""


@dataclass
class Put:
    """A part that arrived."""

    index: int
    nonce: str
    length: int
    headers: dict[str, str]
    body: bytes


@dataclass
class PartsStore:
    """One upload session.

    :param total: bytes of the file.
    :param chunk_size: bytes of a part.
    :param links_at_first: how many addresses come with the session.
    :param keeps_bodies: False counts the bytes of parts and throws them away.
    :param trouble: statuses that the next requests for a part are answered with instead.
    :param headers: that the answers to parts have.
    :param refuses: whether a call of the API with this path and these headers is answered with 401.
    :param status: of the session; one that is not ``active`` refuses reports and addresses.
    """

    total: int
    chunk_size: int
    links_at_first: int = 2
    keeps_bodies: bool = True
    trouble: dict[int, list[int]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    status: str = "active"
    asset_status: str = "processing"
    refuses: Callable[[str, Mapping[str, str]], bool] = lambda *_: False
    puts: list[Put] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    reports: list[list[int]] = field(default_factory=list)
    completed: set[int] = field(default_factory=set)
    sessions: int = 0
    most_at_once: int = 0
    _used: set[str] = field(default_factory=set)
    _now: int = 0
    _links: int = 0
    _forgotten: int = 0

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.store = self
        self.origin = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def chunks(self) -> int:
        """How many parts there are."""
        return -(-self.total // self.chunk_size)

    @property
    def content(self) -> bytes:
        """The file as it arrived."""
        whole = {put.index: put.body for put in self.puts}
        return b"".join(whole[index] for index in sorted(whole))

    @property
    def sent(self) -> list[int]:
        """Which parts arrived, in order of their index."""
        return sorted(put.index for put in self.puts)

    def forget_puts(self) -> None:
        """Forget the parts that came, and those that are still on their way to addresses of before."""
        with self.lock:
            self._forgotten = self._links
            self.puts.clear()

    def links(self, start: int, count: int) -> list[dict[str, Any]]:
        """Make addresses."""
        made = []
        for index in range(start, start + count):
            self._links += 1
            made.append({"chunk_index": index, "url": f"{self.origin}/part/{index}?n={self._links}&sig={SIGNATURE}"})
        return made

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Answer a call of the API."""
        tail = path.rpartition("/")[2].partition("?")[0]
        self.asked[f"{method} {tail}"] += 1
        if path.endswith("/multipart-uploads"):
            self.sessions += 1
            self.completed, self.status = set(), "active"
            return 201, self._session()
        if "/multipart-uploads/" not in path:
            return 200, {"_id": "c1", "status": self.asset_status, "method": "multipart"}
        if method == "GET":
            return 200, self._state(int((re.search(r"[?&]page=(\d+)", path) or ("", "1"))[1]))
        if self.status == "unknown":
            return 404, {"code": "resource_not_exist", "message": "no such upload"}
        if self.status != "active":
            return 400, {"code": "upload_not_active", "message": f"it is {self.status}"}
        if tail == "presigned-urls":
            return 200, {"upload_urls": self.links(body["start"], body["count"])}
        return 200, self._reported([chunk["chunk_index"] for chunk in body["completed_chunks"]])

    def _session(self) -> dict[str, Any]:
        links = self.links(1, min(self.links_at_first, self.chunks))
        size = {"chunk_size": self.chunk_size, "total_chunks": self.chunks}
        headers = {"Content-Type": "application/octet-stream", "x-wanted": "yes"}
        return {
            "upload_id": f"u{self.sessions}",
            "asset_id": "c1",
            **size,
            "upload_urls": links,
            "upload_headers": headers,
        }

    def _state(self, page: int) -> dict[str, Any]:
        listed = sorted(self.completed)[(page - 1) * 50 : page * 50]
        chunks = [{"index": index, "status": "completed"} for index in listed]
        info = {"page": page, "total_page": max(1, -(-len(self.completed) // 50)), "total_results": len(self.completed)}
        return {"upload_id": "u1", "status": self.status, "uploaded_chunks": chunks, "page_info": info}

    def _reported(self, indices: list[int]) -> dict[str, Any]:
        self.reports.append(indices)
        self.completed |= set(indices)
        whole = {"url": "https://service.example/c1"} if len(self.completed) == self.chunks else {}
        return {"asset_id": "c1", "processed_chunks": len(indices), "total_completed": len(self.completed), **whole}

    def put(self, put: Put) -> int:
        """Take a part and return the status of the answer."""
        if trouble := self.trouble.get(put.index):
            return trouble.pop(0)
        if put.nonce in self._used:
            return 403
        self._used.add(put.nonce)
        if int(put.nonce) > self._forgotten:
            self.puts.append(put)
        return 200


def source_of(content: bytes) -> PartSource:
    """Return the source of a file ``a.mp4``."""

    def open_range(start: int, size: int) -> BinaryIO:
        return BytesIO(content[start : start + size])

    return PartSource("a.mp4", len(content), open_range)


class _Server(ThreadingHTTPServer):
    store: PartsStore
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about connections that clients broke."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def api(self) -> None:
        store = cast("_Server", self.server).store
        text, _ = self._read(True)
        with store.lock:
            headers = {name.lower(): value for name, value in self.headers.items()}
            if store.refuses(self.path, headers):
                status, body = 401, {"code": "api_key_invalid", "message": "The API key is invalid."}
            else:
                status, body = store.answer(self.command, self.path, json.loads(text) if text else None)
        self._reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})

    do_GET = do_POST = do_DELETE = api

    def do_PUT(self) -> None:
        store = cast("_Server", self.server).store
        with store.lock:
            store._now += 1
            store.most_at_once = max(store.most_at_once, store._now)
        body, length = self._read(store.keeps_bodies)
        index, nonce = re.findall(r"/part/(\d+)\?n=(\d+)", self.path)[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        with store.lock:
            store._now -= 1
            status = store.put(Put(int(index), nonce, length, headers, body))
        if status == CUT:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        error = f"<Error><Code>AccessDenied</Code><Message>{self.path}</Message></Error>".encode()
        self._reply(status, b"" if status == 200 else error, {"ETag": f'"etag-{index}"', **store.headers})

    def _read(self, keep: bool) -> tuple[bytes, int]:
        left = int(self.headers.get("Content-Length") or 0)
        kept, length = bytearray(), 0
        while left and (piece := self.rfile.read(min(left, _PIECE))):
            kept += piece if keep else b""
            length += len(piece)
            left -= len(piece)
        return bytes(kept), length

    def _reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
