"""Discovery of videos on object store servers, page by page, with its records in the same store."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.servers.remote import Remote
from tests.servers.test_outputs import said_of
from tests.servers.test_sources import CONTENT, NAMES
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.discovery import pages
from twelvelabs_provider.storage.discovery.discover import Discovery
from twelvelabs_provider.storage.discovery.search_roots import search_root
from twelvelabs_provider.storage.discovery.state import DiscoveryState
from twelvelabs_provider.storage.discovery.videos import VideoSelection
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.signing import signed_link
from twelvelabs_provider.storage.source import resolve_source
from twelvelabs_provider.storage.video_list import ListedVideo, read_video_list


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of few keys, so that there are many."""
    monkeypatch.setattr(pages, "PAGE", 3)


def discover(remote: Remote, run: str, *sources: str, **options: Any) -> list[ListedVideo]:
    """Return what a run hands out; the list and what is known lie in the same bucket."""
    given: dict[str, Any] = {"min_age": 0, "stable_for": 0, "chunk_size": 4, "max_chunks": 9, "only_new": True}
    roots = [search_root(source) for source in sources or [remote.uri("in/")]]
    state = DiscoveryState(remote.uri("state"), Provenance("dag", run, "task"), "a" * 8)
    result = Discovery(roots, VideoSelection(), **{**given, **options}).run(state, {}).result
    return [video for chunk in result["chunks"] for video in read_video_list(chunk)]


def keys_of(remote: Remote, videos: list[ListedVideo]) -> list[str]:
    """The keys of some videos."""
    return sorted(video.uri.removeprefix(remote.uri("")) for video in videos)


def test_keys_with_special_characters_are_listed_page_by_page(remote: Remote) -> None:
    for name in NAMES:
        remote.write(f"in/{name}", CONTENT)
    remote.write("in/deep/er/a.mp4", CONTENT)
    remote.write("in/deep/er/a.en.vtt", b"WEBVTT")
    remote.write("in/notes.txt", b"no video")
    remote.write("inside.mp4", CONTENT)
    found = discover(remote, "1")
    assert keys_of(remote, found) == sorted([*(f"in/{name}" for name in NAMES), "in/deep/er/a.mp4"])
    assert {video.subtitle for video in found} == {None, remote.uri("in/deep/er/a.en.vtt")}
    for video in found:
        source = resolve_source(video.uri)
        assert (video.size, video.version) == (source.size, source.fingerprint)
        assert video.modified is not None
    assert discover(remote, "2") == []
    remote.write(f"in/{NAMES[0]}", CONTENT[::-1])
    remote.delete(f"in/{NAMES[1]}")
    remote.write("in/new.mp4", CONTENT)
    assert keys_of(remote, discover(remote, "3")) == sorted([f"in/{NAMES[0]}", "in/new.mp4"])
    assert discover(remote, "1") == found, "the same run, the same list"
    assert remote.leftovers() == []


def test_age_is_measured_by_the_clock_of_the_store(remote: Remote) -> None:
    remote.write("in/a.mp4", CONTENT)
    assert discover(remote, "1", min_age=600) == []
    later = time.time() + 601
    assert keys_of(remote, discover(remote, "2", min_age=600, clock=lambda: later)) == ["in/a.mp4"]


def test_patterns_prefixes_and_single_objects(remote: Remote) -> None:
    for key in ("a.mp4", "in/1/b.mp4", "in/1/b.srt", "in/1c.mp4", "in/2/d.mp4"):
        remote.write(key, CONTENT)
    for number, (source, keys) in enumerate(
        {
            "": ["a.mp4", "in/1/b.mp4", "in/1c.mp4", "in/2/d.mp4"],
            "*.mp4": ["a.mp4"],
            "in/1*": ["in/1c.mp4"],
            "in/*/*.mp4": ["in/1/b.mp4", "in/2/d.mp4"],
            "**/[bd].mp4": ["in/1/b.mp4", "in/2/d.mp4"],
            "in/1/b.mp4": ["in/1/b.mp4"],
            "in/2": ["in/2/d.mp4"],
            "empty/": [],
        }.items()
    ):
        found = discover(remote, str(number), remote.uri(source), only_new=False)
        assert keys_of(remote, found) == keys, source
        assert all(video.subtitle for video in found if video.uri.endswith("b.mp4"))


def test_unlistable_sources_are_errors(remote: Remote) -> None:
    for uri, reason in {
        remote.uri("in/", bucket="no-such-bucket"): "does not exist",
        remote.uri("in/", conn_id="stranger"): "access denied",
    }.items():
        said = said_of(remote, partial(discover, remote, "1", uri), TwelveLabsInputError)
        assert "The place to look for videos" in said
        assert reason in said


def test_video_deleted_after_listing_is_named(remote: Remote, tmp_path: Path) -> None:
    remote.write("in/a.mp4", CONTENT)
    (video,) = discover(remote, "1")
    remote.delete("in/a.mp4")
    assert "does not exist" in said_of(remote, lambda: resolve_source(video.uri), TwelveLabsInputError)


def test_presigned_url_opens_one_object(remote: Remote) -> None:
    if remote.scheme == "s3":
        pytest.skip("moto does not check signed links; tests/dags/test_signed_uploads.py follows those of S3")
    remote.write("in/größe 1.mp4", CONTENT)
    link = signed_link(resolve_source(remote.uri("in/größe 1.mp4")), "http://127.0.0.1")
    assert requests.get(link, timeout=60).content == CONTENT
    assert requests.get(link.replace("in/", "out/"), timeout=60).status_code >= 400
