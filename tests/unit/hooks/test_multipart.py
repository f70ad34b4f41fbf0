"""Multipart upload: each part once, in bounded memory, without URLs in messages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.unit.hooks.conftest import Connect
from tests.unit.parts_store import CUT, SIGNATURE, PartsStore, source_of
from tests.unit.scripted_server import connection_text
from twelvelabs_provider.api.assets import AssetOptions, AssetType
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsTransientError
from twelvelabs_provider.api.multipart_plan import missing_chunks
from twelvelabs_provider.api.multipart_uploads import create_upload
from twelvelabs_provider.hooks import multipart
from twelvelabs_provider.hooks.multipart import MultipartSender, PartSource
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

PLUGINS = Path(__file__).parents[3] / "plugins"
GIB, MIB = 1 << 30, 1 << 20
CONTENT = Random(1).randbytes(10_500)


@pytest.fixture(autouse=True)
def no_address_in_any_log(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    console = capsys.readouterr()
    assert SIGNATURE not in caplog.text + console.out + console.err


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "growing_delay", lambda *_: 0.0)


def send(store: PartsStore, source: PartSource | None = None, *, at_once: int = 4) -> bool:
    """Begin a session and send all of its parts."""
    hook, source = TwelveLabsHook(), source or source_of(CONTENT)
    session = hook.execute(create_upload(AssetType.VIDEO, source.size, AssetOptions("a.mp4")))
    sender = MultipartSender(hook, session.id, source, headers=session.headers, at_once=at_once)
    return sender.send(missing_chunks(source.size, session.chunk_size), session.urls)


def test_file_is_uploaded_unchanged(connect: Connect) -> None:
    with PartsStore(len(CONTENT), 1000) as store:
        connect(store.origin)
        assert send(store)
    assert store.content == CONTENT
    assert [put.length for put in sorted(store.puts, key=lambda put: put.index)] == [1000] * 10 + [500]
    assert store.most_at_once <= 4
    for put in store.puts:
        assert "x-api-key" not in put.headers and "authorization" not in put.headers
        assert "transfer-encoding" not in put.headers
        assert (put.headers["content-type"], put.headers["x-wanted"]) == ("application/octet-stream", "yes")


def test_netrc_is_ignored(connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with PartsStore(len(CONTENT), 6000) as store:
        connect(store.origin)
        assert send(store)
    assert all("authorization" not in put.headers for put in store.puts)


def test_urls_are_requested_and_parts_reported_in_batches(connect: Connect) -> None:
    with PartsStore(len(CONTENT), 200, links_at_first=3) as store:
        connect(store.origin)
        assert send(store)
    assert store.sent == list(range(1, 54))
    assert store.asked["POST presigned-urls"] == 3
    assert [len(report) for report in store.reports] == [10, 10, 10, 10, 10, 3]


@pytest.mark.parametrize("trouble", [[500], [403, 503], [CUT], [CUT, 400]], ids=str)
def test_failed_part_is_sent_again_to_a_new_url(connect: Connect, trouble: list[int]) -> None:
    with PartsStore(len(CONTENT), 5000, trouble={2: list(trouble)}) as store:
        connect(store.origin)
        assert send(store)
    assert store.content == CONTENT
    # an address that failed is used up, whatever became of the part
    assert store.asked["POST presigned-urls"] == 1 + len(trouble)


def test_part_that_always_fails_is_an_error_after_the_others_are_reported(connect: Connect) -> None:
    with PartsStore(len(CONTENT), 1000, trouble={3: [500] * 9}) as store:
        connect(store.origin, max_attempts=2)
        with pytest.raises(
            TwelveLabsTransientError, match=r"part 3 of a\.mp4 .*HTTP 500 AccessDenied.*tried 2 times"
        ) as caught:
            send(store, at_once=1)
    assert SIGNATURE not in str(caught.value) and "part/3?" not in str(caught.value)
    assert store.completed == {1, 2}


def test_network_error_quotes_no_url(connect: Connect) -> None:
    with PartsStore(len(CONTENT), 20_000, trouble={1: [CUT] * 9}) as store:
        connect(store.origin, max_attempts=2)
        with pytest.raises(TwelveLabsTransientError, match="did not go up") as caught:
            send(store)
    seen: BaseException | None = caught.value
    while seen is not None:
        assert SIGNATURE not in repr(seen)
        seen = seen.__cause__ or seen.__context__


def test_response_without_etag_is_an_error(connect: Connect) -> None:
    with PartsStore(len(CONTENT), 20_000, headers={"ETag": ""}) as store:
        connect(store.origin, max_attempts=1)
        with pytest.raises(TwelveLabsTransientError, match="carries no ETag"):
            send(store)


def test_redirect_is_not_followed(connect: Connect) -> None:
    with PartsStore(len(CONTENT), 20_000, trouble={1: [307]}, headers={"Location": "/elsewhere"}) as store:
        connect(store.origin, max_attempts=1)
        with pytest.raises(TwelveLabsTransientError, match="HTTP 307"):
            send(store)


def test_source_that_became_shorter(connect: Connect) -> None:
    source = PartSource("a.mp4", 3000, source_of(CONTENT[:2500]).open_range)
    with PartsStore(3000, 1000) as store:
        connect(store.origin, max_attempts=2)
        with pytest.raises(TwelveLabsTransientError, match="ended 500 bytes before its 1000"):
            send(store, source, at_once=1)
    assert store.completed == {1, 2}


def test_upload_ends_when_its_session_has_ended(connect: Connect) -> None:
    with PartsStore(len(CONTENT), 1000, status="active", links_at_first=11) as store:
        connect(store.origin)
        hook, source = TwelveLabsHook(), source_of(CONTENT)
        session = hook.execute(create_upload(AssetType.VIDEO, source.size, AssetOptions("a.mp4")))
        store.status = "expired"
        sender = MultipartSender(hook, session.id, source, headers={})
        with pytest.raises(TwelveLabsBadRequestError, match="it is expired"):
            sender.send(missing_chunks(source.size, session.chunk_size), session.urls)


UPLOAD = """
import sys
from pathlib import Path
from twelvelabs_provider.api.assets import AssetOptions, AssetType
from twelvelabs_provider.api.multipart_plan import missing_chunks
from twelvelabs_provider.api.multipart_uploads import create_upload
from twelvelabs_provider.hooks.multipart import MultipartSender, PartSource
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.storage.source import resolve_source

