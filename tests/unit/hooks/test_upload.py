"""Uploads: the exact bytes of the source in constant memory, or a typed error."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from random import Random
from typing import BinaryIO

import pytest

from tests.unit.hooks.conftest import Connect
from tests.unit.scripted_server import KEY, Lost, Reply, ScriptedServer, connection_text
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsConnectionError, TwelveLabsTransientError
from twelvelabs_provider.api.generations import V1_2, V1_3
from twelvelabs_provider.api.search.request import SearchOption, SearchRequest
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.hooks.twelvelabs_async import TwelveLabsAsyncHook

PLUGINS = Path(__file__).parents[3] / "plugins"
CREATED = Reply({"_id": "c1", "status": "processing"}, status=201)
GIB, MIB = 1 << 30, 1 << 20


class Opened:
    """Opens streams and remembers them."""

    def __init__(self, make: Callable[[], BinaryIO]) -> None:
        self.make = make
        self.streams: list[BinaryIO] = []

    def __call__(self) -> BinaryIO:
        self.streams.append(self.make())
        return self.streams[-1]

    @property
    def closed(self) -> list[bool]:
        return [stream.closed for stream in self.streams]


class BrokenStream(BytesIO):
    """A source that fails while it is read."""

    def read(self, size: int | None = -1) -> bytes:
        raise ConnectionResetError("the object store hung up: https://b.example/a.mp4?sig=SIGNATURE")


class SlowStream(BytesIO):
    """A source that gives less than it is asked for, as network streams do."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 1000))


def video(content: bytes, size: int | None = None) -> tuple[FilePart, Opened]:
    source = Opened(lambda: BytesIO(content))
    return FilePart("a.mp4", source, len(content) if size is None else size, "video/mp4"), source


def test_form_is_uploaded_unchanged(connect: Connect) -> None:
    content = b"\r\n--boundary\r\n\x00\xff" + Random(1).randbytes(3 * MIB) + b"\r\n--"
    part, source = video(content)
    with ScriptedServer(CREATED) as server:
        connect(server.origin)
        asset = TwelveLabsHook().execute(V1_3.create_asset(part, user_metadata={"title": "Grüße"}))
    assert asset.id == "c1"
    request = server.requests[0]
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(request.headers["content-length"]) == request.length
    assert "transfer-encoding" not in request.headers
    assert request.headers["x-api-key"] == KEY
    texts = dict(request.form)
    assert texts['Content-Disposition: form-data; name="method"'] == b"direct"
    assert json.loads(texts['Content-Disposition: form-data; name="user_metadata"']) == {"title": "Grüße"}
    head, sent = request.form[-1]
    assert head == 'Content-Disposition: form-data; name="file"; filename="a.mp4"\r\nContent-Type: video/mp4'
    assert sent == content
    assert source.closed == [True]


def test_two_files_in_one_form(connect: Connect) -> None:
    part, _ = video(b"video" * 1000)
    subtitles = FilePart("a.srt", lambda: BytesIO(b"1\n00:00:00,000"), 14, "text/plain")
    with ScriptedServer(Reply({"_id": "t1"})) as server:
        connect(server.origin, api_version="v1.2")
        task = TwelveLabsHook().execute(V1_2.create_task("i1", part, transcription=subtitles))
    assert (task.id, task.video_id) == ("t1", None)
    assert [content for _, content in server.requests[0].form] == [
        b"i1",
        b"en",
        b"true",
        b"1\n00:00:00,000",
        b"video" * 1000,
    ]


def test_parts_of_one_name_are_sent_in_order(connect: Connect) -> None:
    images, sources = zip(*(video(content) for content in (b"first" * 9, b"second")), strict=True)
    request = SearchRequest("i1", (SearchOption.VISUAL, SearchOption.AUDIO), images=(images[0], "https://x/y", *images))
    with ScriptedServer(Reply({"data": []})) as server:
        connect(server.origin)
        TwelveLabsHook().execute(V1_3.search(request))
    sent = [(head.split('"')[1], content) for head, content in server.requests[0].form]
    assert [content for name, content in sent if name == "search_options"] == [b"visual", b"audio"]
    assert [content for name, content in sent if name == "query_media_file"] == [b"first" * 9, b"first" * 9, b"second"]
    assert [source.closed for source in sources] == [[True, True], [True]]


@pytest.mark.parametrize("name", ['qu"ote.mp4', "Grüße.mp4", "a\r\nX-Evil: 1.mp4", "a; name=x.mp4", "video"])
def test_file_name_cannot_inject_headers(connect: Connect, name: str) -> None:
    part = FilePart(name, lambda: BytesIO(b"video"), 5)
    with ScriptedServer(CREATED) as server:
        connect(server.origin)
        TwelveLabsHook().execute(V1_3.create_asset(part))
    head, content = server.requests[0].form[-1]
    assert content == b"video"
    lines = head.split("\r\n")
    assert [line.partition(":")[0] for line in lines] == ["Content-Disposition", "Content-Type"]
    assert lines[0].startswith('Content-Disposition: form-data; name="file"; filename')


def test_source_with_short_reads_is_uploaded(connect: Connect) -> None:
    content = Random(2).randbytes(100_000)
    part = FilePart("a.mp4", lambda: SlowStream(content), len(content))
    with ScriptedServer(CREATED) as server:
        connect(server.origin)
        TwelveLabsHook().execute(V1_3.create_asset(part))
    assert server.requests[0].form[-1][1] == content


