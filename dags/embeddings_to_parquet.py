"""### Embed videos and publish the vectors as partitioned Parquet for DuckDB, Spark and pandas

**What it does, for each video:** uploads it as an asset, runs an embedding task (waiting holds no worker), and
publishes the vectors in a partitioned layout. The last task publishes a list of the videos with their sources.

```
{output}/model=marengo3.0/asset_id=6650.../assets/6650.../embeddings.parquet    start, end, option, scope, embedding
{output}/videos/{run}...jsonl                                                  asset_id, source, duration, rows
```

Read it with DuckDB (an `httpfs` or `azure` secret lets it read the same from object storage):

```sql
SELECT v.source, e.start, e.end, list_cosine_similarity(e.embedding, $1::FLOAT[]) AS likeness
FROM read_parquet('{output}/model=*/asset_id=*/assets/*/embeddings.parquet', hive_partitioning = true) e
JOIN read_json('{output}/videos/*.jsonl') v USING (asset_id)
WHERE e.option = 'visual' AND e.scope = 'clip' ORDER BY likeness DESC LIMIT 10;
```

**Needs:** the connection `twelvelabs_default` (API v1.3), the extra `parquet` where tasks run.

**Trigger it with** `sources` (paths, URLs, object storage URIs) and `output_path`.

**If it fails:** clear the failed task only; a retry attaches to the same embedding task; a clear of `embed` bills the
video's minutes again. A new run uploads and embeds its sources again, as new assets.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, task, task_group

from twelvelabs_provider.operators.assets import TwelveLabsCreateAssetOperator
from twelvelabs_provider.operators.embed import TwelveLabsEmbedOperator


@dag(
    schedule=None,
    catchup=False,
    tags=["twelvelabs"],
    description="Publishes embeddings of videos as partitioned Parquet.",
    doc_md=__doc__,
    default_args={"retries": 2},
    max_active_tasks=16,
    params={
        "sources": Param([], type="array", items={"type": "string"}, minItems=1, title="Videos (paths, URLs, URIs)"),
        "options": Param(
            ["visual", "audio"],
            type="array",
            items={"enum": ["visual", "audio", "transcription"]},
            minItems=1,
            title="Embedding options",
        ),
        "model": Param("marengo3.0", type="string", pattern="^[A-Za-z0-9._-]+$", title="Embedding model"),
        "output_path": Param("", type="string", minLength=1, title="Output path (path or URI)"),
    },
)
def embeddings_to_parquet() -> None:
    """One branch per video: upload, embed; then the list of all."""

    @task
    def list_positions(params: dict[str, Any] | None = None) -> list[int]:
        return list(range(len((params or {})["sources"])))

    @task_group
    def embed_video(position: int) -> Any:
        asset = TwelveLabsCreateAssetOperator(
            task_id="upload",
            # By position, not by value: an address may be signed, and XCom is no place for signatures.
            source="{{ params.sources[ti.map_index] }}",
            deferrable=True,
        )
        embedded = TwelveLabsEmbedOperator(
            task_id="embed",
            video=asset.output["asset_id"],
            mode="async",
            options="{{ params.options | tojson }}",
            model_name="{{ params.model }}",
            formats=["parquet"],
            output_name="embeddings",
            output_path="{{ params.output_path }}/model={{ params.model }}"
            "/asset_id={{ ti.xcom_pull('embed_video.upload', map_indexes=ti.map_index)['asset_id'] }}",
            deferrable=True,
        )
        return embedded.output

    @task
    def list_videos(embedded: Any, params: dict[str, Any] | None = None, ti: Any = None) -> dict[str, Any]:
        from twelvelabs_provider import publish_rows

        uploaded = ti.xcom_pull("embed_video.upload", map_indexes=range(len(embedded)))
        rows = [
            {"asset_id": video["asset_id"], "source": asset["source_uri"], "duration": video["duration"]}
            | {"rows": video["rows"]}
            for asset, video in zip(uploaded, embedded, strict=True)
        ]
        columns = {"asset_id": str, "source": str, "duration": float, "rows": int}
        path = f"videos/{ti.run_id}"
        return publish_rows(rows, (params or {})["output_path"], path, kind="embedded_videos", columns=columns)

    list_videos(embed_video.expand(position=list_positions()))


embeddings_to_parquet()
