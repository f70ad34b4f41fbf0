"""Catalog of an output: entries, reads, and complete and interrupted compactions."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.unit.storage.published import put, results_of
from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.storage.catalog import (
    CATALOG_ROWS,
    CatalogEntry,
    compact_catalog,
    compaction,
    read_catalog,
    reading,
)
from twelvelabs_provider.storage.catalog.entry import stamp_of
from twelvelabs_provider.storage.catalog.folder import OutputFolder
from twelvelabs_provider.storage.catalog.reading import merged, snapshots_in
from twelvelabs_provider.storage.catalog.rebuilding import from_manifests
from twelvelabs_provider.storage.catalog.writing import listen
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.local_store import LocalPendingFile
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.publish import ResultFacts, publish_document

NAMES = ["plain", "vidéo 7", "日本語 ビデオ", "emoji 🎬", "a/b", "100%?#", "x" * 300, ".hidden", "'\"\n"]


@pytest.fixture(params=["local", "memory"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An output on a disk, with a name that globs and URLs would misread, and in a store of objects."""
    if request.param == "local":
        return str(tmp_path / "out [1] %20 ü")
    request.getfixturevalue("memory")
    return "memory://conn@bucket/out ü/"


def objects(output: str, folder: str) -> list[str]:
    """Return the files in one folder of the catalog, and below it."""
    if output.startswith("memory"):
        names = [name.partition("/_catalog/")[2] for name in MemoryFileSystem.store]
        return sorted(name for name in names if name.startswith(f"{folder}/"))
    root = Path(output) / "_catalog"
    return sorted(str(path.relative_to(root)) for path in (root / folder).rglob("*") if path.is_file())


def test_catalog_entry_describes_a_result(tmp_path: Path) -> None:
    published = put(str(tmp_path), "vidéo", words=["a", "b"])
    (entry,) = read_catalog(str(tmp_path))
    manifest = (tmp_path / "idx" / "vidéo" / "transcription.manifest.json").read_bytes()
    assert entry.result == "idx/vidéo/transcription.manifest.json"
    assert (entry.kind, entry.index_id, entry.video_id, entry.origin) == ("transcription", "idx", "vidéo", "speech")
    assert (entry.uri, entry.manifest) == (f"file://{tmp_path}/idx/vidéo", published.manifest_uri)
    assert entry.manifest_sha256 == hashlib.sha256(manifest).hexdigest()
    assert (entry.rows, entry.bytes, entry.files) == (2, published.bytes, {"jsonl": "transcription.jsonl"})
    assert entry.published_at == json.loads(manifest)["published_at"]
    assert (entry.dag_id, entry.run_id, entry.task_id, entry.map_index) == ("dag", "run", "task", 3)
    assert entry.source == "https://host/vidéo.mp4"


def test_catalog_entry_is_small_and_holds_no_secret(tmp_path: Path) -> None:
    put(str(tmp_path), "v", words=["word"] * 1000)
    (path,) = (tmp_path / "_catalog" / "entries").rglob("*.json")
    text = path.read_text()
    assert len(text) < 1500 and "hunter2" not in text
    assert set(json.loads(text)) == set(CATALOG_ROWS.names)


def test_catalog_of_an_empty_output_is_empty(output: str) -> None:
    assert list(read_catalog(output)) == []
    assert compact_catalog(output).results == 0
    assert list(read_catalog(output)) == []


@pytest.mark.parametrize("place", ["", "https://host/out", "nowhere://bucket/out"])
def test_invalid_output_paths_are_refused(place: str) -> None:
    with pytest.raises(TwelveLabsInputError):
        list(read_catalog(place))


def test_names_with_special_characters(output: str) -> None:
    for name in NAMES:
        put(output, name)
    assert {entry.video_id for entry in read_catalog(output)} == set(NAMES)
    compact_catalog(output)
    assert {entry.video_id for entry in read_catalog(output)} == set(NAMES)
    compact_catalog(output, rebuild=True)
    assert {entry.video_id for entry in read_catalog(output)} == set(NAMES)


def test_kinds_and_documents_are_separate_rows(output: str) -> None:
    put(output, "v")
    put(output, "v", kind="text_in_video")
    facts = ResultFacts(Provenance("dag", "run", "task"), index_id="idx")
    publish_document(output, ResultPath(("idx", "search"), "cats", "search"), {"answer": 1}, facts)
    assert sorted(entry.kind for entry in read_catalog(output)) == ["search", "text_in_video", "transcription"]


