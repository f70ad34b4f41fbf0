"""Many small videos with different speech, which the engine reads from their subtitle track."""

from __future__ import annotations

from pathlib import Path

from tests.engine.videos import add_subtitles, make_video
from twelvelabs_provider.storage.video_list import ListedVideo, list_lines

SECONDS = 4


def name_of(number: int) -> str:
    """Return the file name of a video."""
    return f"video-{number:04d}.mkv"


def said_in(number: int) -> str:
    """Return what is said in a video and in no other."""
    return f"This is recording number {number:04d}"


def make_videos(folder: Path, count: int) -> list[Path]:
    """Write the videos: one picture for all, a text for each."""
    still = make_video(folder / "still.mp4", ("STILL",), seconds=SECONDS, size=(360, 360))
    texts = folder / "texts"
    texts.mkdir()
    paths = []
    for number in range(count):
        made = add_subtitles(still, [(0.5, 3.5, said_in(number))], texts / name_of(number))
        paths.append(made.rename(folder / made.name))
    return paths


def listed_in(folder: Path, videos: list[str], size: int) -> list[str]:
    """Write lists of so many videos, one a line, into a new folder, and return where they lie."""
    folder.mkdir()
    paths = []
    for first in range(0, len(videos), size):
        path = folder / f"chunk-{first // size:03d}.jsonl"
        path.write_bytes(b"".join(list_lines(ListedVideo(video) for video in videos[first : first + size])))
        paths.append(str(path))
    return paths
