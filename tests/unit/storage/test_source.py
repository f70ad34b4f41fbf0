from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from twelvelabs_provider.api.embedding.source import MediaSource
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.storage.source import resolve_source

SIGNED = (
    "https://user:hunter2@b.s3.amazonaws.com/a%20b.mp4?X-Amz-Credential=AKIA%2F2026&X-Amz-Signature=0123456789abcdef01"
)


def refused(value: str, **kwargs: Any) -> str:
    with pytest.raises(TwelveLabsInputError) as caught:
        resolve_source(value, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize("form", ["{path}", "file://{path}", "file://localhost{path}", "file://conn@{path}"])
def test_local_file_is_found_in_every_spelling(tmp_path: Path, form: str) -> None:
    path = tmp_path / "Größe und was?x=1 #2.mp4"
    path.write_bytes(b"0123456789")
    source = resolve_source(form.format(path=path))
    assert source.uri == f"file://{path}"
    assert (source.filename, source.size, source.is_url) == (path.name, 10, False)
    assert source.fingerprint == f"10-{path.stat().st_mtime_ns}"
    with source.open() as first, source.open() as second:
        assert first.read(3) == b"012"
        assert second.read() == b"0123456789"


def test_relative_path_and_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "v.mp4").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_source("v.mp4").uri == resolve_source("~/v.mp4").uri == f"file://{tmp_path}/v.mp4"


def test_percent_encoded_file_uri_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a b.mp4"
    path.write_bytes(b"x")
    assert resolve_source(path.as_uri()).uri == f"file://{path}"


def test_fingerprint_follows_the_content(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"x")
    before = resolve_source(str(path)).fingerprint
    os.utime(path, ns=(1, 1))
    assert resolve_source(str(path)).fingerprint != before


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_empty_source_is_refused(value: str) -> None:
    assert "The transcription is empty" in refused(value, what="transcription")


def test_missing_file_is_named(tmp_path: Path) -> None:
    message = refused(str(tmp_path / "no.mp4"))
    assert message.startswith(f"The video does not exist: 'file://{tmp_path}/no.mp4'.")


def test_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"x")
    assert "does not exist" in refused(f"{tmp_path}/v.mp4/w.mp4")


def test_directory_empty_file_and_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    os.mkfifo(tmp_path / "pipe")
    assert "is a directory" in refused(str(tmp_path))
    assert "is empty (0 bytes)" in refused(f"{tmp_path}/empty.mp4")
    assert "not a regular file" in refused(f"{tmp_path}/pipe")


def test_unreadable_file_is_named(unprivileged: Path, drop_privileges: Any) -> None:
    path = unprivileged / "v.mp4"
    path.write_bytes(b"x")
    path.chmod(0)
    drop_privileges()
    assert f"The video cannot be read (Permission denied): 'file://{path}'" in refused(str(path))


def test_invalid_paths_are_refused() -> None:
    assert "NUL" in refused("/tmp/a\0b")
    assert "File name too long" in refused("/tmp/" + "x" * 300)
    assert "names a host" in refused("file://server/share/v.mp4")


def test_secret_in_a_mistaken_path_is_not_shown() -> None:
    message = refused("bucket.s3.amazonaws.com/v.mp4?X-Amz-Signature=0123456789abcdef")
    assert "does not exist" in message
    assert "0123456789abcdef" not in message


def test_url_is_not_fetched() -> None:
    source = resolve_source(SIGNED)
    assert source.is_url
    assert source.url == SIGNED
    assert source.uri == "https://b.s3.amazonaws.com/a%20b.mp4"
    assert source.filename == "a b.mp4"
    assert source.size is None
    assert "hunter2" not in repr(source)
    assert "Signature" not in repr(source)
    with pytest.raises(TwelveLabsInputError, match="fetched by the service"):
        source.open()


def test_fingerprint_of_a_url_ignores_the_signature_only() -> None:
    def fingerprint(url: str) -> str:
        return resolve_source(url).fingerprint

    assert fingerprint(SIGNED) == fingerprint(SIGNED.replace("0123", "9876")) == resolve_source(SIGNED).uri
    azure = "https://a.blob.core.windows.net/c/v.mp4?sv=2024&se=2026&sr=b&sig="
    assert fingerprint(azure + "one") == fingerprint(azure + "two")
    assert fingerprint("https://h/watch?v=a") != fingerprint("https://h/watch?v=b")
    assert fingerprint("https://h/watch?v=a&t=1") == fingerprint("https://h/watch?t=1&v=a")


