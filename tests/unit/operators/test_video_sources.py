"""Sources of operators for many videos: lists, files, patterns and rows, and the allowed failures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.video_sources import allowed_failures, concurrency_of, videos_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three films in two folders, and a list of two."""
    (tmp_path / "day").mkdir()
    for name in ("b.mp4", "a.mp4", "day/c.mp4", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    rows = [{"uri": "s3://conn@bucket/x.mp4", "subtitle": "s3://conn@bucket/x.srt"}, {"uri": "y.mp4", "size": 3}]
    (tmp_path / "chunk.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def uris(value: Any) -> list[str]:
    return [video.uri for video in videos_of(value)]


def test_mixed_list_keeps_its_order(folder: Path) -> None:
    given = [str(folder / "chunk.jsonl"), f"{folder}/*.mp4", {"uri": "z.mp4"}, "https://h/v*.mp4?a=*"]
    found = uris(given)
    assert found == [
        "s3://conn@bucket/x.mp4", "y.mp4", f"{folder}/a.mp4", f"{folder}/b.mp4", "z.mp4", "https://h/v*.mp4?a=*",
    ]  # fmt: skip
    assert uris(json.dumps(given)) == found
    assert videos_of(given)[0].subtitle == "s3://conn@bucket/x.srt"


def test_pattern_searches_subfolders_and_finds_files_only(folder: Path) -> None:
    assert uris(f"{folder}/**/*.mp4") == [f"{folder}/a.mp4", f"{folder}/b.mp4", f"{folder}/day/c.mp4"]
    assert uris(f"file://{folder}/d*") == []


def test_pattern_in_object_storage_keeps_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    from twelvelabs_provider.storage.discovery import search_roots

    store: MemoryFileSystem = fsspec.filesystem("memory")
    for name in ("/bucket/a 1.mp4", "/bucket/b.mp4", "/bucket/b.srt", "/bucket/sub.mp4/x"):
        store.pipe_file(name, b"x")
    monkeypatch.setattr(search_roots, "filesystem_of", lambda location, _: (store, location.bucket + location.path))
    assert uris("s3://conn@bucket/*.mp4") == ["s3://conn@bucket/a 1.mp4", "s3://conn@bucket/b.mp4"]


@pytest.mark.parametrize("nothing", [None, "", " ", "None", "null", "[]", [], ()])
def test_empty_values_mean_no_videos(nothing: Any) -> None:
    assert videos_of(nothing) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (7, "videos=7 is int"),
        ([7], r"videos\[0\] is int"),
        (["a.mp4", ""], r"videos\[1\]='' is empty"),
        ([{"name": "a"}], r"videos\[0\] has no uri"),
        ("[1", "not JSON"),
        ("{", "not JSON"),
        ("no such list.jsonl", "does not exist"),
        (["a"] * 5_001, "more than 5,000"),
    ],
)
def test_invalid_video_is_named(value: Any, said: str) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        videos_of(value)


@pytest.mark.parametrize(
    ("value", "videos", "allowed"),
    [(0, 10, 0), ("3", 10, 3), ("5%", 500, 25), ("5%", 10, 0), ("100%", 3, 3), (None, 3, None), ("None", 3, None)],
)
def test_allowed_failures_as_number_or_share(value: Any, videos: int, allowed: int | None) -> None:
    assert allowed_failures(value, videos) == allowed


@pytest.mark.parametrize("value", ["many", -1, "101%", 1.5, "-5%", True])
def test_invalid_max_failed(value: Any) -> None:
    with pytest.raises(TwelveLabsInputError, match="max_failed"):
        allowed_failures(value, 10)


def test_max_concurrent_values() -> None:
    assert [concurrency_of(value) for value in (1, "25", 100.0)] == [1, 25, 100]
    for value in (0, 101, "x", 2.5, None):
        with pytest.raises(TwelveLabsInputError, match="max_concurrent"):
            concurrency_of(value)
