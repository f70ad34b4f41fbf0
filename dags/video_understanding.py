"""Index videos and publish their speech and on-screen text in object storage, one mapped branch per video.

Trigger the DAG with a list of sources (paths, URLs, object storage URIs) and an output path; the connection
``twelvelabs_default`` holds the API key. Waiting holds no worker.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, task, task_group

from twelvelabs_provider.operators.extract import (
    TwelveLabsExtractTextInVideoOperator,
    TwelveLabsExtractTranscriptionOperator,
)
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.indexes import TwelveLabsCreateIndexOperator

FORMATS = ["jsonl", "json", "srt", "vtt"]


@dag(
    schedule=None,
    catchup=False,
    tags=["twelvelabs"],
    description="Indexes videos and publishes their speech and on-screen text.",
    doc_md=__doc__,
    default_args={"retries": 2},
    max_active_tasks=16,
    params={
        "sources": Param([], type="array", items={"type": "string"}, minItems=1, title="Videos (paths, URLs, URIs)"),
        "index_name": Param("video-understanding", type="string", minLength=1, title="Index name (created if missing)"),
        "output_path": Param("", type="string", minLength=1, title="Output path (path or URI)"),
        "transcription": Param(None, type=["string", "null"], title="Transcript (SRT or VTT) of a single video"),
    },
)
def video_understanding() -> None:
    """Create or reuse the index, then one branch per video: index it, extract both kinds of text."""
    index = TwelveLabsCreateIndexOperator(task_id="create_index", index_name="{{ params.index_name }}")

    @task
    def list_positions(params: dict[str, Any] | None = None) -> list[int]:
        given = params or {}
        if given["transcription"] and len(given["sources"]) != 1:
            raise ValueError(f"a transcription belongs to one video, and {len(given['sources'])} sources were given")
        return list(range(len(given["sources"])))

    @task_group
    def understand(position: int) -> None:
        video = TwelveLabsIndexVideoOperator(
            task_id="index_video",
            # By position, not by value: XCom is readable, and a URL may be presigned.
            source="{{ params.sources[ti.map_index] }}",
            index_id=index.output,
            transcription="{{ params.transcription or '' }}",
            # API v1.3 takes no transcript; the task below publishes it.
            unsupported_transcription="warn",
            deferrable=True,
        )
        where = {
            "index_id": index.output,
            "video_id": video.output["video_id"],
            "source_uri": video.output["source_uri"],
            "output_path": "{{ params.output_path }}",
            "formats": FORMATS,
        }
        TwelveLabsExtractTranscriptionOperator(
            task_id="extract_transcription", transcription="{{ params.transcription or '' }}", **where
        )
        TwelveLabsExtractTextInVideoOperator(
            task_id="extract_text_in_video", asset_id=video.output["asset_id"], deferrable=True, **where
        )

    understand.expand(position=list_positions())


video_understanding()
