"""Sources on object store servers: names, ranges, and errors."""

from __future__ import annotations

from functools import partial

import pytest

from tests.servers.gateway import Break
from tests.servers.remote import Remote
from tests.servers.test_outputs import said_of
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage import source_content
from twelvelabs_provider.storage.source import resolve_source

NAMES = ["two words.mp4", "größe 影片.mp4", "a+b.mp4", "100%25.mp4", "%41.mp4", "c#d.mp4", "e?f.mp4", "g=h&i;j.mp4"]
CONTENT = bytes(range(256)) * 40


def test_keys_with_special_characters(remote: Remote) -> None:
    for number, name in enumerate(NAMES, start=1):
        remote.write(f"in/{name}", CONTENT[number:])
    for number, name in enumerate(NAMES, start=1):
        found = resolve_source(remote.uri(f"in/{name}"))
        assert (found.filename, found.size) == (name, len(CONTENT) - number)
        assert found.uri == f"{remote.scheme}://{remote.bucket}/in/{name}"
        with found.open() as stream:
            assert stream.read() == CONTENT[number:], name


def test_only_the_requested_range_is_fetched(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_content, "BLOCK_SIZE", 1000)
    remote.write("video.mp4", CONTENT)
    found = resolve_source(remote.uri("video.mp4"))
    with remote.gateway.breaking(0, Break.CUT), found.open_range(3000, 2500) as stream:
        assert stream.read() == CONTENT[3000:5500]
        assert len(remote.gateway.seen) == 3
    with found.open() as stream:
        stream.seek(-10, 2)
        assert stream.read() == CONTENT[-10:]


def test_versions_have_different_fingerprints(remote: Remote) -> None:
    remote.write("video.mp4", CONTENT)
    first = resolve_source(remote.uri("video.mp4"))
    assert resolve_source(remote.uri("video.mp4")).fingerprint == first.fingerprint
    remote.write("video.mp4", CONTENT[::-1])
    assert resolve_source(remote.uri("video.mp4")).fingerprint != first.fingerprint


def test_missing_object_and_bucket(remote: Remote) -> None:
    remote.write("folder/video.mp4", CONTENT)
    remote.write("empty.mp4", b"")
    for uri, reason in {
        remote.uri("missing.mp4"): "does not exist",
        remote.uri("video.mp4", bucket="no-such-bucket"): "does not exist",
        remote.uri("folder"): "is a directory",
        remote.uri("empty.mp4"): "is empty",
    }.items():
        assert reason in said_of(remote, partial(resolve_source, uri), TwelveLabsInputError)


def test_wrong_secret(remote: Remote) -> None:
    remote.write("video.mp4", CONTENT)
    uri = remote.uri("video.mp4", conn_id="stranger")
    assert "access denied" in said_of(remote, lambda: resolve_source(uri), TwelveLabsInputError)
