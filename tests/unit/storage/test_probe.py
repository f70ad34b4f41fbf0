from __future__ import annotations

import dataclasses
import random
import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.unit.scripted_server import ScriptedServer
from twelvelabs_provider.api.limits import VideoLimits
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.input_checks import GivenVideo
from twelvelabs_provider.storage.probe import VideoFacts, check_video, container_of, probe_video
from twelvelabs_provider.storage.source import Source, resolve_source

LIMITS = VideoLimits(
    min_duration=4,
    max_duration=7200,
    min_side=360,
    max_long_side=3840,
    max_short_side=2160,
    max_aspect=2.4,
    max_bytes=2_000_000_000,
)
SUFFIXES = ["mp4", "mov", "mkv", "webm", "avi", "ts", "mpg", "flv", "wmv"]
CODECS = {"webm": "libvpx", "mpg": "mpeg2video", "flv": "flv", "wmv": "msmpeg4v3"}


def noise(width: int, height: int, pixels: str, seed: int) -> Any:
    """A picture that does not compress: MPEG-PS knows its length only to a packet, and grey frames share one."""
    import av

    frame = av.VideoFrame(width, height, pixels)
    for plane in frame.planes:
        plane.update(random.Random(seed).randbytes(plane.buffer_size))
    return frame


def make_video(path: Path, *, seconds: float = 2, width: int = 96, height: int = 64, sound: bool = False) -> Path:
    """A film of noise of the length asked for."""
    import av

    codec = CODECS.get(path.suffix[1:], "mpeg4")
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if sound:
            _add_silence(container, seconds)
        for number in range(round(seconds * 25)):
            frame = noise(width, height, "yuv420p", number)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _add_silence(container: Any, seconds: float) -> None:
    import av

    stream = container.add_stream("aac", rate=16_000)
    stream.layout = "mono"
    for number in range(round(seconds * 16_000 / 1024)):
        frame = av.AudioFrame("fltp", "mono", 1024)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.pts = 16_000, number * 1024
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def make_image(path: Path) -> Path:
    import av

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb24"
        container.mux(stream.encode(noise(64, 64, "rgb24", 0)))
        container.mux(stream.encode())
    return path


def make_sound(path: Path) -> Path:
    import av

    with av.open(str(path), "w") as container:
        _add_silence(container, 1)
    return path


def probe(path: Path) -> VideoFacts | None:
    return probe_video(resolve_source(str(path)))


def refusal(path: Path) -> str:
    with pytest.raises(TwelveLabsInputError) as caught:
        probe(path)
    assert str(caught.value).endswith(f"File: file://{path}")
    return str(caught.value)


