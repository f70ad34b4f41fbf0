"""Discovery of new videos in files and in a store that is listed page by page."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.io import store as airflow_store
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractFileSystem

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRecordError
from twelvelabs_provider.storage.discovery.discover import Discovery
from twelvelabs_provider.storage.discovery.external_sort import Spool, sorted_rows
from twelvelabs_provider.storage.discovery.listed_files import ListedFile, stem_of, time_of
from twelvelabs_provider.storage.discovery.search_roots import search_root
from twelvelabs_provider.storage.discovery.state import DiscoveryState
from twelvelabs_provider.storage.discovery.videos import VideoSelection
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.source import resolve_source
from twelvelabs_provider.storage.video_list import ListedVideo, read_video_list

LONG_AGO = 1_700_000_000.0


@dataclass
class Bucket:
    """A folder of videos, and the lists that were made of it."""

    folder: Path
    output: Path
    sources: list[str] = field(default_factory=list)
    now: float = LONG_AGO + 10_000
    options: dict[str, Any] = field(default_factory=dict)

    def put(self, *names: str, content: bytes = b"video", at: float = LONG_AGO) -> None:
        """Write files that were written some time ago."""
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (at, at))

    def discover(self, run: str, asked: str = "0" * 8, **options: Any) -> Found:
        """List it once."""
        given = {"min_age": 60, "stable_for": 0, "chunk_size": 2, "max_chunks": 100, "only_new": True} | self.options
        wanted = VideoSelection(
            **{name: options.pop(name) for name in list(options) if name in VideoSelection.__dataclass_fields__}
        )
        roots = [search_root(source) for source in self.sources or [str(self.folder)]]
        discovery = Discovery(roots, wanted, **{**given, **options}, clock=lambda: self.now)
        state = DiscoveryState(str(self.output), Provenance("dag", run, "task"), asked)
        result = discovery.run(state, {}).result
        manifest = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())
        return Found(result, manifest["counts"], str(self.folder))


@dataclass
class Found:
    """What a run has handed out."""

    result: Any
    counts: dict[str, int]
    folder: str

    @property
    def videos(self) -> list[ListedVideo]:
        """The lines of its chunks."""
        return [video for chunk in self.result["chunks"] for video in read_video_list(chunk)]

    @property
    def names(self) -> list[str]:
        """Where they lie below the folder."""
        return [video.uri.removeprefix(f"file://{self.folder}/") for video in self.videos]

    @property
    def subtitles(self) -> dict[str, str | None]:
        """The last parts of the names of videos and their subtitles."""
        return {
            video.uri.rpartition("/")[2]: video.subtitle and video.subtitle.rpartition("/")[2] for video in self.videos
        }


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    """An empty folder."""
    folder = tmp_path / "videos"
    folder.mkdir()
    return Bucket(folder, tmp_path / "state")


def test_new_changed_and_deleted_videos(bucket: Bucket) -> None:
    bucket.put("a.mp4", "b.mp4", "deep/er/c.MOV")
    first = bucket.discover("1")
    assert first.names == ["a.mp4", "b.mp4", "deep/er/c.MOV"]
    assert (first.result["videos"], first.result["bytes"], len(first.result["chunks"])) == (3, 15, 2)
    assert bucket.discover("2").result | {"manifest": ""} == {
        "videos": 0, "bytes": 0, "skipped": {}, "chunks": [], "manifest": "",
    }  # fmt: skip
    bucket.put("b.mp4", content=b"other")
    bucket.put("b.mp4", content=b"longer")
    bucket.put("new.mp4")
    (bucket.folder / "a.mp4").unlink()
    third = bucket.discover("3")
    assert third.names == ["b.mp4", "new.mp4"]
    assert third.counts == {"new": 1, "changed": 1, "unchanged": 1, "deleted": 1}
    bucket.put("a.mp4")
    assert bucket.discover("4").names == ["a.mp4"], "what comes back is new"
    assert len(bucket.discover("5", only_new=False).names) == 4


def test_listed_size_and_version_equal_those_of_the_source(bucket: Bucket) -> None:
    bucket.put("a.mp4", "a.srt")
    (video,) = bucket.discover("1").videos
    source = resolve_source(video.uri)
    assert (video.uri, video.size, video.version) == (source.uri, source.size, source.fingerprint)
    assert video.modified == "2023-11-14T22:13:20+00:00"
    assert video.subtitle == f"file://{bucket.folder}/a.srt"


def test_same_run_returns_the_same_list(bucket: Bucket) -> None:
    bucket.put("a.mp4")
    first = bucket.discover("1")
    bucket.put("b.mp4")
    again = bucket.discover("1")
    assert again.result == first.result
    assert again.names == ["a.mp4"]
    assert bucket.discover("2").names == ["b.mp4"]
    assert bucket.discover("1").names == ["a.mp4"], "cleared, after a newer run"
    assert bucket.discover("3").names == [], "and that newer run is still the one to compare with"


def test_run_with_other_arguments_lists_again(bucket: Bucket) -> None:
    bucket.put("a.mp4", "b.mkv")
    before = bucket.discover("0", suffixes=frozenset([".avi"]))
    assert before.names == []
    first = bucket.discover("1", suffixes=frozenset([".mkv"]))
    assert first.names == ["b.mkv"]
    again = bucket.discover("1", asked="1" * 8)
    assert again.names == ["a.mp4", "b.mkv"]
    assert first.names == ["b.mkv"], "what was handed out before can be read still"
    assert bucket.discover("2").names == []


def test_failed_run_loses_nothing(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put("a.mp4")
    with monkeypatch.context() as patched:
        patched.setattr(DiscoveryState, "finish", lambda *_: (_ for _ in ()).throw(OSError("no room")))
        with pytest.raises(OSError, match="no room"):
            bucket.discover("1")
    bucket.put("b.mp4")
    assert bucket.discover("2").names == ["a.mp4", "b.mp4"]
    assert bucket.discover("1").names == [], "its retry finds them handed out"


def test_two_concurrent_runs_lose_nothing(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put("a.mp4")
    bucket.discover("0")
    bucket.put("b.mp4")
    finish = DiscoveryState.finish

    def another_first(self: DiscoveryState, *given: Any) -> Any:
        monkeypatch.setattr(DiscoveryState, "finish", finish)
        bucket.put("c.mp4")
        assert bucket.discover("other").names == ["b.mp4", "c.mp4"]
        return finish(self, *given)

    monkeypatch.setattr(DiscoveryState, "finish", another_first)
    assert bucket.discover("one").names == ["b.mp4"]
    assert set(bucket.discover("later").names) <= {"c.mp4"}
    assert bucket.discover("last").names == []


def test_too_young_video_is_listed_later(bucket: Bucket) -> None:
    bucket.put("old.mp4")
    bucket.put("young.mp4", at=bucket.now - 59)
    first = bucket.discover("1")
    assert (first.names, first.result["skipped"]) == (["old.mp4"], {"too_young": 1})
    bucket.now += 1
    assert bucket.discover("2").names == ["young.mp4"]


def test_young_subtitle_delays_its_video(bucket: Bucket) -> None:
    bucket.put("v.mp4")
    bucket.put("v.srt", at=bucket.now - 1)
    assert bucket.discover("1").names == []
    bucket.now += 60
    assert bucket.discover("2").subtitles == {"v.mp4": "v.srt"}
    (bucket.folder / "v.srt").unlink()
    third = bucket.discover("3")
    assert (third.subtitles, third.counts["changed"]) == ({"v.mp4": None}, 1)


def test_future_modification_time_does_not_hide_a_video_forever(bucket: Bucket) -> None:
    bucket.put("ahead.mp4", at=bucket.now + 1e8)
    assert bucket.discover("1").names == []
    bucket.now += 59
    assert bucket.discover("2").names == []
    bucket.now += 1
    assert bucket.discover("3").names == ["ahead.mp4"]


def test_videos_that_change_between_two_listings_are_delayed(bucket: Bucket) -> None:
    bucket.put("still.mp4", "growing.mp4", "gone.mp4")

    def meanwhile(seconds: float) -> None:
        assert seconds == 5
        bucket.put("growing.mp4", content=b"longer")
        bucket.put("begun.mp4")
        (bucket.folder / "gone.mp4").unlink()

    found = bucket.discover("1", stable_for=5, sleep=meanwhile)
    assert found.names == ["still.mp4"]
    assert found.result["skipped"] == {"still_changing": 2, "vanished": 1}
    assert bucket.discover("2").names == ["begun.mp4", "growing.mp4"]


def test_ignored_files(bucket: Bucket) -> None:
    bucket.put(".hidden.mp4", ".git/x.mp4", "~$lock.mp4", "_temporary/0/part.mp4", "notes.txt", "a.mp4.part", "noname")
    bucket.put("empty.mp4", content=b"")
    bucket.put("small.mp4", content=b"12")
    bucket.put("large.mp4", content=b"1234567")
    bucket.put("x.mp4/in a folder.mp4")
    (bucket.folder / "pipe.mp4").unlink(missing_ok=True)
    os.mkfifo(bucket.folder / "pipe.mp4")
    (bucket.folder / "loop").symlink_to(bucket.folder)
    (bucket.folder / "broken.mp4").symlink_to("nowhere")
    (bucket.folder / "circle.mp4").symlink_to("circle.mp4")
    Path(os.fsdecode(os.fsencode(bucket.folder) + b"/\xff.mp4")).write_bytes(b"video")
    found = bucket.discover("1", min_size=3, max_size=6)
    assert found.names == ["x.mp4/in a folder.mp4"]
    assert found.result["skipped"] == {
        "broken_link": 2, "empty": 1, "hidden": 4, "link_loop": 1, "name_not_utf8": 1, "not_a_video": 3,
        "too_large": 1, "too_small": 1,
    }  # fmt: skip


def test_symlinks_are_followed_into_allowed_folders_only(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/v.mp4").write_bytes(b"video")
    bucket.put("own/v.mp4")
    (bucket.folder / "link").symlink_to(tmp_path / "elsewhere")
    (bucket.folder / "link.mp4").symlink_to(tmp_path / "elsewhere/v.mp4")
    (bucket.folder / "inner.mp4").symlink_to("own/v.mp4")
    found = bucket.discover("1", min_age=0)
    assert (found.names, found.result["skipped"]) == (["inner.mp4", "own/v.mp4"], {"link_outside": 2})
    monkeypatch.setenv("AIRFLOW__TWELVELABS__LOCAL_SOURCES", f"{tmp_path / 'elsewhere'}:{bucket.folder}")
    assert set(bucket.discover("2", min_age=0).names) == {"link.mp4", "link/v.mp4"}


AWKWARD = [
    "a b.mp4",
    "100%.mp4",
    "50%20.mp4",
    "what?x=1.mp4",
    "#1.mp4",
    "Größe 録画.mp4",
    "a+b&c.mp4",
    "[x]*.mp4",
    "l\nf.mp4",
]


def test_names_with_special_characters_can_be_read(bucket: Bucket) -> None:
    bucket.put(*AWKWARD)
    found = bucket.discover("1")
    assert sorted(found.names) == sorted(AWKWARD)
    assert [resolve_source(video.uri).size for video in found.videos] == [5] * len(AWKWARD)


@pytest.mark.parametrize(
    ("language", "names", "taken"),
    [
        (None, ["v.srt", "v.vtt", "v.en.vtt"], "v.srt"),
        (None, ["v.en.vtt", "v.de.srt"], "v.de.srt"),
        ("en", ["v.srt", "v.en.vtt", "v.de.vtt"], "v.en.vtt"),
        ("en", ["v.en-US.vtt", "v.srt"], "v.en-US.vtt"),
        ("en-GB", ["v.en-US.vtt", "v.EN_gb.vtt"], "v.EN_gb.vtt"),
        ("en", ["v.de.vtt", "v.vtt"], "v.vtt"),
        ("en", ["v.de.vtt"], None),
        (None, ["v.part2.vtt", "w.vtt", "v.txt"], None),
        (None, ["V.SRT"], "V.SRT"),
        (None, ["V.SRT", "v.vtt"], "v.vtt"),
        (None, ["v.SRT"], "v.SRT"),
        (None, ["v.en.sdh.srt"], "v.en.sdh.srt"),
        (None, ["v.sdh.srt", "v.cc.vtt"], "v.cc.vtt"),
        (None, ["v.en.sdh.srt", "v.en.srt"], "v.en.srt"),
        ("en", ["v.EN.CC.srt", "v.srt"], "v.EN.CC.srt"),
        ("hi", ["v.hi.srt", "v.en.srt"], "v.hi.srt"),
        ("en", ["v.hi.srt", "v.en.hi.srt"], "v.en.hi.srt"),
        (None, ["v.forced.srt"], None),
        (None, ["v.en.forced.srt", "v.FORCED.en.srt", "v.forced.sdh.srt"], None),
        (None, ["v.en.forced.srt", "v.en.srt"], "v.en.srt"),
        ("pt-BR", ["v.pt-BR.srt", "v.pt.srt"], "v.pt-BR.srt"),
        ("zh", ["v.zh-Hans.srt", "v.en.srt"], "v.zh-Hans.srt"),
        (None, ["v.mp4.srt"], "v.mp4.srt"),
        (None, ["v.MP4.en.vtt"], "v.MP4.en.vtt"),
        (None, ["v.mov.srt", "v_en.srt", "v-en.srt", "v en.srt", "v..srt"], None),
    ],
)
def test_subtitles_are_matched_to_videos(
    bucket: Bucket, language: str | None, names: list[str], taken: str | None
) -> None:
    bucket.put("v.mp4", "v.2026.mp4", *names)
    assert bucket.discover("1", language=language).subtitles == {"v.mp4": taken, "v.2026.mp4": None}


def test_subtitles_match_in_any_unicode_form_and_case(bucket: Bucket) -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    bucket.put(f"{composed}.mp4", f"{apart}.srt", "D.MP4", "d.srt", "s\u00dc\u00df.mp4", "SU\u0308SS.EN.VTT")
    bucket.put("Two.mp4", "two.mov", "two.srt", "TWO.vtt", "A/x.mp4", "a/x.srt", f"{apart}/y.mp4", f"{composed}/y.srt")
    found = bucket.discover("1")
    assert found.subtitles == {
        f"{composed}.mp4": f"{apart}.srt", "D.MP4": "d.srt", "s\u00dc\u00df.mp4": "SU\u0308SS.EN.VTT", "Two.mp4": None,
        "two.mov": "two.srt", "x.mp4": None, "y.mp4": "y.srt",
    }  # fmt: skip
    # TWO.vtt is spelled like neither of two videos; names of folders are not compared in another case.
    assert found.result["skipped"] == {"subtitle_unpaired": 2}
    assert bucket.discover("2").names == [], "the order of what is known is the same"


def test_stray_subtitles_are_counted_and_named(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    bucket.put("v.mp4", "v.srt", "v.en.srt", "v.en.forced.srt", "alone.srt", "v_en.srt", "small.mp4", "small.srt")
    bucket.put("empty.srt", content=b"")
    bucket.put("large.mp4", "large.en.sdh.srt", content=b"larger than others")
    with caplog.at_level(logging.WARNING):
        found = bucket.discover("1", max_size=10, stable_for=1, sleep=lambda seconds: None)
    skipped = {"subtitle_empty": 1, "subtitle_forced": 1, "subtitle_not_chosen": 1, "subtitle_unpaired": 2}
    assert found.result["skipped"] == {"too_large": 1, **skipped}
    named = [f"file://{bucket.folder}/{name}" for name in ("alone.srt", "v.en.forced.srt", "v_en.srt")]
    manifest = json.loads(Path(found.result["manifest"].removeprefix("file://")).read_text())
    assert manifest["unpaired_subtitles"] == named
    assert all(name in caplog.text for name in named)


def test_pattern_creates_no_stray_subtitles(bucket: Bucket) -> None:
    bucket.put("a.mp4", "a.srt", "b.mp4", "b.srt", "c.mov", "c.srt", *(f"stray{number:02}.srt" for number in range(30)))
    bucket.sources = [f"{bucket.folder}/a.mp4", f"{bucket.folder}/*.mov"]
    found = bucket.discover("1", suffixes=frozenset({".mp4"}))
    assert found.subtitles == {"a.mp4": "a.srt"}
    assert found.result["skipped"]["subtitle_unpaired"] == 30
    manifest = json.loads(Path(found.result["manifest"].removeprefix("file://")).read_text())
    assert len(manifest["unpaired_subtitles"]) == 20


def test_language_suffix_of_a_subtitle_name(bucket: Bucket) -> None:
    bucket.put("v.en.mp4", "v.de.mp4", "v.en.srt", "v.de.srt")
    assert bucket.discover("1").subtitles == {"v.en.mp4": "v.en.srt", "v.de.mp4": "v.de.srt"}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.mp4", ["a.mp4"]),
        ("**/*.mp4", ["2025/c.mp4", "2026/01/b.mp4", "a.mp4"]),
        ("2026/**", ["2026/01/b.mp4"]),
        ("20*/[ab-z].mp4", ["2025/c.mp4"]),
        ("2025/c.mp4", ["2025/c.mp4"]),
        ("2025/", ["2025/c.mp4"]),
        ("?.mov", []),
    ],
)
def test_patterns_and_single_files(bucket: Bucket, pattern: str, names: list[str]) -> None:
    bucket.put("a.mp4", "2026/01/b.mp4", "2025/c.mp4", "2025/c.vtt")
    bucket.sources = [f"{bucket.folder}/{pattern}"]
    found = bucket.discover("1")
    assert found.names == names
    assert all(video.subtitle for video in found.videos if video.uri.endswith("c.mp4"))


def test_overlapping_sources_list_a_video_once(bucket: Bucket) -> None:
    bucket.put("a/b.mp4")
    bucket.sources = [str(bucket.folder), f"file://{bucket.folder}/a"]
    found = bucket.discover("1")
    assert (found.names, found.result["skipped"]) == (["a/b.mp4"], {"listed_twice": 1})


def test_more_videos_make_larger_chunks(bucket: Bucket) -> None:
    bucket.put(*(f"{number:02}.mp4" for number in range(11)))
    found = bucket.discover("1", chunk_size=1, max_chunks=3)
    assert [len(list(read_video_list(chunk))) for chunk in found.result["chunks"]] == [4, 4, 3]


def test_records_of_old_runs_are_deleted(bucket: Bucket) -> None:
    for run in range(6):
        bucket.put(f"{run}.mp4")
        assert bucket.discover(str(run)).names == [f"{run}.mp4"]
    kept = sorted(path.parts[-3] for path in bucket.output.rglob("known.jsonl.gz"))
    assert kept == ["3", "4", "5"]
    assert len(list(bucket.output.rglob("manifest.json"))) == 6


def test_damaged_records_are_named(bucket: Bucket) -> None:
    bucket.put("a.mp4")
    bucket.discover("1")
    known = next(bucket.output.rglob("known.jsonl.gz"))
    whole = known.read_bytes()
    known.write_bytes(whole[:-10])
    with pytest.raises(TwelveLabsRecordError, match=r"known.jsonl.gz' is damaged"):
        bucket.discover("2")
    known.write_bytes(whole)
    (bucket.output / "dag/task/runs/1/manifest.json").unlink()
    with pytest.raises(TwelveLabsRecordError, match=r"latest.json' names run '1', but its manifest is missing"):
        bucket.discover("2")
    (bucket.output / "dag/task/latest.json").write_text("{")
    with pytest.raises(TwelveLabsRecordError, match=r"latest.json' is not JSON"):
        bucket.discover("2")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/no/such/folder", "'/no/such/folder' does not exist"),
        ("https://host/a?sig=1", "'https://host/a' is a URL, and a web server cannot be listed"),
        (" ", "is empty"),
        ("foo://b/c", "no filesystem for"),
        ("s3://", "names no bucket"),
        ("s3://key:secret@bucket/x", "'s3://bucket/x' holds a password: name an Airflow connection"),
        ("/tmp/a**b", "'**' can only be an entire path component"),
    ],
)
def test_invalid_sources_are_refused(bucket: Bucket, source: str, words: str) -> None:
    bucket.sources = [source]
    with pytest.raises(TwelveLabsInputError) as caught:
        bucket.discover("1")
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_unreadable_folder_is_an_error(unprivileged: Path, drop_privileges: Callable[[], None]) -> None:
    (unprivileged / "videos/closed").mkdir(parents=True)
    (unprivileged / "videos/closed").chmod(0)
    (unprivileged / "state").mkdir()
    (unprivileged / "state").chmod(0o777)
    bucket = Bucket(unprivileged / "videos", unprivileged / "state")
    drop_privileges()
    with pytest.raises(TwelveLabsInputError, match=r"closed' cannot be listed: Permission denied"):
        bucket.discover("1")


class PagedBucket(AbstractFileSystem):  # type: ignore[misc]
    """Keys that are given out two at a time in no order, as a store that promises none might."""

    cachable = False
    protocol = "s3"

    def __init__(self, **keys: bytes) -> None:
        super().__init__()
        self.objects = keys
        self.asked: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def call_s3(self, method: str, **asked: Any) -> dict[str, Any]:
        assert method == "list_objects_v2"
        if self.error:
            raise self.error
        self.asked.append(asked)
        keys = [key for key in self.objects if key.startswith(asked["Prefix"])]
        if asked.get("Delimiter"):
            keys = [key for key in keys if "/" not in key[len(asked["Prefix"]) :]]
        start = int(asked.get("ContinuationToken", 0))
        page = [self.entry(key) for key in keys[start : start + 2]]
        more = start + 2 < len(keys)
        return {"Contents": page, "IsTruncated": more, **({"NextContinuationToken": str(start + 2)} if more else {})}

    def entry(self, key: str) -> dict[str, Any]:
        body = self.objects[key]
        written = datetime.fromtimestamp(LONG_AGO, UTC)
        return {"Key": key, "Size": len(body), "ETag": f'"{body.hex()}"', "LastModified": written}

    def isfile(self, path: str) -> bool:
        return path.partition("/")[2] in self.objects

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return {**self.entry(path.partition("/")[2]), "size": len(self.objects[path.partition("/")[2]]), "type": "file"}

    def cat_file(self, path: str, start: Any = None, end: Any = None, **_: Any) -> bytes:
        return self.objects[path.partition("/")[2]][start:end]


@pytest.fixture
def paged(stores: dict[str, Any]) -> Callable[..., PagedBucket]:
    """Put keys behind ``s3://conn@bucket``."""

    def put(*keys: str) -> PagedBucket:
        filesystem = PagedBucket(**dict.fromkeys(keys, b"video"))
        airflow_store.attach("s3", "conn", fs=filesystem)
        return filesystem

    return put


