"""Stub of the service with indexing tasks that become ready at given times; prints its port."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ends: dict[str, float] = {}
requests = 0


class Stub(BaseHTTPRequestHandler):
    """``GET /v1.3/tasks`` with the filters that the provider uses, ``GET /v1.3/tasks/{id}``, and two of its own."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take new jobs: id to the epoch second of its end."""
        ends.clear()
        ends.update(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self._answer({})

    def do_GET(self) -> None:
        """Answer a read."""
        global requests
        parts = urlsplit(self.path)
        if parts.path == "/requests":
            self._answer({"requests": requests})
            return
        requests += 1
        if parts.path == "/v1.3/tasks":
            self._answer(_listed(parse_qs(parts.query)))
        else:
            self._answer(_task(parts.path.rpartition("/")[2], time.time()))

    def _answer(self, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _listed(query: dict[str, list[str]]) -> dict[str, Any]:
    now = time.time()
    since = datetime.fromisoformat(query["updated_at"][0]).timestamp() if "updated_at" in query else 0.0
    assert set(query["status"]) <= {"ready", "failed"}
    assert query["sort_by"] == ["updated_at"]
    ready = sorted((end, job) for job, end in ends.items() if since <= end <= now)[::-1]
    page, limit = int(query["page"][0]), int(query["page_limit"][0])
    shown = [_task(job, now) for _, job in ready[(page - 1) * limit : page * limit]]
    pages = max(1, -(-len(ready) // limit))
    info = {"page": page, "limit_per_page": limit, "total_page": pages, "total_results": len(ready)}
    return {"data": shown, "page_info": info}


def _task(job: str, now: float) -> dict[str, Any]:
    end = ends[job]
    moment = datetime.fromtimestamp(min(end, now), UTC).isoformat()
    status = "ready" if end <= now else "indexing"
    return {"_id": job, "index_id": "0" * 24, "video_id": job, "status": status, "updated_at": moment}


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    request_queue_size = 4096
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", 0), Stub) as server:
        print(server.server_port, flush=True)
        server.serve_forever()