def test_latest_publication_of_a_result_counts(output: str) -> None:
    for words in (["old"], ["a", "b"], ["a", "b", "c"]):
        put(output, "v", words=words)
    assert [entry.rows for entry in read_catalog(output)] == [3]
    compact_catalog(output)
    assert [entry.rows for entry in read_catalog(output)] == [3]
    put(output, "v", words=["new"])
    assert [entry.rows for entry in read_catalog(output)] == [1]
    compact_catalog(output)
    assert [entry.rows for entry in read_catalog(output)] == [1]


def test_unpublished_result_has_no_entry(output: str) -> None:
    def failing() -> Any:
        yield Segment(0, 1, "a")
        raise KeyError

    with pytest.raises(KeyError):
        put(output, "v", rows=failing())
    assert list(read_catalog(output)) == []


def test_failed_entry_fails_the_task_and_a_retry_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = LocalPendingFile.commit

    def full(self: LocalPendingFile) -> None:
        if "_catalog" in str(self._path):
            raise OSError(28, "No space left on device")
        real(self)

    monkeypatch.setattr(LocalPendingFile, "commit", full)
    heard = listen()
    with pytest.raises(TwelveLabsOutputError, match="No space left"):
        put(str(tmp_path), "v")
    assert list(read_catalog(str(tmp_path))) == [] and heard == []
    assert (tmp_path / "idx" / "v" / "transcription.manifest.json").exists()
    monkeypatch.undo()
    put(str(tmp_path), "v")
    assert [entry.video_id for entry in read_catalog(str(tmp_path))] == ["v"]


def test_listener_is_called_for_each_entry(tmp_path: Path) -> None:
    heard = listen()
    put(str(tmp_path), "v")
    (publication,) = heard
    assert [publication.entry] == list(read_catalog(str(tmp_path)))
    assert [(file.format, file.bytes) for file in publication.files] == [("jsonl", publication.entry.bytes)]
    assert [column["name"] for column in publication.columns][:3] == ["start", "end", "value"]
    later = listen()
    put(str(tmp_path), "w")
    assert (len(heard), len(later)) == (1, 1)


def test_foreign_file_is_ignored_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(reading.log, "warning", lambda words, *values: warned.append(words % values))
    put(str(tmp_path), "v")
    (path,) = (tmp_path / "_catalog" / "entries").rglob("*.json")
    (path.parent / "note.txt").write_text("mine")
    broken = path.parents[1] / "ff" / f"{'f' * 32}.{path.name.partition('.')[2]}"
    broken.parent.mkdir()
    broken.write_text("[]")
    assert [entry.video_id for entry in read_catalog(str(tmp_path))] == ["v"]
    assert [str(broken) in words for words in warned] == [True]
    for rebuild in (False, True):
        compact_catalog(str(tmp_path), rebuild=rebuild)
        assert broken.exists() and (path.parent / "note.txt").exists() and not path.exists()


def test_fields_of_a_later_release_are_ignored() -> None:
    entry = CatalogEntry("a.manifest.json", "k", "u", "m", "0" * 64, "2026-01-01T00:00:00Z")
    assert CatalogEntry.from_json(json.dumps({**entry.as_row(), "later": 1}).encode()) == entry
    with pytest.raises(ValueError, match="not an entry"):
        CatalogEntry.from_json(b'{"kind": "k"}')


def test_times_with_and_without_a_fraction_are_in_order() -> None:
    def age(published_at: str) -> str:
        return CatalogEntry("r.manifest.json", "k", "u", "m", "0" * 64, published_at).age

    times = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "2026-01-01T02:00:00+01:00"]
    assert [age(time) for time in times] == sorted(age(time) for time in times)


# -- compaction ----------------------------------------------------------------------------------------------