def test_bucket_is_listed_page_by_page(bucket: Bucket, paged: Callable[..., PagedBucket]) -> None:
    keys = ["v/z.mp4", "v/a.en.vtt", "v/b/", "v/b/a.mp4", "v/a.mp4", "v/.tmp/x.mp4", "w.mp4", "v/x.mp4/y.mp4"]
    store = paged(*keys, *(f"v/{name}" for name in AWKWARD))
    bucket.sources = ["s3://conn@bucket/v/"]
    found = bucket.discover("1")
    expected = ["v/z.mp4", "v/b/a.mp4", "v/a.mp4", "v/x.mp4/y.mp4", *(f"v/{name}" for name in AWKWARD)]
    assert sorted(found.names) == sorted(f"s3://conn@bucket/{key}" for key in expected)
    assert found.subtitles["a.mp4"] in (None, "a.en.vtt")
    assert {video.subtitle for video in found.videos} == {None, "s3://conn@bucket/v/a.en.vtt"}
    assert all(asked["Prefix"] == "v/" for asked in store.asked)
    assert [resolve_source(video.uri).fingerprint for video in found.videos] == [v.version for v in found.videos]
    airflow_store.attach("s3", "renamed", fs=store)
    bucket.sources = ["s3://renamed@bucket/v/"]
    assert bucket.discover("2").names == [], "the same videos by another connection"


