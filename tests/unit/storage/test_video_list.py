"""Lists of videos as files of JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage import video_list
from twelvelabs_provider.storage.video_list import ListedVideo, list_lines, read_video_list

VIDEOS = [
    ListedVideo("s3://conn@bucket/a\u2028b.mp4", 5, "etag", "2026-01-01T00:00:00+00:00", "s3://conn@bucket/a.srt"),
    ListedVideo("/größe.mp4"),
]


def test_written_list_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_bytes(b"".join(list_lines(VIDEOS)))
    assert path.read_text().splitlines()[1].startswith('{"uri": "/größe.mp4", "size": null')
    assert list(read_video_list(str(path))) == VIDEOS


def test_handwritten_list_is_read(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_bytes(b'\xef\xbb\xbf"a.mp4"\r\n\r\n  {"uri": "b.mp4", "note": "other fields are passed over"}')
    assert list(read_video_list(path.as_uri())) == [ListedVideo("a.mp4"), ListedVideo("b.mp4")]


def test_lines_are_read_one_at_a_time() -> None:
    def endless() -> Iterator[ListedVideo]:
        while True:
            yield VIDEOS[0]

    assert next(list_lines(endless())).endswith(b"}\n")


def test_list_is_read_lazily(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_bytes(b'"a.mp4"\nno JSON\n')
    videos = read_video_list(str(path))
    assert next(videos).uri == "a.mp4"
    with pytest.raises(TwelveLabsInputError, match=r"^Line 2 of the list of videos 'file://.*list.jsonl' is not JSON"):
        next(videos)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1]", "is list, not a JSON object"),
        ("{}", "has no uri; it has []"),
        ('{"uri": 3}', "uri=3 must be a text"),
        ('{"uri": "a", "size": -1}', "size=-1 must be a whole number of bytes"),
        ('{"uri": "a", "size": true}', "size=True must be"),
        ('{"uri": "a", "subtitle": ["b"]}', "subtitle=['b'] must be a text"),
        ("\udcff", "is not JSON in UTF-8"),
        ("x" * 200, "is longer than 0 KiB"),
    ],
)
def test_invalid_lines_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, words: str) -> None:
    monkeypatch.setattr(video_list, "LONGEST_LINE", 100)
    path = tmp_path / "list.jsonl"
    path.write_bytes(line.encode("utf-8", errors="surrogateescape"))
    with pytest.raises(TwelveLabsInputError) as caught:
        list(read_video_list(str(path)))
    assert str(caught.value).startswith(f"Line 1 of the list of videos 'file://{path}'")
    assert words in str(caught.value)


@pytest.mark.parametrize("uri", ["https://host/list.jsonl?sig=secret", "/no/such.jsonl"])
def test_unreadable_lists_are_refused(uri: str) -> None:
    with pytest.raises(TwelveLabsInputError, match="list of videos") as caught:
        read_video_list(uri)
    assert "secret" not in str(caught.value)