@pytest.mark.parametrize(
    "url",
    [
        "http:/host/v.mp4",
        "https:host/v.mp4",
        "https://",
        "https:///v.mp4",
        "https://user:hunter2@host:port/v.mp4?token=hunter2",
        "https://user:hunter2@[::1/v.mp4",
        "https://host/a b.mp4?token=hunter2",
        "https://host/a\nb.mp4",
        "HTTPS://host:99999/v.mp4",
    ],
)
def test_malformed_url_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(TwelveLabsInputError, match="malformed") as caught:
        resolve_source(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_unknown_scheme_and_missing_package(no_store_packages: None) -> None:
    assert "no filesystem for: 'foo'" in refused("foo://bucket/v.mp4")
    assert "pip install 'airflow-provider-twelvelabs[s3]'" in refused("s3://secretconn@bucket/v.mp4")
    assert "airflow-provider-twelvelabs[gcs]" in refused("gs://bucket/v.mp4")
    assert "airflow-provider-twelvelabs[azure]" in refused("abfs://bucket/v.mp4")
    assert "secretconn" not in refused("s3://secretconn@bucket/v.mp4")


def test_object_of_a_store(memory: MemoryFileSystem) -> None:
    memory.pipe_file("/bucket/What now? é.mp4", b"0123456789")
    source = resolve_source("memory://conn@bucket/What now? é.mp4")
    assert source.uri == "memory://bucket/What now? é.mp4"
    assert (source.filename, source.size) == ("What now? é.mp4", 10)
    assert source.fingerprint.startswith("10-20")
    assert "conn" not in repr(source)
    with source.open() as stream:
        assert stream.seek(8) == 8
        assert stream.read() == b"89"


def test_invalid_objects_are_refused(memory: MemoryFileSystem) -> None:
    memory.pipe_file("/bucket/empty.mp4", b"")
    memory.pipe_file("/bucket/folder/v.mp4", b"x")
    assert "The video does not exist: 'memory://bucket/no.mp4'" in refused("memory://conn@bucket/no.mp4")
    assert "is empty (0 bytes)" in refused("memory://bucket/empty.mp4")
    assert "is a directory" in refused("memory://bucket/folder")
    assert "names no bucket" in refused("memory://")


def test_checksum_of_the_store_is_the_fingerprint(bucket: Any) -> None:
    bucket.objects["bucket/v.mp4"] = b"x" * 10_000
    source = resolve_source("s3://conn@bucket/v.mp4")
    assert source.fingerprint == "d41d8"
    with source.open() as first, source.open() as second:
        first.read(5000)
        assert len(second.read()) == 10_000


def test_size_is_measured_if_the_store_does_not_return_it(
    memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/bucket/v.mp4", b"0123456789")
    info = memory.info
    monkeypatch.setattr(memory, "info", lambda path, **options: {**info(path, **options), "size": None})
    assert resolve_source("memory://bucket/v.mp4").size == 10


def test_unreadable_object_is_named(bucket: Any) -> None:
    bucket.objects["bucket/v.mp4"] = b"x"
    bucket.denied = True
    assert "cannot be read: access denied" in refused("s3://conn@bucket/v.mp4")


def test_file_changed_after_the_check_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"first")
    source = resolve_source(str(path))
    source.must_be_unchanged()
    path.write_bytes(b"second")
    for read in (source.open, source.must_be_unchanged, lambda: source.open_range(1, 2)):
        with pytest.raises(TwelveLabsSourceChangedError, match=r"v\.mp4' changed while it was sent"):
            read()
    path.unlink()
    with pytest.raises(TwelveLabsSourceChangedError):
        source.must_be_unchanged()


def test_object_changed_after_the_check_is_detected(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.objects["bucket/v.mp4"] = b"x"
    source = resolve_source("s3://conn@bucket/v.mp4")
    source.must_be_unchanged()
    with monkeypatch.context() as patch, pytest.raises(TwelveLabsSourceChangedError, match=r"s3://bucket/v\.mp4"):
        patch.setattr(bucket, "info", lambda path: {"size": 1, "ETag": '"another"'})
        source.must_be_unchanged()
    del bucket.objects["bucket/v.mp4"]
    with pytest.raises(TwelveLabsSourceChangedError, match=r"s3://bucket/v\.mp4"):
        source.must_be_unchanged()


def test_inline_content_is_the_checked_content(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"first")
    part = resolve_source(str(path)).file_part()
    opened = part.open

    def meanwhile() -> BinaryIO:
        stream = opened()
        path.write_bytes(b"second")
        return stream

    with pytest.raises(TwelveLabsSourceChangedError):
        MediaSource(file=dataclasses.replace(part, open=meanwhile)).body()


def test_temporary_store_failure_is_not_an_input_error(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(path: str, **_: Any) -> None:
        raise ConnectionResetError("reset")

    monkeypatch.setattr(bucket, "info", reset)
    with pytest.raises(ConnectionResetError) as caught:
        resolve_source("s3://conn@bucket/v.mp4")
    assert caught.value.__notes__ == ["while looking at the video 's3://bucket/v.mp4'"]