@pytest.mark.parametrize(
    ("source", "prefix", "names"),
    [
        ("s3://conn@bucket", "", ["all.mp4", "v/1/a.mp4", "v/1b.mp4"]),
        ("s3://conn@bucket/v/1*", "v/1", ["v/1b.mp4"]),
        ("s3://conn@bucket/*.mp4", "", ["all.mp4"]),
        ("s3://conn@bucket/v/1", "v/1/", ["v/1/a.mp4"]),
        ("s3://conn@bucket/v/1/a.mp4", "v/1/a", ["v/1/a.mp4"]),
        ("s3://conn@bucket/all.mp4", "all", ["all.mp4"]),
        ("s3://conn@bucket/nothing/", "nothing/", []),
    ],
)
def test_prefixes_of_a_bucket(
    bucket: Bucket, paged: Callable[..., PagedBucket], source: str, prefix: str, names: list[str]
) -> None:
    store = paged("v/1/a.mp4", "v/1b.mp4", "all.mp4", "v/1/a.srt")
    bucket.sources = [source]
    found = bucket.discover("1")
    assert found.names == [f"s3://conn@bucket/{name}" for name in names]
    assert {asked["Prefix"] for asked in store.asked} == {prefix}


def test_source_with_its_own_connection(bucket: Bucket, paged: Callable[..., PagedBucket]) -> None:
    paged("a.mp4")
    assert search_root("s3://bucket/a", "conn").uri == "s3://conn@bucket/a"
    assert search_root("s3://conn@bucket/a", "conn").uri == "s3://conn@bucket/a"
    with pytest.raises(TwelveLabsInputError, match="names the connection 'conn', but 'other' is given too"):
        search_root("s3://conn@bucket/a", "other")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError("The specified bucket does not exist"), "'s3://bucket/v/' does not exist"),
        (PermissionError("Access Denied"), "'s3://bucket/v/' cannot be listed: access denied"),
    ],
)
def test_unlistable_bucket_is_an_error(
    bucket: Bucket, paged: Callable[..., PagedBucket], error: Exception, words: str
) -> None:
    paged().error = error
    bucket.sources = ["s3://conn@bucket/v/"]
    with pytest.raises(TwelveLabsInputError) as caught:
        bucket.discover("1")
    assert words in str(caught.value)


