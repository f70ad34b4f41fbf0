"""Local media files: only those of the expected type in the configured folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.media import must_be_image_asset, must_be_picture, must_be_sound
from twelvelabs_provider.storage.source import Source, resolve_source

SECRET = b"API_KEY=tlk_0SECRET0KEY\n"
JPEG, PNG, WEBP = b"\xff\xd8\xff\xe0 JFIF", b"\x89PNG\r\n\x1a\n....", b"RIFF\0\0\0\0WEBPVP8 "
SOUNDS = [
    b"ID3\x04....",
    b"\xff\xfb\x90\x00",
    b"RIFF\0\0\0\0WAVEfmt ",
    b"fLaC....",
    b"OggS....",
    b"\0\0\0\x20ftypM4A ....",
]


def file_of(folder: Path, content: bytes, name: str = "a.bin") -> Source:
    (folder / name).write_bytes(content)
    return resolve_source(str(folder / name))


@pytest.mark.parametrize("check", [must_be_picture, must_be_image_asset, must_be_sound])
@pytest.mark.parametrize("content", [SECRET, b"{}", b"\0" * 64, b"PK\x03\x04....", b"%PDF-1.7", b"-----BEGIN"])
def test_other_files_are_refused_without_quoting_them(
    tmp_path: Path, check: Callable[[Source], None], content: bytes
) -> None:
    with pytest.raises(TwelveLabsInputError, match=r"a\.bin") as caught:
        check(file_of(tmp_path, content))
    assert "tlk_0SECRET" not in str(caught.value)


def test_images_and_audio(tmp_path: Path) -> None:
    for picture in (JPEG, PNG):
        must_be_picture(file_of(tmp_path, picture))
        must_be_image_asset(file_of(tmp_path, picture))
    must_be_image_asset(file_of(tmp_path, WEBP))
    for sound in SOUNDS:
        must_be_sound(file_of(tmp_path, sound))
    for check in (must_be_picture, must_be_image_asset, must_be_sound):
        check(resolve_source("https://h/a"))


@pytest.fixture
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder that local files may come from."""
    folder = tmp_path / "allowed"
    folder.mkdir()
    (tmp_path / "allowed-too").mkdir()
    monkeypatch.setenv("AIRFLOW__TWELVELABS__LOCAL_SOURCES", f"/nowhere, {folder}")
    return folder


def test_only_files_of_the_allowed_folders(allowed: Path, tmp_path: Path) -> None:
    assert file_of(allowed, JPEG).size == len(JPEG)
    (tmp_path / "b.bin").write_bytes(JPEG)
    (tmp_path / "allowed-too/b.bin").write_bytes(JPEG)
    (allowed / "link.bin").symlink_to(tmp_path / "b.bin")
    places: list[Any] = [tmp_path / "b.bin", allowed / "../b.bin", allowed / "link.bin", tmp_path / "allowed-too/b.bin"]
    for place in (*places, (tmp_path / "b.bin").as_uri(), tmp_path / "missing.bin"):
        with pytest.raises(TwelveLabsInputError, match=r"outside \[twelvelabs\] local_sources"):
            resolve_source(str(place))
    assert resolve_source("https://h/a").is_url
