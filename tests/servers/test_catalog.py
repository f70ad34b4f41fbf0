"""Catalog on object store servers: entries, compactions, concurrent writers and readers."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor

from tests.servers.remote import Remote
from tests.unit.storage.published import put, results_of
from twelvelabs_provider.storage.catalog import compact_catalog, read_catalog
from twelvelabs_provider.storage.formats import Format

NAMES = ["plain", "vidéo 7", "日本語 ビデオ", "100%?#", "a+b"]
WRITERS, RESULTS = 3, 5


def catalog_of(remote: Remote) -> list[str]:
    """Return the names of the catalog's objects."""
    names = (name.partition("_catalog/")[2] for name in remote.contents())
    return sorted(filter(None, names))


def test_entries_and_compactions(remote: Remote) -> None:
    output = remote.uri("out ü")
    assert list(read_catalog(output)) == []
    for name in NAMES:
        put(output, name)
    assert results_of(output) == set(NAMES)
    before = list(read_catalog(output))
    assert compact_catalog(output, [Format.PARQUET]).entries == len(NAMES)
    assert [name.rpartition(".")[2] for name in catalog_of(remote)] == ["jsonl", "parquet"]
    assert list(read_catalog(output)) == before
    put(output, NAMES[0], words=["newer"] * 2)
    put(output, "later")
    done = compact_catalog(output)
    assert (done.results, done.entries, done.snapshots) == (len(NAMES) + 1, 2, 1)
    (snapshot,) = catalog_of(remote)
    assert snapshot.endswith(".jsonl")
    assert {entry.video_id: entry.rows for entry in read_catalog(output)} == {
        **dict.fromkeys([*NAMES, "later"], 1),
        NAMES[0]: 2,
    }
    assert remote.secrets_in(json.dumps([entry.as_row() for entry in read_catalog(output)])) == []
    rebuilt = compact_catalog(output, rebuild=True)
    assert (rebuilt.results, rebuilt.entries, rebuilt.snapshots) == (len(NAMES) + 1, 0, 1)
    assert results_of(output) == {*NAMES, "later"}


def test_concurrent_writers_compactions_and_readers(remote: Remote) -> None:
    output = remote.uri("out")
    names = {f"{writer} {number}" for writer in range(WRITERS) for number in range(RESULTS)}

    def write(writer: int) -> None:
        for number in range(RESULTS):
            put(output, f"{writer} {number}")

    def watch(writers: list[Future[None]]) -> None:
        seen: set[str | None] = set()
        while not all(writer.done() for writer in writers):
            found = results_of(output)
            assert seen <= found
            seen = found

    def compact(writers: list[Future[None]], rebuild: bool) -> None:
        while not all(writer.done() for writer in writers):
            compact_catalog(output, rebuild=rebuild)

    with ThreadPoolExecutor(WRITERS + 3) as pool:
        writers = [pool.submit(write, writer) for writer in range(WRITERS)]
        others = [
            pool.submit(watch, writers),
            pool.submit(compact, writers, False),
            pool.submit(compact, writers, True),
        ]
        for done in (*writers, *others):
            done.result(timeout=240)
    assert results_of(output) == names
    assert compact_catalog(output).results == len(names)
    assert len(catalog_of(remote)) == 1
