"""``dags/embeddings_to_parquet.py``: vectors that DuckDB reads as one table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.dags.conftest import Connect, load_dag
from tests.dags.test_dags import states

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]


def test_vectors_of_all_videos_are_one_table(connect: Connect, clip: Path, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb (extra test-servers) reads what the DAG wrote")
    twin = tmp_path / "zwei & drei.mp4"
    twin.write_bytes(clip.read_bytes())
    output = tmp_path / "out"
    dag = load_dag("embeddings_to_parquet")
    conf = {"sources": [str(clip), str(twin)], "options": ["visual"], "output_path": str(output)}
    run = dag.test(run_conf=conf)
    assert str(run.state) == "success", states(run)
    found = re.search(r"```sql\n(.*?);\n```", str(dag.doc_md), re.DOTALL)
    assert found is not None
    query = found[1].replace("{output}", str(output))
    (vector,) = duckdb.sql(
        f"SELECT embedding FROM read_parquet('{output}/model=*/asset_id=*/assets/*/*.parquet') LIMIT 1"
    ).fetchall()[0]
    assert len(vector) > 100
    rows = duckdb.execute(query, [vector]).fetchall()
    assert {row[0] for row in rows} == {clip.as_uri(), f"file://{twin}"}
    assert rows[0][3] == pytest.approx(1.0, abs=1e-3)
    partitions = {path.parent.parent.parent.parent.name for path in output.rglob("embeddings.parquet")}
    assert partitions == {"model=marengo3.0"}
