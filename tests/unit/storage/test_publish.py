from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultKind, ResultPath
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.storage.manifest import Origin, Provenance, Published, ResultFacts
from twelvelabs_provider.storage.publish import check_output, publish_segments

PLACE = ResultPath(("index 1", "vidéo"), ResultKind.TRANSCRIPTION)
FOLDER = "index 1/vidéo"
ALL = tuple(Format)
ROWS = [Segment(0, 1, "Größe"), Segment(1, 2.5, "zwei\nZeilen", {"speaker": "A"})]
FACTS = ResultFacts(
    source_uri="https://user:hunter2@host/v.mp4?sig=hunter2",
    index_id="index 1",
    video_id="vidéo",
    origin=Origin.SPEECH,
    provenance=Provenance("dag", "run", "task", 3),
    duration=2.5,
    options={"language": "de", "url": "https://host/x.srt?sig=hunter2", "list": ["s3://conn@b/k"]},
)
Files = Callable[[], dict[str, bytes]]


def rows_of(word: str, count: int) -> Iterator[Segment]:
    return (Segment(number, number + 1, f"{word} {number}") for number in range(count))


class BoomError(Exception):
    pass


def failing_rows(count: int) -> Iterator[Segment]:
    yield from rows_of("new", count)
    raise BoomError


def put(output: str, rows: Iterable[Segment] = ROWS, formats: Sequence[Format] = ALL) -> Published:
    return publish_segments(output, PLACE, rows, formats, FACTS)


