"""### Index new and changed videos of a bucket every night and publish their speech and on-screen text

**What it does:** lists the videos below `source` that are new or changed since the last run (`discover`); indexes them,
a few hundred in one task (`index`); publishes the speech and on-screen text of each (`transcription`, `text_in_video`);
and updates the catalog of all results (`catalog`: `{output}/_catalog/`).

**What it needs:** the connection `twelvelabs_default`, a triggerer, and two Airflow Variables: `twelvelabs_source`
(path or URI, `s3://aws_default@bucket/videos/`) and `twelvelabs_output_path`; the params of a run override them.

**A pool for the limits of your plan.** Waiting holds no worker. A deferred task counts neither for
`max_active_tis_per_dag` nor in a plain pool. Only a pool that includes deferred tasks limits the jobs at the service:

```
airflow pools set --include-deferred twelvelabs 4 "tasks with running jobs at TwelveLabs"
```

Then set `TWELVELABS_POOL=twelvelabs` in the environment of the DAG processor and the workers. At most
*slots* x `max_concurrent` videos are indexed at the same time; plans allow 5 or 25.

**Incremental, and safe to run again.** `discover` records the listed videos in `{output}/_discovered/`. A cleared run
gets the same list; the next run gets newer videos. Indexed videos are reused, and published results are skipped:
a retry, a clear or a backfill uploads and bills nothing twice. A bucket has no history: the first run of a backfill
finds all current videos and the others find nothing. So there is no catch-up, and `max_active_runs=1`.

**If it fails:** a bad video fails alone. The others are published in the same run, and the run is marked as failed. The
rows of the outcome of `index` give the reason for each video. The next run tries the failed videos again; to try them
now, clear `index` with its downstream tasks. A video that fails every night fails every run until it is repaired or
removed from the bucket. If `transcription` or `text_in_video` fails, clear that task. One run publishes up to
`[core] max_map_length` videos (1,024): for more, raise it and clear `list_videos`.
"""

from __future__ import annotations

import os
from typing import Any

import pendulum
from airflow.sdk import Param, dag, task

from twelvelabs_provider.operators.catalog import TwelveLabsCompactCatalogOperator
from twelvelabs_provider.operators.discover import TwelveLabsDiscoverVideosOperator
from twelvelabs_provider.operators.extract import (
    TwelveLabsExtractTextInVideoOperator,
    TwelveLabsExtractTranscriptionOperator,
)
from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator
from twelvelabs_provider.operators.indexes import TwelveLabsCreateIndexOperator

POOL = os.environ.get("TWELVELABS_POOL", "default_pool")
SOURCE = "{{ params.source or var.value.twelvelabs_source }}"
OUTPUT = "{{ params.output_path or var.value.twelvelabs_output_path }}"
KINDS = ("transcription", "text_in_video")


@dag(
    schedule="0 1 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    tags=["twelvelabs"],
    description="Indexes new and changed videos of a bucket every night.",
    doc_md=__doc__,
    default_args={"retries": 2, "pool": POOL},
    max_active_runs=1,
    max_active_tasks=16,
    params={
        "source": Param(
            None,
            type=["string", "null"],
            title="Folder or prefix (leave empty to use the Variable `twelvelabs_source`)",
        ),
        "output_path": Param(
            None,
            type=["string", "null"],
            title="Output path (leave empty to use the Variable `twelvelabs_output_path`)",
        ),
        "index_name": Param("nightly-bucket", type="string", minLength=1, title="Index name (created if missing)"),
        "max_concurrent": Param(
            5, type="integer", minimum=1, maximum=100, title="Videos that one task indexes at the same time"
        ),
        "max_failed": Param(
            "5%", type=["string", "integer"], title="Failed videos that a task tolerates (number or share)"
        ),
        "min_age": Param(60, type="number", minimum=0, title="Minimum age of a file in seconds"),
    },
)
def nightly_bucket() -> None:
    """List, index in chunks, publish per video, compact the catalog."""
    discover = TwelveLabsDiscoverVideosOperator(
        task_id="discover",
        source=SOURCE,
        output_path=f"{OUTPUT}/_discovered",
        outcomes=f"{OUTPUT}/_indexed",
        min_age="{{ params.min_age }}",
    )
    index = TwelveLabsCreateIndexOperator(task_id="create_index", index_name="{{ params.index_name }}")

    @task
    def list_chunks(discovered: dict[str, list[str]]) -> list[str]:
        # Airflow maps over what a task returns, not over a part of it.
        return discovered["chunks"]

    indexed = TwelveLabsIndexVideosOperator.partial(
        task_id="index",
        index_id=index.output,
        output_path=f"{OUTPUT}/_indexed",
        max_concurrent="{{ params.max_concurrent }}",
        max_failed="{{ params.max_failed }}",
        max_active_tis_per_dag=4,
        deferrable=True,
    ).expand(videos=list_chunks(discover.output))

    # A failed chunk has published its outcome too: its good videos are as good as any.
    @task(trigger_rule="all_done")
    def list_videos(outcomes: Any, output_path: str) -> list[dict[str, str]]:
        import json

        from airflow.sdk import ObjectStoragePath

        output = ObjectStoragePath(output_path)
        found = list[dict[str, str]]()
        for outcome in filter(None, outcomes or ()):
            # Addresses in XCom name no connection, so the outcome is read below the output.
            below = outcome["outcome"].partition("/_indexed/")[2]
            with (output / "_indexed" / below).open() as lines:
                for row in map(json.loads, lines):
                    if row["outcome"] == "failed":
                        continue
                    folder = output / outcome["index_id"] / str(row["video_id"])
                    if not all((folder / f"{kind}.manifest.json").exists() for kind in KINDS):
                        ids = {"index_id": outcome["index_id"], "video_id": row["video_id"]}
                        found.append(ids | {"source_uri": row["uri"]})
        return found

    videos = list_videos(indexed.output, OUTPUT)
    where = {"output_path": OUTPUT, "formats": ["jsonl", "srt", "vtt"]}
    transcription = TwelveLabsExtractTranscriptionOperator.partial(task_id="transcription", **where).expand_kwargs(
        videos
    )
    text_in_video = TwelveLabsExtractTextInVideoOperator.partial(
        task_id="text_in_video", deferrable=True, **where
    ).expand_kwargs(videos)
    catalog = TwelveLabsCompactCatalogOperator(task_id="catalog", output_path=OUTPUT, trigger_rule="all_done")

    # The state of a run is the state of its last task.
    @task(trigger_rule="none_failed")
    def fail_if_a_task_failed() -> None:
        pass

    [transcription, text_in_video] >> catalog
    [discover, indexed, videos, transcription, text_in_video, catalog] >> fail_if_a_task_failed()


nightly_bucket()
