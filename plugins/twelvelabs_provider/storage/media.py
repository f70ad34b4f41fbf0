"""Checks of images and audio files by their first bytes."""

from __future__ import annotations

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.probe import container_of
from twelvelabs_provider.storage.source import Source

_HEAD_BYTES = 1024
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_OTHER_PICTURES = (b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
_SOUNDS = (b"ID3", b"fLaC", b"OggS", b"FORM", b"#!AMR")
_MPEG_SYNC = 0xE0


def is_picture(head: bytes) -> bool:
    """Return whether these are the first bytes of a JPEG or PNG image."""
    return head.startswith(_PICTURES)


def must_be_picture(source: Source) -> None:
    """Refuse a file that is neither JPEG nor PNG; the service checks URLs.

    :raises TwelveLabsInputError: names the file, without its content.
    """
    if not source.is_url and not is_picture(_head(source)):
        raise TwelveLabsInputError(f"The image {source.uri!r} is neither JPEG nor PNG: give an image of one of them.")


def must_be_image_asset(source: Source) -> None:
    """Refuse a file that is no image of a common format; the service checks URLs.

    :raises TwelveLabsInputError: names the file, without its content.
    """
    if source.is_url:
        return
    head = _head(source)
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    heif = head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"heic", b"heix", b"mif1")
    if not (is_picture(head) or head.startswith(_OTHER_PICTURES) or webp or heif):
        raise TwelveLabsInputError(
            f"The image {source.uri!r} does not begin like one (JPEG, PNG, WebP, GIF): give an image."
        )


def must_be_sound(source: Source) -> None:
    """Refuse a file that is no audio; the service checks URLs.

    :raises TwelveLabsInputError: names the file, without its content.
    """
    if not source.is_url and not _is_sound(_head(source)):
        raise TwelveLabsInputError(
            f"The audio {source.uri!r} does not begin like a sound (WAV, MP3, FLAC, M4A, Ogg): give a sound file."
        )


def _is_sound(head: bytes) -> bool:
    wave = head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE"
    frames = len(head) > 1 and head[0] == 0xFF and head[1] & _MPEG_SYNC == _MPEG_SYNC
    m4a = head[4:8] == b"ftyp" and head[8:12] in (b"M4A ", b"M4B ")
    return wave or frames or m4a or head.startswith(_SOUNDS) or container_of(head) is not None


def _head(source: Source) -> bytes:
    with source.open() as stream:
        return stream.read(_HEAD_BYTES)
