"""DAG for many videos: some in mapped branches, most in chunks."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, task_group

from twelvelabs_provider.operators.batch import TwelveLabsAnalyzeBatchOperator
from twelvelabs_provider.operators.extract import TwelveLabsExtractTranscriptionOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator
from twelvelabs_provider.operators.indexes import TwelveLabsCreateIndexOperator

# What is said, and nothing of what is shown: the engine knows that from the text track.
SPEECH = {
    "type": "segment_definitions",
    "segment_definitions": [
        {
            "id": "speech",
            "description": "what is said",
            "fields": [{"name": "text", "type": "string", "description": "the spoken words"}],
        }
    ],
}
OUTPUT = "{{ dag_run.conf['output'] }}"

with DAG("many_videos", schedule=None, default_args={"retries": 4, "retry_delay": timedelta(seconds=1)}) as dag:
    index = TwelveLabsCreateIndexOperator(
        task_id="create_index",
        index_name="{{ dag_run.conf['index'] }}",
        # Nothing to see in these: what is said is read from their text tracks, in no time.
        models={"marengo3.0": ["audio"]},
    )

    @dag.task
    def single_videos(dag_run: Any = None) -> list[str]:
        """Return the videos that get a branch each."""
        return list(dag_run.conf["single"])

    @task_group
    def alone(source: str) -> None:
        """Index a video and publish what is said in it."""
        video = TwelveLabsIndexVideoOperator(
            task_id="index_video", source=source, index_id=index.output, deferrable=True, poll_interval=1
        )
        TwelveLabsExtractTranscriptionOperator(
            task_id="extract_transcription",
            index_id=index.output,
            video_id=video.output["video_id"],
            source_uri=video.output["source_uri"],
            output_path=f"{OUTPUT}/single",
            formats=["jsonl", "srt"],
        )

    @dag.task
    def chunks(dag_run: Any = None) -> list[str]:
        """Return the lists of the other videos."""
        return list(dag_run.conf["many"])

    def questions(indexed: dict[str, Any]) -> list[dict[str, str]]:
        """Return what is to be analysed: the videos of a chunk, by their names."""
        rows = [json.loads(line) for line in Path(indexed["outcome"].removeprefix("file://")).read_text().splitlines()]
        return [{"asset_id": row["asset_id"], "custom_id": Path(row["uri"]).stem} for row in rows]

    alone.expand(source=single_videos())
    many = TwelveLabsIndexVideosOperator.partial(
        task_id="index_videos",
        index_id=index.output,
        output_path=f"{OUTPUT}/indexed",
        # The engine takes any number; a plan takes 5 or 25 over all tasks.
        max_concurrent=25,
        deferrable=True,
        poll_interval=1,
    ).expand(videos=chunks())
    TwelveLabsAnalyzeBatchOperator.partial(
        task_id="ask",
        analysis_mode="time_based_metadata",
        response_format=SPEECH,
        output_path=f"{OUTPUT}/chunks",
        output_name="answers-{{ ti.map_index }}",
        deferrable=True,
        poll_interval=1,
        # An account may have five batches at once.
        max_active_tis_per_dagrun=5,
    ).expand(items=many.output.map(questions))
