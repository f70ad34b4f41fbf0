"""Command-line inputs, checked before anything starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

SUBTITLE_SUFFIXES = (".srt", ".vtt")
INDEX_NAME = "demo"


class InputError(Exception):
    """Something that the user named cannot be used; the message says what and why."""


def run_params(video: Path, transcript: Path | None, output: Path) -> dict[str, Any]:
    """Return the DAG's params.

    :param video: the file to index
    :param transcript: its subtitles, if they are given
    :param output: the folder of the results; it is made if it is missing
    :raises InputError: if a file cannot be read or the folder cannot be written
    """
    check_file(video, "VIDEO")
    if transcript is not None:
        check_file(transcript, "TRANSCRIPT")
        if transcript.suffix.lower() not in SUBTITLE_SUFFIXES:
            raise InputError(f"TRANSCRIPT={transcript} is neither an .srt nor a .vtt file.")
    check_output(output)
    return {
        "sources": [str(video.resolve())],
        "index_name": INDEX_NAME,
        "output_path": str(output.resolve()),
        "transcription": str(transcript.resolve()) if transcript else None,
    }


def check_file(path: Path, variable: str) -> None:
    """Refuse a file that is missing, empty or unreadable.

    :param variable: the variable that named it, for the message
    """
    if not path.exists():
        raise InputError(f"{variable}={path}: there is no such file.")
    if not path.is_file():
        raise InputError(f"{variable}={path} is not a file.")
    if path.stat().st_size == 0:
        raise InputError(f"{variable}={path} is empty.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{variable}={path} cannot be read by this user.")


def check_output(folder: Path) -> None:
    """Make the output folder, and refuse one that cannot be made or written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"OUTPUT={folder} cannot be made: {error.strerror}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"OUTPUT={folder} cannot be written by this user.")