def test_refused_upload_is_repeated_from_a_new_stream(connect: Connect, pauses: list[float]) -> None:
    content = Random(3).randbytes(MIB)
    part, source = video(content)
    with ScriptedServer(Reply(status=429, headers={"Retry-After": "1"}), CREATED) as server:
        connect(server.origin)
        TwelveLabsHook().execute(V1_3.create_asset(part))
    assert [request.form[-1][1] == content for request in server.requests] == [True, True]
    assert source.closed == [True, True]
    assert len(pauses) == 1


def test_upload_is_not_repeated_after_a_lost_response(connect: Connect) -> None:
    part, source = video(b"video")
    with ScriptedServer(Lost(), CREATED) as server:
        connect(server.origin)
        with pytest.raises(TwelveLabsAmbiguousError):
            TwelveLabsHook().execute(V1_3.create_asset(part))
    assert len(server.requests) == 1
    assert source.closed == [True]


def test_empty_file_is_uploaded(connect: Connect) -> None:
    part, _ = video(b"")
    with ScriptedServer(CREATED) as server:
        connect(server.origin)
        TwelveLabsHook().execute(V1_3.create_asset(part))
    assert server.requests[0].form[-1][1] == b""


@pytest.mark.parametrize("missing", [1, MIB])
def test_shrinking_source_is_an_error_and_creates_nothing(connect: Connect, missing: int) -> None:
    part, source = video(b"x" * MIB, size=MIB + missing)
    with ScriptedServer(CREATED, CREATED) as server:
        connect(server.origin)
        with pytest.raises(
            TwelveLabsTransientError, match=rf"a\.mp4 changed .* ended {missing} bytes before its {MIB + missing}"
        ):
            TwelveLabsHook().execute(V1_3.create_asset(part))
    assert source.closed == [True]
    assert len(server.requests) <= 1, "it is not tried again: the source is another one now"
    assert all(request.length < int(request.headers["content-length"]) for request in server.requests)


def test_growing_source_is_sent_up_to_its_first_size(connect: Connect) -> None:
    part, _ = video(b"x" * 1000 + b"y" * 1000, size=1000)
    with ScriptedServer(CREATED) as server:
        connect(server.origin)
        TwelveLabsHook().execute(V1_3.create_asset(part))
    assert server.requests[0].form[-1][1] == b"x" * 1000


def test_unreadable_source_is_not_a_lost_response(connect: Connect) -> None:
    source = Opened(BrokenStream)
    with ScriptedServer(CREATED) as server:
        connect(server.origin)
        with pytest.raises(TwelveLabsTransientError, match=r"became unreadable .*ConnectionResetError") as caught:
            TwelveLabsHook().execute(V1_3.create_asset(FilePart("a.mp4", source, 100)))
    assert not isinstance(caught.value, TwelveLabsAmbiguousError)
    assert "SIGNATURE" not in str(caught.value)
    assert source.closed == [True]


def test_async_hook_refuses_uploads(connect: Connect) -> None:
    part, source = video(b"video")

    async def upload() -> None:
        async with TwelveLabsAsyncHook() as hook:
            await hook.execute(V1_3.create_asset(part))

    with ScriptedServer() as server:
        connect(server.origin)
        with pytest.raises(TypeError, match="work for a worker"):
            asyncio.run(upload())
    assert (server.requests, source.streams) == ([], [])


UPLOAD = """
import sys
from pathlib import Path
from twelvelabs_provider.api.generations import V1_3
from twelvelabs_provider.api.call import FilePart
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

def peak():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024

hook = TwelveLabsHook()
for path in map(Path, sys.argv[1:]):
    before = peak()
    hook.execute(V1_3.create_asset(FilePart(path.name, lambda: path.open("rb"), path.stat().st_size)))
    print(peak() - before)
"""


@pytest.mark.large
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's peak memory from /proc")
def test_upload_of_two_gib_needs_little_memory(tmp_path: Path) -> None:
    """The first upload is a small one, so that what is loaded once does not count."""
    small, large = tmp_path / "small.mp4", tmp_path / "large.mp4"
    for path, size in ((small, MIB), (large, 2 * GIB)):
        with path.open("wb") as stream:
            stream.truncate(size)
    with ScriptedServer(CREATED, CREATED, keeps_bodies=False) as server:
        environment = {
            **os.environ,
            "PYTHONPATH": str(PLUGINS),
            "AIRFLOW_CONN_TWELVELABS_DEFAULT": connection_text(server.origin),
        }
        run = subprocess.run(
            [sys.executable, "-c", UPLOAD, str(small), str(large)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert run.returncode == 0, run.stderr
    growth = int(run.stdout.split()[-1])
    assert server.requests[-1].length > 2 * GIB
    assert growth < 64 * MIB, f"the process grew by {growth / MIB:.0f} MiB"


def test_aborted_upload_is_known_not_to_have_happened(connect: Connect, tmp_path: Path) -> None:
    """The other side hangs up in the middle of the body: no whole request ever reached it."""
    big = tmp_path / "big.mp4"
    with big.open("wb") as file:
        file.truncate(64 << 20)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            connection, _ = listening.accept()
            connection.recv(1 << 16)
            # No polite end: what was sent and not read makes the kernel reset the connection.
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        connect(f"http://127.0.0.1:{listening.getsockname()[1]}", max_attempts=1)
        hook = TwelveLabsHook()
        part = FilePart("big.mp4", lambda: big.open("rb"), 64 << 20)
        with pytest.raises(TwelveLabsConnectionError, match=r"upload stopped [\d,]+ bytes before its end"):
            hook.execute(hook.api.create_task("i1", part))