def test_compaction_replaces_all_entries(output: str) -> None:
    names = [f"v{number}" for number in range(40)]
    for name in [*names, *names[:7]]:
        put(output, name)
    before = list(read_catalog(output))
    done = compact_catalog(output)
    assert (done.results, done.entries, done.snapshots) == (40, 47, 0)
    assert objects(output, "entries") == []
    assert list(read_catalog(output)) == before
    put(output, "later")
    again = compact_catalog(output)
    assert (again.results, again.entries, again.snapshots) == (41, 1, 1)
    assert len(objects(output, "snapshots")) == 1
    assert "conn" not in str(again.as_xcom())


def test_copy_in_parquet(output: str, tmp_path: Path) -> None:
    for name in NAMES:
        put(output, name)
    done = compact_catalog(output, [Format.PARQUET])
    assert [name.rpartition(".")[2] for name in objects(output, "snapshots")] == ["jsonl", "parquet"]
    if not output.startswith("memory"):
        table = pyarrow.parquet.read_table(done.files["parquet"].removeprefix("file://")).to_pylist()
        rows = [entry.as_row() for entry in read_catalog(output)]
        assert [{**row, "files": json.loads(row["files"])} for row in table] == rows
    compact_catalog(output)
    assert [name.rpartition(".")[2] for name in objects(output, "snapshots")] == ["jsonl"]


def test_rebuild_adds_existing_results_and_removes_missing_ones(tmp_path: Path) -> None:
    output = str(tmp_path)
    for name in ("kept", "compacted and gone", "compacted and restored"):
        put(output, name)
    restored = tmp_path / "idx" / "compacted and restored"
    shutil.copytree(restored, tmp_path / "backup.d")
    compact_catalog(output)
    for name in ("entered and gone", "never entered"):
        put(output, name)
    put(output, "compacted and restored", words=["newer"] * 9)
    shutil.rmtree(restored)
    shutil.move(tmp_path / "backup.d", restored)
    for name in ("compacted and gone", "entered and gone"):
        shutil.rmtree(tmp_path / "idx" / name)
    lost = next(entry for entry in read_catalog(output) if entry.video_id == "never entered")
    (tmp_path / lost.name).unlink()

    done = compact_catalog(output, rebuild=True)
    assert (done.results, done.snapshots) == (3, 1)
    found = {entry.video_id: entry.rows for entry in read_catalog(output)}
    assert found == {"kept": 1, "compacted and restored": 1, "never entered": 1}
    assert objects(output, "entries") == []


def test_rebuild_keeps_results_published_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = str(tmp_path)
    put(output, "before")
    real = from_manifests

    def slow(folder: OutputFolder) -> Any:
        yield from real(folder)
        put(output, "meanwhile")
        put(output, "before", words=["newer"] * 2)

    monkeypatch.setattr(compaction, "from_manifests", slow)
    compact_catalog(output, rebuild=True)
    assert {entry.video_id: entry.rows for entry in read_catalog(output)} == {"before": 2, "meanwhile": 1}


def test_result_folder_named_like_the_output_is_found(tmp_path: Path) -> None:
    output = str(tmp_path / "idx")
    put(output, "v")
    shutil.rmtree(tmp_path / "idx" / "_catalog")
    compact_catalog(output, rebuild=True)
    assert results_of(output) == {"v"}


# -- readers while others compact ----------------------------------------------------------------------------


def test_reader_misses_nothing_during_a_compaction(output: str) -> None:
    names = {f"v{number}" for number in range(60)}
    for name in sorted(names)[:30]:
        put(output, name)
    compact_catalog(output)
    for name in sorted(names)[30:]:
        put(output, name)
    seen = []
    for number, entry in enumerate(read_catalog(output)):
        seen.append(entry.video_id)
        if number % 20 == 5:
            put(output, f"new {number}")
            compact_catalog(output)
    assert names <= set(seen)
    assert len(seen) == len(set(seen))


