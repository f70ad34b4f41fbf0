"""Processes of the engine: start, crashes, restart and stop."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.engine.client import Api, until
from tests.engine.videos import make_video
from tests.engine_process import PLUGINS, Engine, running_engine, start_engine

MEBIBYTE = 1024 * 1024


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    """A video that takes some seconds to read."""
    return make_video(tmp_path / "long.mp4", tuple(f"PAGE {number}" for number in range(8)), seconds=8)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Engine]:
    """An engine that a test may kill."""
    with running_engine(tmp_path / "data") as running:
        yield running


def worker_of(engine: Engine) -> psutil.Process:
    children = psutil.Process(engine.process.pid).children()
    assert len(children) == 1
    return children[0]


def command_line(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command line and wait for its exit."""
    command = [sys.executable, "-m", "twelvelabs_local", *arguments]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": str(PLUGINS)}, capture_output=True, timeout=30)


def indexing(api: Api, video: Path) -> str:
    """Create a task and wait until its job runs."""
    task_id = str(api.task(api.create_index("mid-job"), video)["_id"])
    until(lambda: api.get(f"/tasks/{task_id}")["status"] == "indexing")
    return task_id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_engine_cleanly(tmp_path: Path, long_clip: Path, number: signal.Signals) -> None:
    with running_engine(tmp_path / "data") as engine:
        worker = worker_of(engine)
        indexing(Api(engine), long_clip)
        engine.process.send_signal(number)
        assert engine.process.wait(30) == 0
        assert not worker.is_running()
        # the port is free again
        with pytest.raises(requests.ConnectionError):
            requests.get(engine.base_url, timeout=5)


def test_ctrl_c_stops_server_and_worker(tmp_path: Path) -> None:
    process = start_engine(tmp_path / "data", own_group=True)
    assert process.stdout and process.stdout.readline().startswith("twelvelabs-local ready: ")
    worker = psutil.Process(process.pid).children()[0]
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "") and process.returncode == 0
    assert not worker.is_running()


def test_the_worker_exits_with_a_killed_server(own: Engine, long_clip: Path) -> None:
    worker = worker_of(own)
    indexing(Api(own), long_clip)
    own.process.kill()
    own.process.wait()
    psutil.wait_procs([worker], timeout=30)
    assert not worker.is_running()


def test_a_job_continues_after_the_server_is_killed(tmp_path: Path, long_clip: Path) -> None:
    with running_engine(tmp_path / "data") as engine:
        task_id = indexing(Api(engine), long_clip)
        engine.process.kill()
        engine.process.wait()
    # at once, while the killed server's worker may still be there
    with running_engine(tmp_path / "data") as engine:
        api = Api(engine)
        task = api.finished(f"/tasks/{task_id}")
        rows = Api(engine, "v1.2").get(f"/indexes/{task['index_id']}/videos/{task['video_id']}/text-in-video")
        assert len(rows["data"]) == 8
        events = api.send("GET", "/../_local/billing").json()["events"]
        assert [event["id"] for event in events] == [task["video_id"]]


def test_a_job_continues_after_the_worker_is_killed(own: Engine, long_clip: Path) -> None:
    api = Api(own)
    task_id = indexing(api, long_clip)
    dead = worker_of(own)
    dead.kill()
    api.finished(f"/tasks/{task_id}")
    assert worker_of(own).pid != dead.pid


def test_a_job_fails_after_repeated_crashes_of_the_worker(own: Engine, long_clip: Path) -> None:
    api = Api(own)
    task_id = indexing(api, long_clip)
    with contextlib.closing(sqlite3.connect(own.data_dir / "engine.sqlite3")) as db:
        db.execute("UPDATE jobs SET crashes = 2 WHERE running = 1")
        db.commit()
    worker_of(own).kill()
    assert "died 3 times" in api.finished(f"/tasks/{task_id}", "failed")["error_reason"]


def test_data_survives_a_restart(tmp_path: Path, clip: Path) -> None:
    with running_engine(tmp_path / "data") as engine:
        index_id = Api(engine).create_index("kept")
        video_id = Api(engine).index_video(index_id, clip)
    with running_engine(tmp_path / "data") as engine:
        assert Api(engine).get(f"/indexes/{index_id}/videos/{video_id}")["system_metadata"]["width"] == 640


def test_the_server_responds_while_a_video_is_read(own: Engine, long_clip: Path) -> None:
    """Requests, uploads and saved results are served while a heavy job runs."""
    api = Api(own)
    task_id = indexing(api, long_clip)
    answered = 0
    asset = api.upload(long_clip)["_id"]
    prepared = False
    while api.get(f"/tasks/{task_id}")["status"] == "indexing":
        answered += 1
        prepared = prepared or api.get(f"/assets/{asset}")["status"] == "ready"
        time.sleep(0.01)
    assert prepared and answered >= 5
    api.finished(f"/tasks/{task_id}")