def test_unreachable_store_is_a_retryable_error(bucket: Bucket, paged: Callable[..., PagedBucket]) -> None:
    paged("a.mp4").error = ConnectionResetError("reset")
    bucket.sources = ["s3://conn@bucket/v/"]
    with pytest.raises(ConnectionResetError) as caught:
        bucket.discover("1")
    assert caught.value.__notes__ == ["while listing 's3://bucket/v/'"]
    assert list(bucket.output.rglob("*.*")) == []


def test_other_stores_are_walked_folder_by_folder(bucket: Bucket, memory: MemoryFileSystem) -> None:
    for key in ("v/a.mp4", "v/deep/b c?.mp4", "v/deep/b c?.srt", "v/.hidden/x.mp4", "w.mp4"):
        memory.pipe_file(f"/bucket/{key}", b"video")
    bucket.sources = ["memory://conn@bucket/v"]
    bucket.now = datetime.now(UTC).timestamp() + 1000
    found = bucket.discover("1")
    assert found.names == ["memory://conn@bucket/v/a.mp4", "memory://conn@bucket/v/deep/b c?.mp4"]
    assert found.subtitles["b c?.mp4"] == "b c?.srt"
    bucket.sources = ["memory://conn@bucket/v/*.mp4"]
    assert bucket.discover("2", only_new=False).names == ["memory://conn@bucket/v/a.mp4"]


