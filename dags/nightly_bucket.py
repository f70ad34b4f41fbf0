"""### Index new and changed videos of a bucket every night and publish their speech and on-screen text

**What it does:** `discover` lists the videos below `source` that are new or changed since the last run. `index` indexes
them, a few hundred in one task. `extract` publishes their speech and on-screen text. `catalog` compacts the catalog of
all results (`{output}/_catalog/`).

**Needs:** the connection `twelvelabs_default`, a triggerer, and two Airflow Variables: `twelvelabs_source` (path or
URI, `s3://aws_default@bucket/videos/`) and `twelvelabs_output_path`; the params of a run override them. Waiting holds
no worker. At most 4 x `max_concurrent` videos are indexed at the same time; plans allow 5 or 25. To limit several DAGs
together, use a pool that includes deferred tasks:

```
airflow pools set --include-deferred twelvelabs 4 "tasks with running jobs at TwelveLabs"
```

and set `TWELVELABS_POOL=twelvelabs` in the environment of the DAG processor and the workers.

**Safe to run again:** indexed videos are reused, and published results are skipped: a retry, a clear or a second run of
a night uploads and bills nothing twice. A bucket has no history, so there is no catch-up.

**If it fails:** a bad video fails alone: the others are published in the same run, and the run is marked as failed.
The rows of the outcomes of `index` and `extract` give the reason for each video. The next run tries the failed videos
again; to try them now, clear the failed task with its downstream tasks. A video that fails every night fails every run
until it is repaired or removed from the bucket; `max_failed` tolerates some. `catalog` waits for a run without
failures; readers of the catalog see new results at once all the same.
"""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import Asset, Param, dag

from twelvelabs_provider.operators.catalog import TwelveLabsCompactCatalogOperator
from twelvelabs_provider.operators.discover import TwelveLabsDiscoverVideosOperator
from twelvelabs_provider.operators.extract_videos import TwelveLabsExtractVideosOperator
from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator

SOURCE = "{{ params.source or var.value.twelvelabs_source }}"
OUTPUT = "{{ params.output_path or var.value.twelvelabs_output_path }}"


@dag(
    schedule="0 1 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["twelvelabs"],
    description="Indexes new and changed videos of a bucket every night and publishes their speech and on-screen text.",
    doc_md=__doc__,
    default_args={"retries": 2, "pool": os.environ.get("TWELVELABS_POOL", "default_pool")},
    params={
        "source": Param(
            None, type=["string", "null"], description="Folder or prefix, such as s3://aws_default@bucket/"
        ),
        "output_path": Param(
            None, type=["string", "null"], description="Where results go, such as s3://results/videos"
        ),
        "index_name": Param("nightly-bucket", type="string", minLength=1, description="Index (created if missing)"),
        "max_concurrent": Param(5, type="integer", minimum=1, maximum=100, description="Videos that one task indexes"),
        "max_failed": Param("5%", type=["string", "integer"], description="Failed videos that a task tolerates"),
        "min_age": Param(60, type="number", minimum=0, description="Minimum age of a file in seconds"),
    },
)
def nightly_bucket() -> None:
    """List, index in chunks, publish, compact the catalog."""
    limits = {"max_concurrent": "{{ params.max_concurrent }}", "max_failed": "{{ params.max_failed }}"}
    many = {"deferrable": True, "max_active_tis_per_dag": 4, **limits}
    discover = TwelveLabsDiscoverVideosOperator(
        task_id="discover",
        source=SOURCE,
        output_path=f"{OUTPUT}/_discovered",
        outcomes=f"{OUTPUT}/_extracted",
        min_age="{{ params.min_age }}",
    )
    index = TwelveLabsIndexVideosOperator.partial(
        task_id="index",
        index_name="{{ params.index_name }}",
        create_index=True,
        output_path=f"{OUTPUT}/_indexed",
        map_index_template="{{ task.videos.split('/')[-1] }}",
        **many,
    ).expand(videos=discover.output)
    extract = TwelveLabsExtractVideosOperator.partial(
        task_id="extract",
        kinds=["transcription", "text_in_video"],
        formats=["jsonl", "srt", "vtt"],
        output_path=OUTPUT,
        # A failed chunk has published its outcome too: its good videos are as good as any.
        trigger_rule="all_done",
        outlets=[Asset("nightly_bucket_results")],
        map_index_template="{{ task.videos.outcome.split('/')[-1] }}",
        **many,
    ).expand(videos=index.output)
    catalog = TwelveLabsCompactCatalogOperator(task_id="catalog", output_path=OUTPUT, trigger_rule="none_failed")
    # The state of a run is that of its last task, which must not run after a failure.
    [discover, index, extract] >> catalog


nightly_bucket()
