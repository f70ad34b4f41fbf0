"""### Publish transcripts and chapters of every video that becomes ready in an index

**What it does:** a watcher in the triggerer polls once a minute for videos that became ready in the index
`TWELVELABS_INDEX_NAME` (environment of the DAG processor; default `video-understanding`), and starts a run. A run lists
the index itself and publishes the transcript (free) and chapters (one analysis, billed by the minute) of every video
that has none: `{output}/{index}/{video}/transcription.jsonl`, `chapters.jsonl`, subtitles, manifests.

**Needs:** the connection `twelvelabs_default` (API v1.3), a triggerer, and the Airflow Variable
`twelvelabs_output_path` (path or URI), which the param `output_path` overrides in a manual run.

**No video is lost:** Airflow drops asset events that arrive while another one is queued, so an event only starts
a run. The watermark of the runs is in `{output}/_unpublished/` and does not pass a video without results: what
became ready during another run or while the DAG was paused, or failed, is listed by the next run. The watcher keeps
the reported videos in the state store of the asset (Airflow 3.3 and newer; before, in an Airflow Variable), so a
restarted triggerer continues where the last one stopped. The DAG starts with videos that become ready after it is
switched on.
A video with manifests is skipped, so nothing is billed twice; therefore only one run is active at a time.

**To process an older video:** trigger it with `videos`, a list of `{"index_id": ..., "video_id": ...}`.

**If it fails:** clear the failed tasks; the others keep their results. The next run lists the failed videos again, in
three runs at most.

**Many videos at once:** a run takes `TWELVELABS_VIDEOS_PER_RUN` of them (default 500), oldest first, and starts another
run for the rest. Each video is processed at most three times.
"""

from __future__ import annotations

import os
from typing import Any

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.sdk import Asset, AssetWatcher, Param, dag, task

from twelvelabs_provider.operators.extract import TwelveLabsExtractTranscriptionOperator
from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator
from twelvelabs_provider.operators.unpublished import TwelveLabsListUnpublishedVideosOperator
from twelvelabs_provider.triggers.video_ready import TwelveLabsVideoReadyTrigger

INDEX_NAME = os.environ.get("TWELVELABS_INDEX_NAME", "video-understanding")
POLL_SECONDS = float(os.environ.get("TWELVELABS_POLL_SECONDS", "60"))
VIDEOS_PER_RUN = int(os.environ.get("TWELVELABS_VIDEOS_PER_RUN", "500"))
OUTPUT = "{{ params.output_path or var.value.twelvelabs_output_path }}"
NEW_VIDEO = Asset(
    "twelvelabs_new_video",
    watchers=[
        AssetWatcher(
            name="twelvelabs_video_ready",
            trigger=TwelveLabsVideoReadyTrigger(index_name=INDEX_NAME, poll_interval=POLL_SECONDS),
        )
    ],
)
VIDEO = {
    "type": "object",
    "properties": {"index_id": {"type": "string"}, "video_id": {"type": "string"}},
    "required": ["index_id", "video_id"],
}


@dag(
    schedule=[NEW_VIDEO],
    catchup=False,
    tags=["twelvelabs"],
    description="Publishes transcripts and chapters of videos that become ready in an index.",
    doc_md=__doc__,
    default_args={"retries": 2},
    max_active_runs=1,
    max_active_tasks=16,
    params={
        "videos": Param([], type="array", items=VIDEO, title="Videos of a manual run"),
        "output_path": Param(
            None,
            type=["string", "null"],
            title="Output path (leave empty to use the Variable `twelvelabs_output_path`)",
        ),
    },
)
def on_new_video() -> None:
    """List what is new and not done yet; one branch per video and result."""

    videos = TwelveLabsListUnpublishedVideosOperator(
        task_id="list_videos",
        index_name=INDEX_NAME,
        output_path=OUTPUT,
        kinds=["transcription", "chapters"],
        videos="{{ params.videos | tojson }}",
        max_videos=VIDEOS_PER_RUN,
    )
    transcription = TwelveLabsExtractTranscriptionOperator.partial(
        task_id="transcription", output_path=OUTPUT, formats=["jsonl", "srt", "vtt"]
    ).expand_kwargs(videos.output)
    chapters = TwelveLabsSummarizeVideoOperator.partial(
        task_id="chapters", kind="chapters", output_path=OUTPUT, formats=["jsonl", "vtt"], deferrable=True
    ).expand_kwargs(videos.output)

    @task(outlets=[NEW_VIDEO])
    def look_again(ti: Any = None) -> None:
        """Start another run, also after a failed video, where one list could not hold all videos."""
        if not ti.xcom_pull(task_ids="list_videos", key="more"):
            raise AirflowSkipException("no video is left")

    videos >> [transcription, chapters, look_again()]


on_new_video()