def test_endlessly_changing_catalog_is_an_error(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(output, "v")
    real = OutputFolder.names

    def restless(self: OutputFolder, folder: str) -> list[str]:
        if folder.endswith("entries"):
            put(output, "v")
            monkeypatch.setattr(OutputFolder, "names", real)
            compact_catalog(output)
            monkeypatch.setattr(OutputFolder, "names", restless)
        return real(self, folder)

    monkeypatch.setattr(OutputFolder, "names", restless)
    with pytest.raises(TwelveLabsOutputError, match="in a row"):
        list(read_catalog(output))
    with pytest.raises(TwelveLabsOutputError, match="One at a time"):
        compact_catalog(output)


# -- compactions that break off, or meet ---------------------------------------------------------------------


class KilledError(BaseException):
    """The process dies here."""


def killed(*_: Any, **__: Any) -> Any:
    raise KilledError


def compacted_and_newer(output: str) -> None:
    """A snapshot of two results, and entries of one that was published again and of one that is new."""
    for name in ("a", "b"):
        put(output, name)
    compact_catalog(output)
    put(output, "b", words=["newer"] * 2)
    put(output, "c")


STEPS: dict[str, tuple[Any, str]] = {
    "before anything is written": (compaction, "_fill"),
    "before the snapshot is there": (OutputFolder, "working"),
    "before anything is removed": (compaction, "_obsolete"),
    "before the old snapshot is removed": (compaction, "_remove_snapshots"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("rebuild", [False, True])
def test_killed_compaction_loses_nothing(
    output: str, step: str, rebuild: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    compacted_and_newer(output)
    expected = list(read_catalog(output))
    where, name = STEPS[step]
    with monkeypatch.context() as patched, pytest.raises(KilledError):
        patched.setattr(where, name, killed)
        compact_catalog(output, rebuild=rebuild)
    assert list(read_catalog(output)) == expected
    compact_catalog(output)
    assert list(read_catalog(output)) == expected
    assert (len(objects(output, "entries")), len(objects(output, "snapshots"))) == (0, 1)


def test_compaction_killed_during_deletion(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {f"v{number}" for number in range(20)}
    for name in names:
        put(output, name)
    real = OutputFolder._remove
    left = iter(range(7))

    def dying(self: OutputFolder, name: str) -> bool:
        if next(left, None) is None:
            raise KilledError
        return real(self, name)

    with monkeypatch.context() as patched, pytest.raises(KilledError):
        patched.setattr(OutputFolder, "_remove", dying)
        compact_catalog(output)
    assert 0 < len(objects(output, "entries")) < 20
    assert results_of(output) == names
    assert compact_catalog(output).results == 20
    assert objects(output, "entries") == []


MEETINGS: dict[str, tuple[Any, str]] = {
    "while the other has begun": (compaction, "snapshots_in"),
    "while the other reads": (compaction, "_fill"),
    "while the other is about to remove entries": (compaction, "_obsolete"),
    "while the other is about to remove snapshots": (compaction, "_remove_snapshots"),
}


@pytest.mark.parametrize("moment", MEETINGS)
@pytest.mark.parametrize("rebuild", [False, True])
def test_two_concurrent_compactions_lose_nothing(
    output: str, moment: str, rebuild: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    compacted_and_newer(output)
    where, name = MEETINGS[moment]
    real: Callable[..., Any] = getattr(where, name)

    def meeting(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(where, name, real)
        put(output, "between")
        found = real(*args, **kwargs) if name == "snapshots_in" else None
        compact_catalog(output)
        put(output, "after")
        return found if found is not None else real(*args, **kwargs)

    monkeypatch.setattr(where, name, meeting)
    compact_catalog(output, rebuild=rebuild)
    expected = {"a": 1, "b": 2, "c": 1, "between": 1, "after": 1}
    assert {entry.video_id: entry.rows for entry in read_catalog(output)} == expected
    compact_catalog(output)
    assert {entry.video_id: entry.rows for entry in read_catalog(output)} == expected
    assert (len(objects(output, "entries")), len(objects(output, "snapshots"))) == (0, 1)


def test_two_snapshots_are_read_as_one(tmp_path: Path) -> None:
    """Two compactions that ended at the same moment have covered different things."""
    output, folder = str(tmp_path), OutputFolder(str(tmp_path))
    put(output, "a")
    put(output, "both", words=["old"])
    mine = list(merged(folder, []))
    put(output, "b")
    put(output, "both", words=["new"] * 2)
    compact_catalog(output)
    compaction._write(folder, iter(mine), [Format.JSONL])
    assert len(snapshots_in(folder)) == 2
    assert {entry.video_id: entry.rows for entry in read_catalog(output)} == {"a": 1, "b": 1, "both": 2}


def test_leftovers_of_killed_compactions_are_deleted_after_a_day(tmp_path: Path) -> None:
    output, snapshots = str(tmp_path), tmp_path / "_catalog" / "snapshots"
    put(output, "v")
    compact_catalog(output)
    now = datetime.now(UTC)
    old, recent = (stamp_of(now - timedelta(hours=hours)) for hours in (25, 23))
    for stamp in (old, recent):
        for name in (f"{stamp}-00000000.parquet", f".{stamp}-00000000.jsonl.abc.tmp"):
            (snapshots / name).write_text("half")
    (snapshots / "notes.md").write_text("mine")
    compact_catalog(output)
    left = {path.name for path in snapshots.iterdir()} - set(snapshots_in(OutputFolder(output)))
    assert left == {f"{recent}-00000000.parquet", f".{recent}-00000000.jsonl.abc.tmp", "notes.md"}


def test_unreachable_store_is_a_retryable_error(memory: MemoryFileSystem, monkeypatch: Any) -> None:
    put("memory://conn@bucket/out", "v")

    def down(*_: Any, **__: Any) -> Any:
        raise ConnectionError("connection reset")

    for name in ("ls", "cat_file"):
        with monkeypatch.context() as patched, pytest.raises(TwelveLabsOutputError, match="connection reset") as caught:
            patched.setattr(MemoryFileSystem, name, down)
            list(read_catalog("memory://conn@bucket/out"))
        assert "conn@" not in str(caught.value)


BAD_ENTRIES: dict[str, dict[str, Any]] = {
    "a bad time": {"published_at": "yesterday"},
    "a time out of range": {"published_at": "0001-01-01T00:00:00+23:00"},
    "a path out of the output": {"result": "../victim.manifest.json"},
    "a path through the output": {"result": "a/../../victim.manifest.json"},
    "an absolute path": {"result": "/etc/victim.manifest.json"},
    "a path into the catalog": {"result": "_catalog/entries/victim.manifest.json"},
    "a digest that is a path": {"manifest_sha256": "/../" + "0" * 60},
    "a number for a text": {"kind": 5},
}


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_invalid_catalog_entry_is_an_error(name: str) -> None:
    row = CatalogEntry("r.manifest.json", "k", "u", "m", "0" * 64, "2026-01-01T00:00:00+00:00").as_row()
    with pytest.raises(ValueError):
        CatalogEntry.from_json(json.dumps({**row, **BAD_ENTRIES[name]}).encode())
    for content in (b"[" * 100_000, b"9" * 6000, b"\xff", b"null"):
        with pytest.raises(ValueError):
            CatalogEntry.from_json(content)


def test_one_invalid_entry_or_row_does_not_break_the_catalog(tmp_path: Path) -> None:
    good = CatalogEntry("i/v/k.manifest.json", "k", "u", "m", "0" * 64, "2026-01-01T00:00:00+00:00")
    other = CatalogEntry("i/w/k.manifest.json", "k", "u", "m", "0" * 64, "2026-01-01T00:00:00+00:00")
    stamp = "20260101T000000000000Z-000000000000"

    def write(key: str, content: bytes) -> None:
        file = tmp_path / "_catalog" / "entries" / key[:2] / f"{key}.{stamp}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    (tmp_path / good.name).parent.mkdir(parents=True)
    (tmp_path / good.name).write_bytes(json.dumps(good.as_row()).encode())
    write("0" * 32, b"[" * 100_000)
    write("1" * 32, json.dumps({**good.as_row(), "published_at": "yesterday"}).encode())
    # Under the name of one result lies the entry of another.
    write("2" * 32, json.dumps(good.as_row()).encode())
    snapshots = tmp_path / "_catalog" / "snapshots"
    snapshots.mkdir()
    (snapshots / "20260101T000000000000Z-00000000.jsonl").write_bytes(
        b"not json\n" + json.dumps(other.as_row()).encode() + b"\n"
    )
    expected = {good.result, other.result}
    assert {entry.result for entry in read_catalog(str(tmp_path))} == expected
    assert compact_catalog(str(tmp_path)).results == 2
    assert {entry.result for entry in read_catalog(str(tmp_path))} == expected
    compact_catalog(str(tmp_path), rebuild=True)


def test_index_cannot_publish_into_the_catalog_folder() -> None:
    for name in ("_catalog", "_Catalog"):
        assert not ResultPath((name, "v"), "k").folder.lower().startswith("_catalog/")