def peak():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024

hook = TwelveLabsHook()
for uri in sys.argv[1:]:
    before = peak()
    found = resolve_source(uri)
    source = PartSource(found.filename, found.size, found.open_range)
    session = hook.execute(create_upload(AssetType.VIDEO, source.size, AssetOptions(source.filename)))
    sender = MultipartSender(hook, session.id, source, headers=session.headers)
    sender.send(missing_chunks(source.size, session.chunk_size), session.urls)
    print(peak() - before)
"""


@pytest.mark.large
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's peak memory from /proc")
def test_upload_of_two_gib_needs_little_memory(tmp_path: Path) -> None:
    """Parts of 128 MiB, several at once: what is held is a piece of each. The first file is a rehearsal."""
    small, large = tmp_path / "small.mp4", tmp_path / "large.mp4"
    for path, size in ((small, MIB), (large, 2 * GIB)):
        with path.open("wb") as stream:
            stream.truncate(size)
    with PartsStore(2 * GIB, 128 * MIB, keeps_bodies=False) as store:
        environment = {
            **os.environ,
            "PYTHONPATH": str(PLUGINS),
            "AIRFLOW_CONN_TWELVELABS_DEFAULT": connection_text(store.origin),
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
    assert sum(put.length for put in store.puts) == 2 * GIB + MIB
    assert growth < 64 * MIB, f"the process grew by {growth / MIB:.0f} MiB"
