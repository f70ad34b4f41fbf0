from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import ObjectStoragePath

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.locations import Location, redact_url, without_signatures

SIGNED = (
    "https://user:hunter2@b.s3.amazonaws.com/a%20b.mp4?X-Amz-Credential=AKIA%2F2026&X-Amz-Signature=0123456789abcdef01"
)


def test_uri_of_a_location_has_a_scheme_and_no_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/user")
    assert Location.parse("out put/../é").uri == f"file://{tmp_path}/é"
    assert Location.parse("~/out").uri == "file:///home/user/out"
    assert Location.parse("file:///a/b").uri == "file:///a/b"
    assert Location.parse(Path("/a/b")).uri == "file:///a/b"
    assert Location.parse("s3://conn@bucket/key").uri == "s3://bucket/key"
    stored: Any = ObjectStoragePath("s3://conn@bucket/key")
    assert Location.parse(stored).uri == "s3://bucket/key"


def test_parts_of_a_location() -> None:
    location = Location.parse("S3://conn@bucket/a/b.mp4")
    assert (location.scheme, location.user, location.bucket, location.path) == ("s3", "conn", "bucket", "/a/b.mp4")
    assert not location.is_local and not location.is_url
    plain = Location.parse("a b?.mp4")
    assert (plain.scheme, plain.bucket, plain.path, plain.is_local) == ("", "", "a b?.mp4", True)
    assert Location.parse("http:/host/v.mp4").is_url and not Location.parse("http:/host/v.mp4").is_local


def test_no_text_form_of_a_location_holds_a_secret() -> None:
    location = Location.parse(SIGNED)
    for text in (str(location), repr(location), f"{location}", repr([location]), location.shown, location.uri):
        assert "hunter2" not in text and "0123456789abcdef01" not in text
    assert "conn" not in repr(Location.parse("s3://conn@bucket/key"))


def test_connection_is_added_once() -> None:
    location = Location.parse("s3://bucket/key").with_connection("conn")
    assert location.value == "s3://conn@bucket/key"
    assert location.with_connection("conn") is location.with_connection(None) is location
    with pytest.raises(TwelveLabsInputError, match="names the connection 'conn', but 'other' is given too"):
        location.with_connection("other")


def test_nested_urls_lose_their_signatures() -> None:
    shown = "https://b.s3.amazonaws.com/a%20b.mp4"
    assert without_signatures({"a": [SIGNED, 1], "b": "s3://conn@b/k"}) == {"a": [shown, 1], "b": "s3://conn@b/k"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (SIGNED, "https://b.s3.amazonaws.com/a%20b.mp4"),
        ("https://h/a?b#c", "https://h/a"),
        ("https://token@h", "https://h"),
        ("http://h/p@q", "http://h/p@q"),
        ("https:/u:p@h/v?x", "https:/h/v"),
        ("s3://conn@bucket/key", "s3://bucket/key"),
        ("s3://bucket/What?.mp4", "s3://bucket/What?.mp4"),
        ("s3://bucket/k?X-Amz-Signature=1", "s3://bucket/k"),
        ("/tmp/What?.mp4", "/tmp/What?.mp4"),
        ("", ""),
    ],
)
def test_redact_url(url: str, shown: str) -> None:
    assert redact_url(url) == shown
    assert redact_url(shown) == shown
