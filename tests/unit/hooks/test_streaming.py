"""Records of a response, read while the service is still writing it."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from tests.unit.scripted_server import KEY, forget_proxies
from twelvelabs_provider.api.call import Method, StreamedCall
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook


@pytest.mark.parametrize("framed", [True, False], ids=["with its length", "without"])
def test_records_of_an_unchunked_response_are_yielded_on_arrival(framed: bool) -> None:
    """The second record is sent only after the first one was read: a reader that waits for the end would hang."""
    first, second = b'{"number": 1}\n', b'{"number": 2}\n'
    length = f"content-length: {len(first + second)}\r\n" if framed else ""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n{length}\r\n".encode()
    read_one = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(head + first)
                assert read_one.wait(30)
                connection.sendall(second)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        connection = {
            "conn_type": "twelvelabs",
            "password": KEY,
            "host": f"http://127.0.0.1:{listener.getsockname()[1]}",
        }
        with pytest.MonkeyPatch.context() as patch:
            forget_proxies(patch)
            patch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", json.dumps(connection))
            found = TwelveLabsHook().stream(StreamedCall(Method.GET, "/numbers", lambda record: record["number"]))
            assert next(found) == 1
            read_one.set()
            assert list(found) == [2]
        server.join(30)