@pytest.fixture
def without_av(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_container_formats(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_video(tmp_path / f"größer film.{suffix}")
    facts = probe(path)
    assert facts
    assert (facts.width, facts.height, facts.has_audio) == (96, 64, False)
    assert facts.duration == pytest.approx(2, abs=0.15)
    assert container_of(path.read_bytes()[:4096])
    monkeypatch.setitem(sys.modules, "av", None)
    assert probe(path) is None


def test_audio_track_is_found(tmp_path: Path) -> None:
    facts = probe(make_video(tmp_path / "v.mp4", sound=True))
    assert facts
    assert facts.has_audio
    assert "mp4" in facts.container


def test_title_that_is_not_utf8_is_accepted(tmp_path: Path) -> None:
    import av

    titled = tmp_path / "titled.mp4"
    with av.open(str(make_video(tmp_path / "plain.mp4"))) as plain, av.open(str(titled), "w") as container:
        container.metadata["title"] = "MARKED-TITLE"
        stream = container.add_stream_from_template(plain.streams.video[0])
        for packet in plain.demux(plain.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    content = titled.read_bytes()
    assert b"MARKED-TITLE" in content
    titled.write_bytes(content.replace(b"MARKED-TITLE", b"\xe9\xff\xfeMAR\xe8-TIT"))
    facts = probe(titled)
    assert facts is not None and facts.width == 96


def test_object_is_probed_through_its_stream(tmp_path: Path, memory: MemoryFileSystem) -> None:
    path = make_video(tmp_path / "v.mp4")
    memory.pipe_file("/bucket/v.mp4", path.read_bytes())
    assert probe_video(resolve_source("memory://conn@bucket/v.mp4")) == probe(path)


def test_only_the_header_is_read(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.avi", seconds=4)
    head = path.read_bytes()
    path.write_bytes(head + bytes(64 * 2**20))
    read = 0

    class Counting:
        def __init__(self) -> None:
            self._stream = path.open("rb")

        def read(self, size: int = -1) -> bytes:
            nonlocal read
            data = self._stream.read(size)
            read += len(data)
            return data

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

        def __enter__(self) -> Counting:
            return self

        def __exit__(self, *_: object) -> None:
            self._stream.close()

    content: Any = SimpleNamespace(open=Counting)
    assert probe_video(Source("file:///v.avi", "v.avi", None, "x", content=content))
    assert read < 8 * 2**20


def test_url_is_not_probed() -> None:
    assert probe_video(resolve_source("https://host/v.mp4")) is None


TEXT = "Words, nothing but words, and more than a few of them.\n" * 200
PLAYLISTS = ["#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "ffconcat version 1.0\nfile /etc/passwd\n"]
NO_VIDEOS = {
    "text.mp4": (TEXT.encode(), "text"),
    "words.mp4": (("ü" * 4096).encode(), "text"),
    "playlist.m3u8": (PLAYLISTS[0].encode(), "text"),
    "concat.mp4": (PLAYLISTS[1].encode(), "text"),
    "document.mp4": (b"%PDF-1.7\n\xe2\xe3", "a PDF document"),
    "archive.mp4": (b"PK\x03\x04\x00\x00", "a ZIP archive"),
    "photo.mp4": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG image"),
    "song.mp4": (b"ID3\x04\x00\x00", "an MP3 file"),
}


@pytest.mark.parametrize("name", NO_VIDEOS)
@pytest.mark.parametrize("pyav", [True, False])
def test_other_files_are_refused_with_and_without_pyav(
    tmp_path: Path, name: str, pyav: bool, request: pytest.FixtureRequest
) -> None:
    if not pyav:
        request.getfixturevalue("without_av")
    content, kind = NO_VIDEOS[name]
    (tmp_path / name).write_bytes(content)
    assert f"is not a video but {kind}" in refusal(tmp_path / name)


@pytest.mark.parametrize("content", [bytes(5000), bytes(range(128, 256)) * 40], ids=["zeros", "noise"])
def test_unknown_bytes_are_refused(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    assert "is not a readable video" in refusal(path)
    monkeypatch.setitem(sys.modules, "av", None)
    assert "does not begin like a video" in refusal(path)


def without_decoder(path: Path) -> Path:
    """Mark the video track as encrypted, as a protected download has it: FFmpeg has no decoder for its codec."""
    content = path.read_bytes()
    at = content.rindex(b"mp4v")
    encrypted = content[:at] + b"encv" + content[at + 4 :]
    # An "esds" box would name the codec once more.
    path.write_bytes(encrypted.replace(b"esds", b"free"))
    return path


def test_codec_without_decoder_is_accepted(tmp_path: Path) -> None:
    path = without_decoder(make_video(tmp_path / "v.mp4", sound=True))
    facts = probe(path)
    assert facts
    assert (facts.width, facts.height, facts.has_audio) == (None, None, True)
    assert facts.duration == pytest.approx(2, abs=0.15)
    check_video(resolve_source(str(path)), facts, dataclasses.replace(LIMITS, min_duration=1))
    assert "unknown codec" in GivenVideo(resolve_source(str(path)), facts).described


class _BrokenReader:
    """A library that raises an unexpected error while it reads a header."""

    __version__ = "18.1.0"
    time_base = 1_000_000

    class error:
        class FFmpegError(Exception): ...

    def open(self, *_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("division by zero")


def test_unexpected_error_names_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_video(tmp_path / "v.mp4")
    monkeypatch.setitem(sys.modules, "av", _BrokenReader())
    assert "ZeroDivisionError: division by zero" in refusal(path)


@pytest.mark.parametrize(("name", "playlist"), [("a.m3u8", PLAYLISTS[0]), ("a.mp4", PLAYLISTS[1])])
def test_binary_playlist_opens_no_file(tmp_path: Path, name: str, playlist: str) -> None:
    with ScriptedServer() as server:
        line = (
            f"#EXTINF:10,\n{server.origin}/inside.ts" if name.endswith("m3u8") else f"file '{server.origin}/inside.ts'"
        )
        first, _, _ = playlist.partition("\n")
        path = tmp_path / name
        path.write_bytes(f"{first}\n# \x01\n{line}\n".encode())
        assert "is not a readable video" in refusal(path)
        assert server.asked == []


def test_playlist_of_local_files_opens_no_file(tmp_path: Path) -> None:
    make_video(tmp_path / "other.mp4")
    path = tmp_path / "list.mp4"
    path.write_bytes(b"ffconcat version 1.0\n# \x01\nfile 'other.mp4'\n")
    assert "is not a readable video" in refusal(path)


def test_truncated_video_is_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4")
    path.write_bytes(path.read_bytes()[:500])
    assert "is not a readable video" in refusal(path)


def test_images_and_audio_are_not_videos(tmp_path: Path) -> None:
    assert "a PNG image" in refusal(make_image(tmp_path / "v.png"))
    assert "holds no moving pictures (streams: audio)" in refusal(make_sound(tmp_path / "v.mp4"))


def test_audio_with_cover_art_is_not_a_video(tmp_path: Path) -> None:
    assert "(streams: audio, video)" in refusal(_song_with_cover(tmp_path / "v.mp4", tmp_path))


def _song_with_cover(path: Path, folder: Path) -> Path:
    """An MP4 with sound and a cover atom (``covr``), written by hand: PyAV has no muxer option for it."""

    def atom(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content) + 8) + name + content

    sound = make_sound(folder / "sound.mp4").read_bytes()
    picture = make_image(folder / "cover.png").read_bytes()
    data = atom(b"data", struct.pack(">II", 14, 0) + picture)
    handler = atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    meta = atom(b"meta", bytes(4) + handler + atom(b"ilst", atom(b"covr", data)))
    at = sound.index(b"moov") - 4
    length = struct.unpack(">I", sound[at : at + 4])[0]
    moov = atom(b"moov", sound[at + 8 : at + length] + atom(b"udta", meta))
    path.write_bytes(sound[:at] + moov + sound[at + length :])
    return path


def source_of(size: int | None) -> Source:
    return Source("file:///v.mp4", "v.mp4", size, "x")


def facts_of(*, duration: float | None = 60, width: int = 1280, height: int = 720) -> VideoFacts:
    return VideoFacts(duration, width, height, True, "mp4")


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        (facts_of(duration=3.99), ("3.99 s", "at least 4 s")),
        (facts_of(duration=7201), ("7201 s", "at most 7200 s")),
        (facts_of(width=640, height=359), ("640x359", "below 360")),
        (facts_of(width=359, height=640), ("359x640", "below 360")),
        (facts_of(width=3842, height=2160), ("3842x2160", "at most 3840x2160")),
        (facts_of(width=2162, height=3840), ("2162x3840", "at most 3840x2160")),
        (facts_of(width=1000, height=400), ("2.50 to 1", "at most 2.4 to 1")),
    ],
)
def test_video_outside_the_limits_is_refused(facts: VideoFacts, named: tuple[str, str]) -> None:
    with pytest.raises(TwelveLabsInputError) as caught:
        check_video(source_of(1000), facts, LIMITS)
    assert all(part in str(caught.value) for part in named)


def test_too_large_file_is_refused_if_nothing_else_is_known() -> None:
    with pytest.raises(TwelveLabsInputError, match=r"has 2,000,000,001 bytes; .* at most 2,000,000,000"):
        check_video(source_of(2_000_000_001), None, LIMITS)


@pytest.mark.parametrize(
    "facts",
    [
        None,
        facts_of(),
        facts_of(duration=None),
        facts_of(duration=4),
        facts_of(width=2160, height=3840),
        facts_of(width=864, height=360),
    ],
)
def test_video_at_the_limits_is_accepted(facts: VideoFacts | None) -> None:
    check_video(source_of(2_000_000_000), facts, LIMITS)
    check_video(source_of(None), facts, LIMITS)
