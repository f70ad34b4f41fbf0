"""Complete runs of the DAGs of ``dags/`` against the engine, in every generation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import SAMPLE, SUBTITLES, Connect, load_dag, read_rows

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]

SPOKEN = ("garden", "window", "mother", "students", "money")
SHOWN = ("TELESCOPE", "Jupiter near Saturn", "COMET", "QUESTIONS")
FORMATS = {"jsonl", "json", "srt", "vtt"}


def run(dag_id: str, **conf: Any) -> Any:
    """Run a DAG in this process and return its run."""
    return load_dag(dag_id).test(run_conf=conf)


def states(dag_run: Any) -> dict[str, str]:
    """Return each task instance's state."""
    return {f"{ti.task_id}[{ti.map_index}]": str(ti.state) for ti in dag_run.get_task_instances()}


def manifests(output: Path) -> dict[str, Path]:
    """Return the manifests of the single video below an output, by kind."""
    found = {json.loads(path.read_text())["kind"]: path for path in output.glob("*/*/*.manifest.json")}
    assert len(found) == len(list(output.glob("*/*/*.manifest.json")))
    return found


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2", "v1.1"])
def test_video_understanding_publishes_transcript_and_on_screen_text(
    connect: Connect, tmp_path: Path, api_version: str
) -> None:
    connect(api_version)
    dag_run = run(
        "video_understanding", sources=[str(SAMPLE)], index_name=f"dag-{api_version}", output_path=str(tmp_path)
    )
    assert str(dag_run.state) == "success", states(dag_run)
    found = manifests(tmp_path)
    assert set(found) == {"transcription", "text_in_video"}
    for manifest in found.values():
        facts = json.loads(manifest.read_text())
        assert {file["format"] for file in facts["files"]} == FORMATS
        assert facts["source"]["uri"] == SAMPLE.as_uri()
        assert facts["provenance"]["dag_id"] == "video_understanding"
        assert facts["rows"] == len(read_rows(manifest)) > 0
    spoken, shown = (read_rows(found[kind]) for kind in ("transcription", "text_in_video"))
    assert all({"start", "end", "value"} <= set(row) for row in spoken + shown)
    said = " ".join(row["value"] for row in spoken).lower()
    assert [word for word in SPOKEN if word not in said] == []
    seen = " ".join(row["value"] for row in shown)
    assert [words for words in SHOWN if words not in seen] == []
    origin = json.loads(found["text_in_video"].read_text())["origin"]
    assert origin == ("generated" if api_version == "v1.3" else "ocr")


def test_two_videos_are_two_mapped_branches(connect: Connect, tmp_path: Path) -> None:
    twin = tmp_path / "zwei & drei.mp4"
    twin.write_bytes(SAMPLE.read_bytes())
    output = tmp_path / "out"
    dag_run = run("video_understanding", sources=[str(SAMPLE), str(twin)], index_name="two", output_path=str(output))
    assert str(dag_run.state) == "success", states(dag_run)
    sources = {json.loads(path.read_text())["source"]["uri"] for path in output.glob("*/*/*.manifest.json")}
    assert sources == {f"file://{SAMPLE}", f"file://{twin}"}


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
@pytest.mark.parametrize("dag_id", ["provide_transcription", "video_understanding"])
def test_provided_transcript_is_published(connect: Connect, tmp_path: Path, api_version: str, dag_id: str) -> None:
    connect(api_version)
    video = {"video": str(SAMPLE)} if dag_id == "provide_transcription" else {"sources": [str(SAMPLE)]}
    dag_run = run(
        dag_id, **video, transcription=str(SUBTITLES), index_name=f"{dag_id}-{api_version}", output_path=str(tmp_path)
    )
    assert str(dag_run.state) == "success", states(dag_run)
    rows = read_rows(manifests(tmp_path)["transcription"])
    assert [row["value"].strip() for row in rows] == [
        block.split("\n", 2)[2].strip() for block in SUBTITLES.read_text().strip().split("\n\n")
    ]


def test_one_transcript_for_two_videos_is_refused(connect: Connect, tmp_path: Path) -> None:
    dag_run = run(
        "video_understanding",
        sources=[str(SAMPLE), str(SAMPLE)],
        transcription=str(SUBTITLES),
        index_name="refused",
        output_path=str(tmp_path),
    )
    assert str(dag_run.state) == "failed"
    assert list(tmp_path.iterdir()) == []


def test_ask_about_videos_publishes_chapters_answers_vectors_and_search_results(
    connect: Connect, tmp_path: Path
) -> None:
    connect("v1.3")
    dag_run = run(
        "ask_about_videos", source=str(SAMPLE), query="telescope", index_name="ask", output_path=str(tmp_path)
    )
    assert str(dag_run.state) == "success", states(dag_run)
    found = {json.loads(path.read_text())["kind"]: path for path in tmp_path.rglob("*.manifest.json")}
    assert set(found) == {"chapters", "analysis", "embeddings", "search"}, found
    facts = {kind: json.loads(path.read_text()) for kind, path in found.items()}
    assert all(fact["provenance"]["dag_id"] == "ask_about_videos" for fact in facts.values())
    review = json.loads(found["analysis"].with_name("review.json").read_text())
    assert set(review) >= {"title", "summary", "topics"}
    matches = read_rows(found["search"])
    assert matches and all({"video_id", "start", "end"} <= set(match) for match in matches)
    assert [file["format"] for file in facts["embeddings"]["files"]] == ["parquet"]
