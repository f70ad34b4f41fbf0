"""Invalid input: a clear error before any upload or billing, and no files left."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import SAMPLE, SUBTITLES, Account, Connect
from tests.task_context import task_context
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError, TwelveLabsRefusedError
from twelvelabs_provider.operators.extract import (
    TwelveLabsExtractTextInVideoOperator,
    TwelveLabsExtractTranscriptionOperator,
)
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator

pytestmark = pytest.mark.engine

UNKNOWN = "6650000000000000000000ff"


def clip(folder: Path, *, seconds: float = 5, size: tuple[int, int] = (640, 360)) -> str:
    """Return a small video of one colour."""
    import av
    import numpy as np

    path = folder / f"{size[0]}x{size[1]}-{seconds:g}s.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height = size
        picture = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 90, np.uint8), format="rgb24")
        for _ in range(int(seconds * 5)):
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return str(path)


def written(folder: Path, name: str, content: bytes) -> str:
    """Return the path of a new file."""
    (folder / name).write_bytes(content)
    return str(folder / name)


VIDEOS: dict[str, tuple[Callable[[Path], str], str]] = {
    "missing": (lambda folder: str(folder / "nowhere.mp4"), "nowhere.mp4"),
    "empty": (lambda folder: written(folder, "empty.mp4", b""), "empty"),
    "a directory": (str, "director"),
    "not a video": (lambda folder: written(folder, "letter.mp4", b"Dear all,\n" * 500), "not a video"),
    "too short": (lambda folder: clip(folder, seconds=2), "2.00 s"),
    "too small": (lambda folder: clip(folder, size=(160, 120)), "160"),
    "no scheme known": (lambda _: "gopher://host/video.mp4", "gopher"),
    "nothing": (lambda _: "", "source"),
}


@pytest.mark.parametrize("case", VIDEOS)
@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_unreadable_video_is_named(
    case: str, api_version: str, connect: Connect, account: Account, tmp_path: Path
) -> None:
    connect(api_version)
    make, said = VIDEOS[case]
    before = account.holdings()
    operator = TwelveLabsIndexVideoOperator(task_id="t", source=make(tmp_path), index_id=UNKNOWN)
    with pytest.raises(TwelveLabsInputError, match=said):
        operator.execute(task_context())
    assert account.holdings() == before


SUBTITLE_FILES: dict[str, tuple[bytes, str]] = {
    "not UTF-8": ("1\n00:00:01,000 --> 00:00:02,000\nfür dich\n".encode("latin-1"), "UTF-8"),
    "no cues": (b"just words\n", "sub|cue|SRT"),
    "empty": (b"", "empty"),
    "an empty cue": (b"1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\nyes\n", "cue"),
    "out of order": (b"1\n00:00:05,000 --> 00:00:06,000\nb\n\n2\n00:00:01,000 --> 00:00:02,000\na\n", "cue"),
    "beyond the end": (b"1\n01:00:01,000 --> 01:00:02,000\nlate\n", "end"),
    "ends before it starts": (b"1\n00:00:05,000 --> 00:00:02,000\nb\n", "cue"),
}


@pytest.mark.parametrize("case", SUBTITLE_FILES)
@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_unreadable_subtitles_are_named(
    case: str, api_version: str, connect: Connect, account: Account, tmp_path: Path
) -> None:
    connect(api_version)
    content, said = SUBTITLE_FILES[case]
    before = account.holdings()
    operator = TwelveLabsIndexVideoOperator(
        task_id="t", source=str(SAMPLE), index_id=UNKNOWN, transcription=written(tmp_path, "given.srt", content)
    )
    with pytest.raises(TwelveLabsInputError, match=said):
        operator.execute(task_context())
    assert account.holdings() == before


def test_transcript_that_the_generation_lacks_is_refused_before_the_upload(connect: Connect, account: Account) -> None:
    before = account.holdings()
    operator = TwelveLabsIndexVideoOperator(
        task_id="t", source=str(SAMPLE), index_id=UNKNOWN, transcription=str(SUBTITLES)
    )
    with pytest.raises(TwelveLabsRefusedError, match="ExtractTranscriptionOperator"):
        operator.execute(task_context())
    assert account.holdings() == before


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2", "v1.1"])
def test_unknown_index(api_version: str, connect: Connect, account: Account) -> None:
    connect(api_version)
    before = account.holdings()
    operator = TwelveLabsIndexVideoOperator(task_id="t", source=str(SAMPLE), index_id=UNKNOWN)
    with pytest.raises(TwelveLabsRefusedError, match=UNKNOWN):
        operator.execute(task_context())
    assert account.holdings() == before


def test_wrong_key(connect: Connect, account: Account) -> None:
    before = account.holdings()
    connect(password="tlk_not_this_one")
    operator = TwelveLabsIndexVideoOperator(task_id="t", source=str(SAMPLE), index_id=UNKNOWN)
    with pytest.raises(TwelveLabsRefusedError, match="api_key_invalid") as caught:
        operator.execute(task_context())
    assert "tlk_not_this_one" not in str(caught.value)
    assert account.holdings() == before


def test_unreachable_host(connect: Connect) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    connect(host=f"http://127.0.0.1:{port}", extra={"max_attempts": 1})
    operator = TwelveLabsIndexVideoOperator(task_id="t", source=str(SAMPLE), index_id=UNKNOWN)
    with pytest.raises(Exception, match=rf"127\.0\.0\.1:{port}.*check the host of connection '"):
        operator.execute(task_context())


EXTRACTIONS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "end before start": ({"start": 10, "end": 5}, TwelveLabsInputError, "end=5"),
    "no number": ({"start": "soon"}, TwelveLabsInputError, "soon"),
    "negative": ({"start": -1}, TwelveLabsInputError, "-1"),
    "unknown format": ({"formats": ["jsonl", "docx"]}, TwelveLabsInputError, "docx"),
    "no format": ({"formats": []}, TwelveLabsInputError, "format"),
    "unknown video": ({}, TwelveLabsRefusedError, UNKNOWN),
    "no output": ({"output_path": ""}, TwelveLabsInputError, "output_path"),
}


@pytest.mark.parametrize("case", EXTRACTIONS)
@pytest.mark.parametrize(
    "operator_class", [TwelveLabsExtractTranscriptionOperator, TwelveLabsExtractTextInVideoOperator]
)
def test_invalid_extraction_is_refused(
    case: str, operator_class: Any, connect: Connect, account: Account, tmp_path: Path
) -> None:
    arguments, error, said = EXTRACTIONS[case]
    output = tmp_path / "out"
    before = account.holdings()
    fields = {"index_id": UNKNOWN, "video_id": UNKNOWN, "output_path": str(output), **arguments}
    with pytest.raises(error, match=said):
        operator_class(task_id="t", **fields).execute(task_context())
    assert account.holdings() == before
    assert not output.exists()


@pytest.mark.parametrize(
    "operator_class", [TwelveLabsExtractTranscriptionOperator, TwelveLabsExtractTextInVideoOperator]
)
def test_output_that_cannot_be_written(operator_class: Any, connect: Connect, account: Account, tmp_path: Path) -> None:
    in_the_way = written(tmp_path, "file", b"x")
    before = account.holdings()
    operator = operator_class(
        task_id="t", index_id=UNKNOWN, video_id=UNKNOWN, output_path=os.path.join(in_the_way, "below")
    )
    with pytest.raises((TwelveLabsInputError, TwelveLabsOutputError), match="file"):
        operator.execute(task_context())
    assert account.holdings() == before
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