@pytest.fixture(params=["local", "memory", "bucket"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Files]:
    """An output URI in each kind of store, and what is visible there (hidden names included)."""
    if request.param == "local":
        root = tmp_path / "out put"
        return str(root), lambda: _results(
            {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        )
    if request.param == "memory":
        memory: MemoryFileSystem = request.getfixturevalue("memory")
        prefix = "/bucket/out put/"
        return "memory://conn@bucket/out put/", lambda: _results(
            {name.removeprefix(prefix): file.getvalue() for name, file in dict(memory.store).items()}
        )
    bucket = request.getfixturevalue("make_bucket")()
    return "s3://conn@bucket/out put", lambda: _results(
        {name.removeprefix("bucket/out put/"): content for name, content in bucket.objects.items()}
    )


def _results(files: dict[str, bytes]) -> dict[str, bytes]:
    """What is beside the catalog, which has tests of its own."""
    return {name: content for name, content in files.items() if not name.startswith("_catalog/")}


def check_whole(files: dict[str, bytes], kind: str = "transcription") -> dict[str, Any]:
    """The manifest, once its files are seen to be what it says."""
    manifest: dict[str, Any] = json.loads(files[f"{FOLDER}/{kind}.manifest.json"])
    for entry in manifest["files"]:
        content = files[f"{FOLDER}/{entry['name']}"]
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"])
    return manifest


def test_published_files(output: tuple[str, Files]) -> None:
    uri, files = output
    published = put(uri)
    visible = files()
    assert sorted(visible) == sorted(
        [f"{FOLDER}/transcription.{format}" for format in ALL] + [f"{FOLDER}/transcription.manifest.json"]
    )
    manifest = check_whole(visible)
    assert manifest["rows"] == published.rows == 2
    assert manifest["bytes"] == published.bytes == sum(len(visible[f"{FOLDER}/transcription.{f}"]) for f in ALL)
    assert [json.loads(line)["value"] for line in visible[f"{FOLDER}/transcription.jsonl"].splitlines()] == [
        "Größe",
        "zwei\nZeilen",
    ]


def test_manifest_has_provenance_and_no_secret(output: tuple[str, Files]) -> None:
    uri, files = output
    put(uri)
    text = files()[f"{FOLDER}/transcription.manifest.json"].decode()
    manifest = json.loads(text)
    assert manifest["schema_version"] == 1
    assert (manifest["kind"], manifest["origin"]) == ("transcription", "speech")
    assert manifest["source"] == {"uri": "https://host/v.mp4"}
    assert manifest["provenance"] == {"dag_id": "dag", "run_id": "run", "task_id": "task", "map_index": 3}
    assert manifest["options"] == {"language": "de", "url": "https://host/x.srt", "list": ["s3://b/k"]}
    assert manifest["published_at"].endswith(("Z", "+00:00"))
    assert "hunter2" not in text


def test_xcom_is_small_and_has_addresses_that_the_next_task_can_open(output: tuple[str, Files]) -> None:
    uri, _ = output
    xcom = put(uri, rows_of("word", 1000), [Format.JSONL, Format.SRT]).as_xcom()
    text = json.dumps(xcom)
    assert len(text) < 700
    store = Location.parse(uri)
    assert all(Location.parse(address).user == store.user for address in (xcom["manifest"], *xcom["files"].values()))
    assert xcom["rows"] == 1000
    assert sorted(xcom["files"]) == ["jsonl", "srt"]
    assert all("://" in address for address in [xcom["manifest"], *xcom["files"].values()])


def test_local_uris_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    published = put("out")
    assert published.manifest_uri == f"file://{tmp_path}/out/{FOLDER}/transcription.manifest.json"
    assert Path(published.files["srt"].removeprefix("file://")).is_file()


def test_result_without_rows_is_complete(output: tuple[str, Files]) -> None:
    uri, files = output
    assert put(uri, []).rows == 0
    assert check_whole(files())["rows"] == 0
    assert files()[f"{FOLDER}/transcription.jsonl"] == b""
    assert json.loads(files()[f"{FOLDER}/transcription.json"]) == []


def test_second_run_replaces_files_and_deletes_obsolete_ones(output: tuple[str, Files]) -> None:
    uri, files = output
    put(uri)
    other = ResultPath(("index 1", "vidéo"), ResultKind.TEXT_IN_VIDEO)
    publish_segments(uri, other, ROWS, [Format.JSON], FACTS)
    put(uri, rows_of("new", 3), [Format.JSONL])
    assert sorted(files()) == [
        f"{FOLDER}/text_in_video.json",
        f"{FOLDER}/text_in_video.manifest.json",
        f"{FOLDER}/transcription.jsonl",
        f"{FOLDER}/transcription.manifest.json",
    ]
    assert check_whole(files())["rows"] == 3
    assert check_whole(files(), "text_in_video")["rows"] == 2


@pytest.mark.parametrize("count", [0, 10, 5000])
def test_failing_rows_publish_nothing(output: tuple[str, Files], count: int) -> None:
    uri, files = output
    with pytest.raises(BoomError):
        put(uri, failing_rows(count))
    assert files() == {}


@pytest.mark.parametrize("count", [0, 5000])
def test_failing_rows_keep_the_old_version(output: tuple[str, Files], count: int) -> None:
    uri, files = output
    put(uri)
    before = files()
    with pytest.raises(BoomError):
        put(uri, failing_rows(count))
    assert files() == before


def test_abandoned_uploads_are_cancelled(bucket: Any) -> None:
    with pytest.raises(BoomError):
        put("s3://conn@bucket/out", failing_rows(5000))
    assert bucket.uploads == set()


def test_interruption_is_cleaned_up_like_a_failure(output: tuple[str, Files]) -> None:
    def interrupted() -> Iterator[Segment]:
        yield from rows_of("new", 5000)
        raise KeyboardInterrupt

    uri, files = output
    with pytest.raises(KeyboardInterrupt):
        put(uri, interrupted())
    assert files() == {}


def test_unwritable_row_is_named(output: tuple[str, Files]) -> None:
    uri, files = output
    with pytest.raises(TwelveLabsOutputError, match="Row 2 cannot be written as jsonl"):
        put(uri, [ROWS[0], Segment(float("nan"), 1, "x")])
    assert files() == {}


def test_aborted_upload_keeps_the_old_version(bucket: Any) -> None:
    put("s3://conn@bucket/out", formats=[Format.JSONL])
    before = dict(bucket.objects)
    bucket.fail_after = 8192
    with pytest.raises(TwelveLabsOutputError, match=r"'s3://bucket/out/.*jsonl': .*connection reset"):
        put("s3://conn@bucket/out", rows_of("new", 5000), [Format.JSONL])
    assert bucket.objects == before
    assert bucket.uploads == set()


def test_failure_while_replacing_files_leaves_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(str(tmp_path))
    replace, seen = os.replace, []

    def breaking(source: Any, target: Any) -> None:
        seen.append(target)
        if len(seen) == 2:
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", breaking)
    with pytest.raises(TwelveLabsOutputError, match="Input/output error"):
        put(str(tmp_path), rows_of("new", 10))
    left = {path.name for path in (tmp_path / FOLDER).iterdir()}
    assert left == {f"transcription.{format}" for format in ALL}


def test_killed_process_keeps_the_old_version_and_its_files_are_deleted_later(tmp_path: Path) -> None:
    put(str(tmp_path))
    folder = tmp_path / FOLDER
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def killed() -> Iterator[Segment]:
        yield from rows_of("new", 5000)
        os._exit(9)

    if (child := os.fork()) == 0:
        try:
            put(str(tmp_path), killed())
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = [path for path in folder.iterdir() if path.name not in before]
    assert len(left) == len(ALL)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path not in left} == before
    for path in left:
        assert path.name.startswith(".")
        os.utime(path, (0, 0))
    put(str(tmp_path))
    assert {path.name for path in folder.iterdir()} == set(before)


def test_published_files_obey_the_umask(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        put(str(tmp_path))
    finally:
        os.umask(previous)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / FOLDER).iterdir()}
    assert modes == {0o640}