def test_equal_contents_are_read_once(own: Engine, clip: Path, tmp_path: Path) -> None:
    api = Api(own)
    first = api.index_video(api.create_index("first"), clip)
    cached = sorted((own.data_dir / "cache").iterdir())
    stamps = [path.stat().st_mtime_ns for path in cached]
    older = Api(own, "v1.1")
    index_id = older.create_index("second")
    given = tmp_path / "given.srt"
    given.write_text("1\n00:00:01,000 --> 00:00:02,000\nGiven.\n")
    video_id = older.index_video(index_id, clip, provide_transcription="1", transcription_file=given)
    assert video_id != first
    assert older.get(f"/indexes/{index_id}/videos/{video_id}/transcription")["data"][0]["value"] == "Given."
    # a given transcript belongs to its video alone
    assert [path.stat().st_mtime_ns for path in sorted((own.data_dir / "cache").iterdir())] == stamps
    assert len(list((own.data_dir / "media").iterdir())) == 1


def test_a_busy_port_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start_engine(tmp_path / "data", port=port)
        said, complained = process.communicate(timeout=30)
    assert process.returncode == 2 and said == ""
    assert str(port) in complained and len(complained.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_a_data_folder_has_one_engine(own: Engine) -> None:
    process = start_engine(own.data_dir)
    said, complained = process.communicate(timeout=30)
    assert process.returncode == 2 and said == ""
    assert str(own.data_dir) in complained and len(complained.splitlines()) == 1
    Api(own).get("/indexes")


def nameless_files(engine: Engine) -> list[str]:
    """Return the open unnamed files of an engine, which are spooled uploads."""
    targets = []
    for descriptor in Path(f"/proc/{engine.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            targets.append(os.readlink(descriptor))
    return [target for target in targets if target.endswith("(deleted)")]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells which files a process has open")
def test_an_aborted_upload_leaves_no_file(own: Engine) -> None:
    host, port = own.base_url.removeprefix("http://").split(":")
    head = f"POST /v1.3/assets HTTP/1.1\r\nHost: x\r\nx-api-key: {own.api_key}\r\nContent-Length: {100 * MEBIBYTE}\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    head += '--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    incoming = own.data_dir / "incoming"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head.encode() + bytes(20 * MEBIBYTE))
        until(lambda: nameless_files(own))
    until(lambda: not nameless_files(own))
    assert list(incoming.iterdir()) == [] and Api(own).get("/assets")["data"] == []


def test_a_content_without_an_asset_is_deleted_at_the_start(tmp_path: Path, clip: Path) -> None:
    with running_engine(tmp_path / "data") as engine:
        Api(engine).asset(clip)
        (engine.data_dir / "media" / ("0" * 64)).write_bytes(b"left behind by a kill")
    with running_engine(tmp_path / "data") as engine:
        assert [path.stat().st_size for path in (engine.data_dir / "media").iterdir()] == [clip.stat().st_size]


def test_the_default_key_works_on_loopback_only(tmp_path: Path) -> None:
    done = command_line("serve", "--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path / "data"))
    assert done.returncode == 2 and b"--api-key" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [[], ["serve", "--port", "99999"], ["serve", "--api-key", " "]])
def test_an_invalid_command_line(arguments: list[str]) -> None:
    done = command_line(*arguments)
    assert done.returncode == 2 and b"usage:" in done.stderr


def test_a_large_upload_needs_little_memory(own: Engine, tmp_path: Path) -> None:
    """The file is sparse and no video, so the engine keeps nothing of it."""
    api = Api(own)
    index_id = api.create_index("large")
    video = tmp_path / "large.mp4"
    with video.open("wb") as file:
        file.truncate(512 * MEBIBYTE)
    server = psutil.Process(own.process.pid)
    api.task(index_id, Path(__file__), expect=400)
    before = server.memory_info().rss
    peak = 0
    boundary = "x" * 30
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="index_id"\r\n\r\n{index_id}\r\n'
    head += f'--{boundary}\r\nContent-Disposition: form-data; name="video_file"; filename="a.mp4"\r\n\r\n'

    def body() -> Iterator[bytes]:
        nonlocal peak
        yield head.encode()
        with video.open("rb") as file:
            while piece := file.read(8 * MEBIBYTE):
                yield piece
                peak = max(peak, server.memory_info().rss)
        yield f"\r\n--{boundary}--\r\n".encode()

    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    api.refused(400, "video_file_broken", "POST", "/tasks", data=body(), headers=headers)
    assert peak - before < 64 * MEBIBYTE
    assert list((own.data_dir / "incoming").iterdir()) == list((own.data_dir / "media").iterdir()) == []


def test_a_too_large_file_is_refused_by_its_content_length(own: Engine) -> None:
    """The body is read completely, so that the client sees the error, but not stored."""
    host, port = own.base_url.removeprefix("http://").split(":")
    length = 205 * MEBIBYTE
    head = f"POST /v1.3/assets HTTP/1.1\r\nHost: x\r\nx-api-key: {own.api_key}\r\nContent-Length: {length}\r\n"
    head += "Connection: close\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as connection, connection.makefile("rb") as answer:
        connection.sendall(head.encode())
        for _ in range(length // MEBIBYTE):
            connection.sendall(bytes(MEBIBYTE))
        assert b"video_filesize_too_large" in answer.read()
