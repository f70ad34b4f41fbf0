"""Limits of response bodies in both hooks: size, compression, time."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from tests.unit.hooks.conftest import Connect, Execute
from tests.unit.scripted_server import Raw, Reply, ScriptedServer, Step, connection_text
from twelvelabs_provider.api.call import LARGEST_RESPONSE, Framing, Method, StreamedCall
from twelvelabs_provider.api.errors import (
    TwelveLabsAmbiguousError,
    TwelveLabsAnswerError,
    TwelveLabsBadRequestError,
    TwelveLabsServerError,
)
from twelvelabs_provider.api.generations import V1_3
from twelvelabs_provider.hooks.response_body import LARGEST_ERROR_BODY
from twelvelabs_provider.hooks.signed_links import fetch_signed
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

READ = V1_3.read_index("i1")
INDEX = {"_id": "i1", "index_name": "demo"}
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MIB = 1024**2


def deflated(content: bytes, window: int) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(content) + packer.flush()


def encoded(body: bytes, encoding: str, status: int = 200) -> Reply:
    return Reply(body, status, {"Content-Encoding": encoding})


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


JSON = json.dumps(INDEX).encode()
READABLE: dict[str, Step] = {
    "gzip": encoded(gzip.compress(JSON), "gzip"),
    "x-gzip": encoded(gzip.compress(JSON), "X-GZIP"),
    "two gzip members": encoded(gzip.compress(JSON[:9]) + gzip.compress(b"") + gzip.compress(JSON[9:]), "gzip"),
    "deflate": encoded(deflated(JSON, zlib.MAX_WBITS), "deflate"),
    "deflate without header": encoded(deflated(JSON, -zlib.MAX_WBITS), "deflate"),
    "identity": encoded(JSON, "identity"),
    "chunked": Raw([CHUNKED, *(chunk(JSON[start : start + 3]) for start in range(0, len(JSON), 3)), b"0\r\n\r\n"]),
}


@pytest.mark.parametrize("name", READABLE)
def test_every_accepted_encoding_is_read(execute: Execute, connect: Connect, name: str) -> None:
    with ScriptedServer(READABLE[name]) as server:
        connect(server.origin)
        assert execute(READ).name == "demo"
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


def test_completely_read_response_reuses_its_connection(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedServer(READABLE["gzip"], Reply(INDEX), Reply({"code": "x"}, 400), Reply(INDEX)) as server:
        connect(server.origin)
        hook = TwelveLabsHook()
        for _ in range(2):
            hook.execute(READ)
        with pytest.raises(TwelveLabsBadRequestError):
            hook.execute(READ)
        hook.execute(READ)
    assert caplog.text.count("Starting new HTTP connection") == 1


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip,deflate", "compress", "x\x7f"])
def test_unrequested_encoding_is_refused(execute: Execute, connect: Connect, encoding: str) -> None:
    with ScriptedServer(encoded(b"x" * 100, encoding)) as server:
        connect(server.origin)
        with pytest.raises(
            TwelveLabsAnswerError, match=r"the response to GET /indexes/i1 has the encoding .* gzip, deflate"
        ):
            execute(READ)


def test_error_in_an_unrequested_encoding_keeps_its_type(execute: Execute, connect: Connect) -> None:
    with ScriptedServer(encoded(b"x" * 100, "br", 400)) as server:
        connect(server.origin)
        with pytest.raises(TwelveLabsBadRequestError, match="HTTP 400"):
            execute(READ)


@pytest.mark.parametrize("body", [gzip.compress(JSON)[:-9], b"no gzip at all"], ids=["cut", "none"])
def test_invalid_encoding_is_a_lost_response(execute: Execute, connect: Connect, body: bytes) -> None:
    with ScriptedServer(encoded(body, "gzip")) as server:
        connect(server.origin, max_attempts=1)
        with pytest.raises(TwelveLabsAmbiguousError):
            execute(READ)


def test_endless_response_ends_at_its_size_limit(execute: Execute, connect: Connect) -> None:
    sent = []

    def pieces() -> Iterator[bytes]:
        yield CHUNKED
        for piece in repeat(chunk(b" " * MIB)):
            sent.append(MIB)
            yield piece

    with ScriptedServer(Raw(pieces())) as server:
        connect(server.origin)
        with pytest.raises(TwelveLabsAnswerError, match=f"larger than {LARGEST_RESPONSE:,} bytes"):
            execute(READ)
    assert sum(sent) < LARGEST_RESPONSE + 32 * MIB


def test_endless_error_keeps_its_type_and_beginning(execute: Execute, connect: Connect) -> None:
    head = b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n"
    with ScriptedServer(Raw(chain([head], repeat(chunk(b"too busy " * 10_000))))) as server:
        connect(server.origin, max_attempts=1)
        with pytest.raises(TwelveLabsServerError, match="HTTP 503: too busy") as caught:
            execute(READ)
    assert len(str(caught.value)) < 1000
    assert LARGEST_ERROR_BODY < MIB


DRIPS = {
    "the head": (b"HTTP/1.1 200 OK\r\n", b"X"),
    "interim responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" "),
    "chunks": (CHUNKED, chunk(b" ")),
    "the size of a chunk": (CHUNKED, b"0"),
    "an error": (b"HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\n", b" "),
}


@pytest.mark.parametrize("name", DRIPS)
def test_slow_response_ends_at_its_time_limit(execute: Execute, connect: Connect, name: str) -> None:
    """Each byte comes within the read timeout, so that only a deadline for the whole can end it."""
    head, drop = DRIPS[name]
    with ScriptedServer(Raw(chain([head], repeat(drop)), 0.05)) as server:
        connect(server.origin, read_timeout=0.2, connect_timeout=0.5, max_attempts=1)
        with pytest.raises(TwelveLabsAmbiguousError, match=r"not complete after|timed out"):
            execute(READ)


def test_slow_stream_ends_at_its_time_limit(connect: Connect) -> None:
    with ScriptedServer(Raw(chain([CHUNKED], repeat(chunk(b" "))), 0.05)) as server:
        connect(server.origin, read_timeout=0.2, max_attempts=1)
        with pytest.raises(TwelveLabsAmbiguousError, match="not complete after"):
            list(TwelveLabsHook().stream(StreamedCall(Method.GET, "/records", str)))


def test_slow_reader_of_a_stream_loses_nothing(connect: Connect) -> None:
    with ScriptedServer(Reply(b'{"a": 1}\n{"a": 2}\n' + b" " * MIB)) as server:
        connect(server.origin, read_timeout=0.1, max_attempts=1)
        records = TwelveLabsHook().stream(StreamedCall(Method.GET, "/records", dict))
        first = next(records)
        server.released.wait(0.8)
        assert [first, *records] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("framing", list(Framing))
def test_endless_record_is_refused(connect: Connect, framing: Framing) -> None:
    with ScriptedServer(Raw(chain([CHUNKED], repeat(chunk(b"data: " + b"x" * MIB))))) as server:
        connect(server.origin)
        with pytest.raises(TwelveLabsAnswerError, match="larger than 16,777,216 bytes"):
            list(TwelveLabsHook().stream(StreamedCall(Method.GET, "/records", str, framing=framing)))


def test_signed_link_has_its_own_size_limit(connect: Connect) -> None:
    bomb = gzip.compress(bytes(100 * MIB))
    with ScriptedServer(Reply(b"picture"), encoded(bomb, "gzip"), Reply(b"x" * 2000)) as server:
        connect(server.origin)
        endpoint = TwelveLabsHook().endpoint
        assert fetch_signed(server.origin, endpoint, 1000) == b"picture"
        for _ in range(2):
            with pytest.raises(TwelveLabsAnswerError, match="1,000 bytes"):
                fetch_signed(server.origin, endpoint, 1000)


_MEASURE = """
import resource
from twelvelabs_provider.api.generations import V1_3
from twelvelabs_provider.api.errors import TwelveLabsError
from tests.unit.hooks.conftest import execute_in_the_triggerer, execute_on_a_worker

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

for execute in (execute_on_a_worker, execute_in_the_triggerer):
    execute(V1_3.read_index("i1"))
    for _ in range(2):
        before = peak()
        try:
            execute(V1_3.read_index("i1"))
        except TwelveLabsError as error:
            print(type(error).__name__, peak() - before)
"""


def test_compressed_bomb_needs_little_memory() -> None:
    packer = zlib.compressobj(9)
    deflate = b"".join(packer.compress(bytes(16 * MIB)) for _ in range(16)) + packer.flush()
    bombs = [encoded(gzip.compress(bytes(16 * MIB)) * 64, "gzip"), encoded(deflate, "deflate")]
    with ScriptedServer(Reply(INDEX), *bombs, Reply(INDEX), *bombs) as server:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "AIRFLOW_CONN_TWELVELABS_DEFAULT": connection_text(server.origin, max_attempts=1),
        }
        root = Path(__file__).parents[3]
        environment["PYTHONPATH"] = os.pathsep.join([str(root), str(root / "plugins")])
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE],
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=True,
        )
    found = re.findall(r"TwelveLabsAnswerError (\d+)", done.stdout)
    assert len(found) == 4
    assert all(int(grown) < 48 for grown in found), done.stdout
