"""API client of the engine that checks each response."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.engine_process import Engine

DEADLINE = 180.0
PAUSE = 0.05
LEGACY_OPTIONS = ("visual", "conversation", "text_in_video")


@dataclass(frozen=True)
class Api:
    """One generation of an engine's API.

    :param engine: the engine.
    :param version: the first part of the paths.
    """

    engine: Engine
    version: str = "v1.3"

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request with the API key."""
        headers = {"x-api-key": self.engine.api_key, **options.pop("headers", {})}
        url = f"{self.engine.base_url}/{self.version}{path}"
        return requests.request(method, url, headers=headers, timeout=60, **options)

    def expect(self, status: int, method: str, path: str, **options: Any) -> Any:
        """Send a request, check the status, and return the body (None when it is empty)."""
        response = self.send(method, path, **options)
        assert response.status_code == status, response.text
        assert response.headers["x-request-id"]
        return response.json() if response.content else None

    def refused(self, status: int, code: str, method: str, path: str, *, wrapped: bool = False, **options: Any) -> str:
        """Send a request that must fail, check status, error code and body, and return the message."""
        body = self.expect(status, method, path, **options)
        error = body["error"] if wrapped else body
        assert set(error) == {"code", "message"}
        assert error["code"] == code, error
        return str(error["message"])

    def get(self, path: str, **query: Any) -> Any:
        """Read a resource."""
        return self.expect(200, "GET", path, params=query)

    def create_index(self, name: str, options: Sequence[str] | None = None) -> str:
        """Create an index and return its id."""
        status = 200 if self.version == "v1.1" else 201
        return str(self.expect(status, "POST", "/indexes", json=self.index(name, options))["_id"])

    def index(self, name: str, options: Sequence[str] | None = None) -> dict[str, Any]:
        """Return a request for an index."""
        if self.version == "v1.3":
            model = {"model_name": "marengo3.0", "model_options": list(options or ("visual", "audio"))}
            return {"index_name": name, "models": [model]}
        if self.version == "v1.2":
            engine = {"engine_name": "marengo2.6", "engine_options": list(options or LEGACY_OPTIONS)}
            return {"index_name": name, "engines": [engine]}
        return {"index_name": name, "engine_id": "marengo2.5", "index_options": list(options or LEGACY_OPTIONS)}

    def task(self, index_id: str, video: Path | None, expect: int = 200, **fields: Any) -> Any:
        """Create a task from a file; other files and fields as given. Return the body."""
        files = {name: value for name, value in fields.items() if isinstance(value, Path)}
        data = {"index_id": index_id, **{name: value for name, value in fields.items() if name not in files}}
        if self.version == "v1.1":
            data = {"language": "en", **data}
        if video:
            files["video_file"] = video
        return self.expect(expect, "POST", "/tasks", files=multipart(data, files))

    def index_video(self, index_id: str, video: Path, **fields: Any) -> str:
        """Index a video, wait until it is ready, and return its id."""
        task_id = self.task(index_id, video, **fields)["_id"]
        return str(self.finished(f"/tasks/{task_id}")["video_id"])

    def asset(self, video: Path, **fields: Any) -> str:
        """Upload an asset, wait until it is ready, and return its id."""
        return str(self.finished(f"/assets/{self.upload(video, **fields)['_id']}")["_id"])

    def upload(self, video: Path, expect: int = 201, **fields: Any) -> Any:
        """Upload an asset and return the body."""
        files = {"file": (video.name, video.read_bytes())}
        return self.expect(expect, "POST", "/assets", data={"method": "direct", **fields}, files=files)

    def analysis(self, request: Mapping[str, Any]) -> Any:
        """Run an analysis, wait for its end, and return the body."""
        task = self.expect(202, "POST", "/analyze/tasks", json=request)
        return self.finished(f"/analyze/tasks/{task['task_id']}")

    def finished(self, path: str, status: str = "ready", seconds: float = DEADLINE) -> Any:
        """Poll a resource until it has ended, check its status, and return it."""

        def ended() -> Any:
            body = self.get(path)
            return body if body["status"] in ("ready", "failed", "canceled") else None

        body = until(ended, seconds)
        assert body["status"] == status, body
        return body


def multipart(fields: Mapping[str, str], files: Mapping[str, Path] | None = None) -> dict[str, Any]:
    """Return the parts of a form for ``requests``, which sends a multipart form without files only in this way."""
    texts = {name: (None, value) for name, value in fields.items()}
    return {**texts, **{name: (path.name, path.read_bytes()) for name, path in (files or {}).items()}}


def until(condition: Callable[[], Any], seconds: float = DEADLINE) -> Any:
    """Poll a condition until it is true, and return its value.

    :param condition: returns something true at last.
    :param seconds: how long to ask.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{condition} is still {found!r} after {seconds:g} s"
        time.sleep(PAUSE)
    return found