def read_or_retry(files: Callable[[str], bytes]) -> dict[str, Any] | None:
    """What a reader does: manifest, files, compare; None when the result was replaced meanwhile."""
    name = f"{FOLDER}/transcription.manifest.json"
    try:
        raw = files(name)
    except FileNotFoundError:
        return None
    manifest: dict[str, Any] = json.loads(raw)
    try:
        for entry in manifest["files"]:
            content = files(f"{FOLDER}/{entry['name']}")
            assert content.count(b"\n") in (100, 300), "half a file under its final name"
            assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    except (FileNotFoundError, AssertionError) as error:
        if "half a file" in str(error):
            raise
        with contextlib.suppress(FileNotFoundError):
            assert files(name) != raw, "the manifest stands, but its files are not what it says"
        return None
    return manifest


@pytest.mark.parametrize("kind", ["local", "memory"])
def test_reader_of_a_manifest_finds_complete_files(kind: str, tmp_path: Path, memory: MemoryFileSystem) -> None:
    def from_disk(name: str) -> bytes:
        return (tmp_path / name).read_bytes()

    def from_memory(name: str) -> bytes:
        return bytes(memory.cat_file(f"/bucket/{name}"))

    uri, files = (str(tmp_path), from_disk) if kind == "local" else ("memory://conn@bucket", from_memory)
    whole: list[int] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def poll() -> None:
        try:
            while not done.is_set():
                if manifest := read_or_retry(files):
                    whole.append(manifest["rows"])
        except BaseException as error:
            errors.append(error)

    reader = threading.Thread(target=poll)
    reader.start()
    deadline = time.monotonic() + 60
    rounds = 0
    # Until the reader has seen both versions, and at least so many rounds.
    while (rounds < 40 or len(set(whole)) < 2) and not errors and time.monotonic() < deadline:
        count = (100, 300)[rounds % 2]
        put(uri, rows_of("word", count), [Format.JSONL])
        rounds += 1
    done.set()
    reader.join()
    assert not errors, errors
    assert set(whole) == {100, 300}


MANY_ROWS = """
import resource, sys
from twelvelabs_provider.api.models import (Segment)
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import Origin, Provenance, ResultFacts
from twelvelabs_provider.storage.publish import publish_segments

facts = ResultFacts(Provenance("d", "r", "t"), Origin.OCR, "file:///v.mp4", "i", "v")

def peak_after(count):
    rows = (Segment(n, n + 1, f"some words that are said {n}") for n in range(count))
    publish_segments(sys.argv[1], ResultPath(("i", "v"), "transcription"), rows, [Format.JSONL, Format.VTT], facts)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

few, many = peak_after(1000), peak_after(200_000)
print(many - few)
"""