def test_rows_are_sorted_in_runs() -> None:
    rows = [[f"{number * 7919 % 1000:03}", 0, "n", None, 1.5] for number in range(1000)]
    assert list(sorted_rows(iter(rows), run_rows=100)) == sorted(rows)
    assert list(sorted_rows([], run_rows=100)) == []
    spool = Spool(rows)
    assert list(spool) == list(spool) == rows
    assert spool.count == 1000


@pytest.mark.parametrize(
    ("info", "time"),
    [
        ({"mtime": 5}, 5.0),
        ({"updated": "1970-01-01T00:00:07.000Z"}, 7.0),
        ({"last_modified": datetime(1970, 1, 1, 0, 0, 8)}, 8.0),
        ({"modified": "yesterday", "created": datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC)}, 9.0),
        ({}, None),
    ],
)
def test_modification_times_of_each_store(info: dict[str, Any], time: float | None) -> None:
    assert time_of(info) == time


def test_names_and_stems() -> None:
    entry = ListedFile("s3://conn@bucket/a@b/c.d.mp4", 1, "", None)
    assert entry.name == "s3://bucket/a@b/c.d.mp4"
    assert replace(entry, uri="file:///a@b.mp4").name == "file:///a@b.mp4"
    assert [stem_of(name) for name in ("a/b.c.mp4", "a.b/c", "a/.x")] == ["a/b.c", "a.b/c", "a/.x"]
