"""Summary of files that the provider published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from demo.summary import LINE_WIDTH, results_of_run, row_line, summary_lines
from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultKind, ResultPath
from twelvelabs_provider.storage.manifest import Origin, Provenance, ResultFacts
from twelvelabs_provider.storage.publish import publish_segments

SPOKEN = [Segment(float(n), n + 0.5, f"sentence {n}") for n in range(5)]
SHOWN = [Segment(0.0, 6.2, "NORTHERN LIGHTS\nObservatory report")]


def publish_result(
    output: Path,
    kind: ResultKind,
    segments: Sequence[Segment],
    run_id: str = "run-1",
    formats: Sequence[Format] = (Format.JSONL, Format.SRT),
    duration: float | None = 37.2,
) -> None:
    facts = ResultFacts(
        source_uri="file:///videos/talk.mp4",
        index_id="index-1",
        video_id="video-1",
        origin=Origin.SPEECH if kind is ResultKind.TRANSCRIPTION else Origin.OCR,
        provenance=Provenance("video_understanding", run_id, "extract"),
        duration=duration,
    )
    publish_segments(str(output), ResultPath(("index-1", "video-1"), kind), iter(segments), formats, facts)


def summary(output: Path, run_id: str = "run-1") -> list[str]:
    return list(summary_lines(results_of_run(output, run_id)))


def test_summary_shows_duration_counts_first_rows_and_folder(tmp_path: Path) -> None:
    publish_result(tmp_path, ResultKind.TRANSCRIPTION, SPOKEN)
    publish_result(tmp_path, ResultKind.TEXT_IN_VIDEO, SHOWN)
    lines = summary(tmp_path)
    assert lines[:3] == [
        "video     file:///videos/talk.mp4",
        "duration  37.2 s",
        f"files     {tmp_path / 'index-1' / 'video-1'}",
    ]
    assert lines[3] == "transcript: 5 segments (speech)"
    assert "on-screen text: 1 segment (ocr)" in lines[4:]
    assert any("NORTHERN LIGHTS / Observatory report" in line for line in lines)
    assert sum("sentence" in line for line in lines) == 3
    assert lines.count("    ...") == 1


def test_results_of_other_runs_are_ignored(tmp_path: Path) -> None:
    publish_result(tmp_path, ResultKind.TRANSCRIPTION, SPOKEN, run_id="earlier")
    publish_result(tmp_path, ResultKind.TEXT_IN_VIDEO, SHOWN)
    assert [result.manifest["kind"] for result in results_of_run(tmp_path, "run-1")] == ["text_in_video"]
    assert summary(tmp_path, "another") == []


def test_rows_are_read_from_json_without_jsonl(tmp_path: Path) -> None:
    publish_result(tmp_path, ResultKind.TEXT_IN_VIDEO, SHOWN, formats=[Format.JSON])
    assert any("NORTHERN LIGHTS" in line for line in summary(tmp_path))


def test_a_result_without_json_is_counted_without_rows(tmp_path: Path) -> None:
    publish_result(tmp_path, ResultKind.TRANSCRIPTION, SPOKEN, formats=[Format.SRT])
    assert "transcript: 5 segments (speech)" in summary(tmp_path)


def test_summary_shows_missing_segments_and_duration(tmp_path: Path) -> None:
    publish_result(tmp_path, ResultKind.TRANSCRIPTION, [], duration=None)
    lines = summary(tmp_path)
    assert "duration  unknown" in lines
    assert "transcript: 0 segments (speech)" in lines
    assert "    ..." not in lines


@pytest.mark.parametrize("length", [10, 500])
def test_a_row_fits_a_terminal(length: int) -> None:
    line = row_line({"start": 1.0, "end": 2.0, "value": "x" * length})
    assert len(line) <= LINE_WIDTH
    assert line.endswith("...") == (length == 500)
