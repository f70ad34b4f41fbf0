"""Index a video together with its own transcript and publish the transcript as the service stores it.

API v1.1 and v1.2 accept an SRT or VTT with the video and skip speech recognition. API v1.3 does not: the video is
indexed without the transcript, and the transcript is published unchanged.
"""

from __future__ import annotations

from airflow.sdk import Param, dag

from twelvelabs_provider.operators.extract import TwelveLabsExtractTranscriptionOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.indexes import TwelveLabsCreateIndexOperator


@dag(
    schedule=None,
    catchup=False,
    tags=["twelvelabs"],
    description="Indexes a video together with its own transcript.",
    doc_md=__doc__,
    default_args={"retries": 2},
    params={
        "video": Param("", type="string", minLength=1, title="Video (path or URI)"),
        "transcription": Param("", type="string", minLength=1, title="Transcript (SRT or VTT; path or URI)"),
        "index_name": Param("provide-transcription", type="string", minLength=1),
        "output_path": Param("", type="string", minLength=1, title="Output path (path or URI)"),
    },
)
def provide_transcription() -> None:
    """Create or reuse the index, index the video with its transcript, publish the transcript."""
    index = TwelveLabsCreateIndexOperator(task_id="create_index", index_name="{{ params.index_name }}")
    video = TwelveLabsIndexVideoOperator(
        task_id="index_video",
        source="{{ params.video }}",
        transcription="{{ params.transcription }}",
        unsupported_transcription="warn",
        index_id=index.output,
        deferrable=True,
    )
    TwelveLabsExtractTranscriptionOperator(
        task_id="extract_transcription",
        index_id=index.output,
        video_id=video.output["video_id"],
        source_uri=video.output["source_uri"],
        # Published as given where the service did not take it; read back from the service where it did.
        transcription="{{ '' if ti.xcom_pull('index_video')['transcription_used'] else params.transcription }}",
        output_path="{{ params.output_path }}",
        formats=["jsonl", "srt", "vtt"],
    )


provide_transcription()
