"""A Cloud Storage server for tests: the part of the JSON API that gcsfs uses, behind a service account's sign-in.

What the registries have does not do: the emulator of PyPI asks for no sign-in, cancels no upload, knows no
preconditions and answers one request at a time. This one does those as Google documents them: answers for signed
assertions and links only, resumable uploads in pieces of 256 KiB that may be cancelled (499), generations and
``ifGenerationMatch`` (412), and every read sees whole objects. It knows no versions, no ACLs, no copies between
objects, no batches, and no hierarchical or zonal buckets.

``python -m tests.servers.gcs_server public-key.pem`` prints its address and serves until it is ended.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import sys
import time
from email.parser import HeaderParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers.gcs_objects import Objects, Refusal, StoredObject, Upload, resource

_JSON = "application/json; charset=UTF-8"
_PIECE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_OBJECT = re.compile(r"(?:/download)?/storage/v1/b/([^/]+)/o/([^/]+)")
_BUCKET = re.compile(r"/storage/v1/b/([^/]+)")
_LISTING = re.compile(r"/storage/v1/b/([^/]+)/o")
_UPLOAD = re.compile(r"/upload/storage/v1/b/([^/]+)/o")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_PAGE = 1000
_AUDIENCE = "https://oauth2.googleapis.com/token"
"""What a service account asserts to Google, wherever its token address leads."""


class Server(ThreadingHTTPServer):
    """The server and what it keeps."""

    daemon_threads = True

    def __init__(self, public_key: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.public_key = public_key
        self.objects = Objects()
        self.tokens: set[str] = set()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client is gone in the middle of it
            self.close_connection = True
            return
        split = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
        try:
            self._route(split.path, body)
        except Refusal as refusal:
            error = {"code": refusal.status, "message": refusal.message, "errors": [{"message": refusal.message}]}
            self._send(refusal.status, json.dumps({"error": error}).encode())

    def _route(self, path: str, body: bytes) -> None:
        if path == "/token":
            return self._sign_in(body)
        if path == "/_unfinished":
            return self._send_json(list(self.server.objects.unfinished(self.query["bucket"])))
        if "GoogleAccessId" in self.query and self.command == "GET":
            return self._linked(path)
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.server.tokens:
            raise Refusal(401, "Request had invalid authentication credentials.")
        if match := _UPLOAD.fullmatch(path):
            return self._upload(unquote(match[1]), body)
        if match := _OBJECT.fullmatch(path):
            return self._object(unquote(match[1]), unquote(match[2]))
        if match := _LISTING.fullmatch(path):
            return self._list(unquote(match[1]))
        if match := _BUCKET.fullmatch(path):
            self.server.objects.bucket(name := unquote(match[1]))
            return self._send_json({"kind": "storage#bucket", "name": name, "id": name})
        if path == "/storage/v1/b" and self.command == "POST":
            self.server.objects.create_bucket(json.loads(body)["name"])
            return self._send_json({})
        raise Refusal(501, f"This server has no {self.command} {path}.")

    def _sign_in(self, body: bytes) -> None:
        from google.auth import exceptions, jwt

        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        try:
            jwt.decode(form["assertion"], certs=self.server.public_key, audience=_AUDIENCE)
        except (ValueError, KeyError, exceptions.GoogleAuthError):
            answer = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            return self._send(400, json.dumps(answer).encode())
        token = "ya29." + secrets.token_urlsafe(48)
        self.server.tokens.add(token)
        self._send_json({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def _linked(self, path: str) -> None:
        """Answer a request to a link signed by a service account (version 2 of Google's signatures)."""
        from google.auth.crypt import RSAVerifier

        expires, signature = self.query["Expires"], base64.b64decode(self.query["Signature"])
        signed = f"GET\n\n\n{expires}\n{path}".encode()
        if not RSAVerifier.from_string(self.server.public_key).verify(signed, signature):
            raise Refusal(403, "SignatureDoesNotMatch")
        if int(expires) < time.time():
            raise Refusal(400, "ExpiredToken")
        bucket, _, name = unquote(path).lstrip("/").partition("/")
        self._send_content(self.server.objects.get(bucket, name))

    def _object(self, bucket: str, name: str) -> None:
        if self.command == "DELETE":
            self.server.objects.delete(bucket, name, self.query.get("ifGenerationMatch"))
            return self._send(204, b"")
        stored = self.server.objects.get(bucket, name)
        if self.query.get("alt") == "media":
            return self._send_content(stored)
        self._send_json(resource(bucket, stored))

    def _send_content(self, stored: StoredObject) -> None:
        content, size = stored.content, len(stored.content)
        match = _RANGE.fullmatch(self.headers.get("Range", ""))
        if not match:
            return self._send(200, content, stored.content_type)
        start = int(match[1]) if match[1] else max(0, size - int(match[2]))
        end = min(size, int(match[2]) + 1) if match[1] and match[2] else size
        if start >= size:
            raise Refusal(416, "Request range not satisfiable")
        self._send(206, content[start:end], stored.content_type, {"Content-Range": f"bytes {start}-{end - 1}/{size}"})

    def _list(self, bucket: str) -> None:
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        page, after = int(self.query.get("maxResults") or _PAGE), self.query.get("pageToken", "")
        objects, found = self.server.objects.bucket(bucket), dict[str, Any]()
        for name in self.server.objects.names(bucket):
            head, cut, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
            entry = prefix + head + cut if cut else name
            if name.startswith(prefix) and entry > after and (cut or name in objects):
                found[entry] = None if cut else resource(bucket, objects[name])
        shown = list(found.items())[: min(page, _PAGE)]
        answer: dict[str, Any] = {"kind": "storage#objects", "items": [item for _, item in shown if item]}
        answer["prefixes"] = [entry for entry, item in shown if not item]
        if len(shown) < len(found):
            answer["nextPageToken"] = shown[-1][0]
        self._send_json(answer)

    def _upload(self, bucket: str, body: bytes) -> None:
        objects, only_if = self.server.objects, self.query.get("ifGenerationMatch")
        if upload_id := self.query.get("upload_id"):
            return self._go_on(upload_id, body)
        if self.query.get("uploadType") == "resumable":
            content_type = self.headers.get("X-Upload-Content-Type", "application/octet-stream")
            name = self.query.get("name") or json.loads(body)["name"]
            upload_id = objects.begin_upload(bucket, name, content_type, only_if)
            address = f"http://{self.headers['Host']}{self.path}&upload_id={upload_id}"
            return self._send(200, b"", headers={"Location": address})
        if self.query.get("uploadType") != "multipart":
            raise Refusal(400, "uploadType")
        name, content, content_type = _parts(self.headers["Content-Type"], body)
        self._send_json(resource(bucket, objects.put(bucket, name, content, content_type, only_if)))

    def _go_on(self, upload_id: str, body: bytes) -> None:
        if self.command == "DELETE":
            self.server.objects.cancel(upload_id)
            return self._send(499, b"")
        match = _PIECE.fullmatch(self.headers.get("Content-Range", ""))
        if not match or (match[1] and int(match[2]) - int(match[1]) + 1 != len(body)):
            raise Refusal(400, "Content-Range")
        start = int(match[1]) if match[1] else None
        total = int(match[3]) if match[3] != "*" else None
        self._send_progress(self.server.objects.add(upload_id, start, total, body))

    def _send_progress(self, upload: Upload) -> None:
        if upload.finished:
            return self._send_json(resource(upload.bucket, upload.finished))
        have = len(upload.received)
        self._send(308, b"", headers={"Range": f"bytes=0-{have - 1}"} if have else {})

    def _send_json(self, answer: Any) -> None:
        self._send(200, json.dumps(answer).encode())

    def _send(
        self, status: int, content: bytes, content_type: str = _JSON, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _parts(content_type: str, body: bytes) -> tuple[str, bytes, str]:
    """Name, content and type of an upload in one request."""
    boundary = HeaderParser().parsestr(f"Content-Type: {content_type}\n\n").get_boundary() or ""
    mark = b"--" + boundary.encode()
    _, described, rest = body.split(mark, 2)
    header, content = _BLANK_LINE.split(rest, 1)
    content = content[: content.rindex(mark)].removesuffix(b"\n").removesuffix(b"\r")
    name = json.loads(_BLANK_LINE.split(described, 1)[1])["name"]
    return name, content, HeaderParser().parsestr(header.decode().strip()).get_content_type()


def main() -> None:
    """Serve until ended."""
    server = Server(Path(sys.argv[1]).read_text())
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
