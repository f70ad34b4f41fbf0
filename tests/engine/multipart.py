"""Multipart uploads: videos of an exact size, and a client that sends single parts."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.engine.client import Api

CHUNK = 64 * 1024


def padded(video: Path, target: Path, size: int) -> Path:
    """Pad an MP4 file to an exact size with a box that players skip."""
    content = video.read_bytes()
    rest = size - len(content)
    assert rest >= 8, f"{video.name} has {len(content)} bytes already"
    with target.open("wb") as file:
        file.write(content + struct.pack(">I4s", rest, b"free"))
        file.truncate(size)
    return target


@dataclass
class Sender:
    """A client that sends single parts of one file."""

    api: Api
    file: Path
    session: dict[str, Any]

    @classmethod
    def begin(cls, api: Api, file: Path, **fields: Any) -> Sender:
        """Create a session."""
        body = {"filename": file.name, "type": "video", "total_size": file.stat().st_size, **fields}
        return cls(api, file, api.expect(201, "POST", "/assets/multipart-uploads", json=body))

    @property
    def path(self) -> str:
        """The path of the session."""
        return f"/assets/multipart-uploads/{self.session['upload_id']}"

    def part(self, number: int) -> bytes:
        """Return the content of a part."""
        size = self.session["chunk_size"]
        return self.file.read_bytes()[(number - 1) * size : number * size]

    def url(self, number: int) -> str:
        """Return the first presigned URL of a part."""
        return next(str(link["url"]) for link in self.session["upload_urls"] if link["chunk_index"] == number)

    def fresh_url(self, number: int) -> str:
        """Return a new presigned URL of a part."""
        made = self.api.expect(200, "POST", f"{self.path}/presigned-urls", json={"start": number, "count": 1})
        return str(made["upload_urls"][0]["url"])

    def put(self, number: int, url: str | None = None, content: bytes | None = None) -> requests.Response:
        """Send a part without the API key."""
        body = self.part(number) if content is None else content
        return requests.put(url or self.url(number), data=body, headers=self.session["upload_headers"], timeout=30)

    def sent(self, numbers: Iterable[int]) -> list[dict[str, Any]]:
        """Send parts and return their reports."""
        return [self.report_of(number, self.put(number)) for number in numbers]

    def report_of(self, number: int, response: requests.Response, **other: Any) -> dict[str, Any]:
        """Return the report of one part."""
        assert response.status_code == 200, response.text
        proof = response.headers["ETag"]
        assert proof.startswith('"')
        report = {"chunk_index": number, "proof": proof.strip('"'), "proof_type": "etag"}
        return {**report, "chunk_size": len(self.part(number)), **other}

    def report(self, chunks: list[dict[str, Any]]) -> Any:
        """Report parts."""
        return self.api.expect(200, "POST", self.path, json={"completed_chunks": chunks})
