"""### Work on every video of an index as soon as it is ready, whoever indexed it

**What it does:** a watcher in the triggerer looks once a minute for videos that became ready in the index
`TWELVELABS_INDEX_NAME` (environment of the DAG processor; default `video-understanding`), and each one starts a run;
what becomes ready together may share one. A run publishes the transcript (free) and chapters (one analysis, billed by
the minute) of each video: `{output}/{index}/{video}/transcription.jsonl`, `chapters.jsonl`, subtitles, manifests.

**What it needs:** the connection `twelvelabs_default` (API v1.3), a triggerer, and the Airflow Variable
`twelvelabs_output_path` (path or URI), which the param `output_path` overrides in a manual run.

**No video is lost:** what has been told is kept in the state store of the asset (Airflow 3.3 and newer; before, in an
Airflow Variable), so a restarted triggerer goes on where the last one was. It begins with what becomes ready after the
DAG is switched on. Where a triggerer is killed just as it tells of a video, it may tell once more: what has its
manifest is left out here, so nothing is done or billed twice; that is also why only one run goes at a time.

**To do an older video:** trigger it with `videos`, a list of `{"index_id": ..., "video_id": ...}`.

**If it fails:** clear the failed tasks; the others keep their results.
"""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import Asset, AssetWatcher, Param, dag, task

from twelvelabs_provider.operators.extract import TwelveLabsExtractTranscriptionOperator
from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator
from twelvelabs_provider.triggers.video_ready import TwelveLabsVideoReadyTrigger

INDEX_NAME = os.environ.get("TWELVELABS_INDEX_NAME", "video-understanding")
POLL_SECONDS = float(os.environ.get("TWELVELABS_POLL_SECONDS", "60"))
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
    doc_md=__doc__,
    default_args={"retries": 2},
    max_active_runs=1,
    max_active_tasks=16,
    params={
        "videos": Param([], type="array", items=VIDEO, title="Videos of a manual run"),
        "output_path": Param(None, type=["string", "null"], title="Where results go, if not as the Variable says"),
    },
)
def on_new_video() -> None:
    """List what is new and not done yet; one branch per video and result."""

    @task
    def list_videos(
        output_path: str, triggering_asset_events: Any = None, params: dict[str, Any] | None = None
    ) -> list[dict[str, str]]:
        from airflow.sdk import ObjectStoragePath

        told = [
            event.extra["payload"]
            for events in (triggering_asset_events or {}).values()
            for event in events
            if event.extra.get("from_trigger")
        ]
        found = {one["video_id"]: one["index_id"] for one in [*told, *(params or {})["videos"]]}
        results = ObjectStoragePath(output_path)
        return [
            {"index_id": index_id, "video_id": video_id}
            for video_id, index_id in found.items()
            if not (results / index_id / video_id / "chapters.manifest.json").exists()
        ]

    videos = list_videos(OUTPUT)
    TwelveLabsExtractTranscriptionOperator.partial(
        task_id="transcription", output_path=OUTPUT, formats=["jsonl", "srt", "vtt"]
    ).expand_kwargs(videos)
    TwelveLabsSummarizeVideoOperator.partial(
        task_id="chapters", kind="chapters", output_path=OUTPUT, formats=["jsonl", "vtt"], deferrable=True
    ).expand_kwargs(videos)


on_new_video()
