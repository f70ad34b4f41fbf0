"""Index a video, then publish chapters, structured answers, embeddings and search hits.

Trigger the DAG with a source (path, URL, object storage URI), a question and an output path; the connection
``twelvelabs_default`` holds the API key (API version v1.3). Waiting holds no worker.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag

from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.embed import TwelveLabsEmbedOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.indexes import TwelveLabsCreateIndexOperator
from twelvelabs_provider.operators.search import TwelveLabsSearchOperator
from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator

REVIEW = {
    "type": "json_schema",
    "json_schema": {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "summary": {"type": "string"},
            "topics": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["title", "summary", "topics"],
    },
}


@dag(
    schedule=None,
    catchup=False,
    tags=["twelvelabs"],
    description="Publishes chapters, structured answers, embeddings and search hits of a video.",
    doc_md=__doc__,
    default_args={"retries": 2},
    params={
        "source": Param("", type="string", minLength=1, title="Video (path, URL, URI)"),
        "query": Param("", type="string", minLength=1, title="Search query"),
        "index_name": Param("ask-about-videos", type="string", minLength=1, title="Index name (created if missing)"),
        "output_path": Param("", type="string", minLength=1, title="Output path (path or URI)"),
    },
)
def ask_about_videos() -> None:
    """The video is uploaded once: the asset that is indexed is the one that is asked about and embedded."""
    where: dict[str, Any] = {"output_path": "{{ params.output_path }}"}
    index = TwelveLabsCreateIndexOperator(task_id="create_index", index_name="{{ params.index_name }}")
    video = TwelveLabsIndexVideoOperator(
        task_id="index_video", source="{{ params.source }}", index_id=index.output, deferrable=True
    )
    asset_id = video.output["asset_id"]
    TwelveLabsSummarizeVideoOperator(
        task_id="chapters", kind="chapters", asset_id=asset_id, formats=["jsonl", "vtt"], deferrable=True, **where
    )
    TwelveLabsAnalyzeVideoOperator(
        task_id="review",
        prompt="What is this video about? Name its topics.",
        response_format=REVIEW,
        asset_id=asset_id,
        output_name="review",
        deferrable=True,
        **where,
    )
    TwelveLabsEmbedOperator(
        task_id="embed", video=asset_id, options=["visual", "audio"], formats=["parquet"], deferrable=True, **where
    )
    search = TwelveLabsSearchOperator(
        task_id="search",
        index_id=index.output,
        query_text="{{ params.query }}",
        search_options=["visual", "transcription"],
        **where,
    )
    video >> search


ask_about_videos()
