"""Invalid paths are refused before any process starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.inputs import InputError, run_params


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"video")
    return path


def test_params_carry_absolute_paths(tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "talk.srt").write_text("subtitles")
    monkeypatch.chdir(tmp_path)
    params = run_params(Path("talk.mp4"), Path("talk.srt"), Path("out"))
    assert params["sources"] == [str(video)]
    assert params["transcription"] == str(tmp_path / "talk.srt")
    assert params["output_path"] == str(tmp_path / "out")
    assert (tmp_path / "out").is_dir()
    assert run_params(Path("talk.mp4"), None, Path("out"))["transcription"] is None


def test_missing_video_folder_and_empty_file_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    for path, reason in ((tmp_path / "none.mp4", "no such file"), (tmp_path, "not a file"), (empty, "is empty")):
        with pytest.raises(InputError, match=f"VIDEO={path}.*{reason}"):
            run_params(path, None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_invalid_transcript_is_refused(tmp_path: Path, video: Path) -> None:
    text = tmp_path / "talk.txt"
    text.write_text("words")
    with pytest.raises(InputError, match=r"TRANSCRIPT=.*neither an \.srt nor a \.vtt"):
        run_params(video, text, tmp_path / "out")
    with pytest.raises(InputError, match=r"TRANSCRIPT=.*no such file"):
        run_params(video, tmp_path / "none.srt", tmp_path / "out")


def test_output_that_cannot_be_a_folder_is_refused(tmp_path: Path, video: Path) -> None:
    with pytest.raises(InputError, match=r"OUTPUT=.*cannot be made"):
        run_params(video, None, video / "below-a-file")