@pytest.mark.large
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    run = [sys.executable, "-c", MANY_ROWS, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    growth_kib = int(subprocess.run(run, env=env, check=True, capture_output=True, text=True).stdout.split()[-1])
    assert (tmp_path / "i/v/transcription.jsonl").read_bytes().count(b"\n") == 200_000
    assert growth_kib < 8 * 1024


@pytest.mark.parametrize("uri", ["", " ", "https://host/out", "foo://bucket/out", "s3://bucket/out", "memory://"])
def test_invalid_output_paths_are_refused(uri: str, stores: dict[str, Any], no_store_packages: None) -> None:
    with pytest.raises(TwelveLabsInputError, match="output path"):
        check_output(uri)


def test_output_check_leaves_no_files(output: tuple[str, Files], memory: MemoryFileSystem, tmp_path: Path) -> None:
    uri, files = output
    check_output(uri)
    assert files() == {}
    assert memory.store == {}
    assert memory.pseudo_dirs == [""]
    assert list(tmp_path.iterdir()) == []
    put(uri)
    before = files()
    check_output(uri)
    assert files() == before


def test_output_check_leaves_no_upload(bucket: Any) -> None:
    check_output("s3://conn@bucket/out")
    assert bucket.objects == {}
    assert bucket.uploads == set()
    assert list(bucket.transaction.files) == []


def test_file_in_place_of_a_local_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for uri in (f"{tmp_path}/file", f"{tmp_path}/file/below", f"file://{tmp_path}/file/below"):
        with pytest.raises(TwelveLabsInputError, match=f"'{tmp_path}/file' is a file, not a folder"):
            check_output(uri)
        with pytest.raises(TwelveLabsOutputError, match="Cannot write"):
            put(uri)


def test_object_in_place_of_a_prefix(memory: MemoryFileSystem, bucket: Any) -> None:
    memory.pipe_file("/bucket/file", b"x")
    bucket.objects["bucket/file"] = b"x"
    for uri in ("memory://bucket/file", "memory://bucket/file/below", "s3://conn@bucket/file"):
        with pytest.raises(TwelveLabsInputError, match="file"):
            check_output(uri)


def test_unwritable_folder(unprivileged: Path, drop_privileges: Callable[[], None]) -> None:
    folder = unprivileged / "locked"
    folder.mkdir(mode=0o555)
    drop_privileges()
    for uri in (str(folder), f"{folder}/below/below"):
        with pytest.raises(TwelveLabsInputError, match="cannot be written: Permission denied"):
            check_output(uri)
        with pytest.raises(TwelveLabsOutputError, match="Permission denied"):
            put(uri)


def test_too_long_path(tmp_path: Path) -> None:
    with pytest.raises(TwelveLabsInputError, match="File name too long"):
        check_output(f"{tmp_path}/{'x' * 300}")


def test_missing_bucket(bucket: Any) -> None:
    with pytest.raises(TwelveLabsInputError, match="'s3://nobucket/out' cannot be written: the bucket"):
        check_output("s3://conn@nobucket/out")
    with pytest.raises(TwelveLabsOutputError, match="nobucket"):
        put("s3://conn@nobucket/out")


def test_unwritable_bucket(bucket: Any) -> None:
    bucket.denied = True
    with pytest.raises(TwelveLabsInputError, match="access denied"):
        check_output("s3://conn@bucket/out")
    with pytest.raises(TwelveLabsOutputError, match="PermissionError"):
        put("s3://conn@bucket/out")
    assert bucket.objects == {}


def test_unreachable_store_is_a_retryable_error(bucket: Any) -> None:
    bucket.fail_after = 0
    with pytest.raises(TwelveLabsOutputError, match="cannot be written now: OSError: connection reset"):
        check_output("s3://conn@bucket/out")
    assert bucket.objects == {}
    assert bucket.uploads == set()


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / FOLDER / "transcription.jsonl").mkdir(parents=True)
    with pytest.raises(TwelveLabsOutputError, match=r"transcription\.jsonl.*[Dd]irectory"):
        put(str(tmp_path), formats=[Format.JSONL])
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["transcription.jsonl"]
