"""Summary of a run's output folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

FIRST_ROWS = 3
LINE_WIDTH = 100
TITLES = {"transcription": "transcript", "text_in_video": "on-screen text"}
KINDS = list(TITLES)


@dataclass(frozen=True)
class Result:
    """One published result: its manifest and the first of its rows."""

    manifest: dict[str, Any]
    folder: Path
    first_rows: list[dict[str, Any]]


def results_of_run(output: Path, run_id: str) -> list[Result]:
    """Return what one run published below the output folder, in the order of videos and kinds.

    :param output: the folder given to the DAG
    :param run_id: the DAG run; what other runs have left there is passed over
    """
    manifests = ((path.parent, json.loads(path.read_bytes())) for path in output.glob("*/*/*.manifest.json"))
    results = [
        Result(manifest, folder, list(islice(rows(manifest, folder), FIRST_ROWS)))
        for folder, manifest in manifests
        if manifest["provenance"]["run_id"] == run_id and manifest["kind"] in KINDS
    ]
    return sorted(results, key=lambda result: (result.folder, KINDS.index(result.manifest["kind"])))


def rows(manifest: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a result from whichever of its files holds JSON."""
    names = {file["format"]: file["name"] for file in manifest["files"]}
    if "jsonl" in names:
        with (folder / names["jsonl"]).open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)
    elif "json" in names:
        yield from json.loads((folder / names["json"]).read_bytes())


def summary_lines(results: Iterable[Result]) -> Iterator[str]:
    """Yield the summary: each video with its results, their first rows, and where the files lie."""
    described = None
    for result in results:
        manifest = result.manifest
        if manifest["video_id"] != described:
            described = manifest["video_id"]
            yield f"video     {(manifest['source'] or {}).get('uri', '-')}"
            yield f"duration  {duration_text(manifest.get('duration'))}"
            yield f"files     {result.folder}"
        title = TITLES[manifest["kind"]]
        count = manifest["rows"]
        yield f"{title}: {count} segment{'' if count == 1 else 's'} ({manifest['origin']})"
        yield from map(row_line, result.first_rows)
        if count > len(result.first_rows):
            yield "    ..."


def duration_text(seconds: float | None) -> str:
    """Return a duration as a person writes it."""
    return "unknown" if seconds is None else f"{seconds:.1f} s"


def row_line(row: dict[str, Any]) -> str:
    """Return one segment as a line that fits a terminal."""
    line = f"    {row['start']:7.1f} - {row['end']:.1f} s  {' / '.join(str(row['value']).splitlines())}"
    return line if len(line) <= LINE_WIDTH else line[: LINE_WIDTH - 3] + "..."
