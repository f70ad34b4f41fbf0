"""The DAG of docs/outputs.md that publishes and reads results in its own tasks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.dags.conftest import ROOT, load_dag
from tests.dags.test_dags import states
from tests.unit.storage.published import put
from twelvelabs_provider import read_catalog, read_rows

pytestmark = pytest.mark.usefixtures("airflow_database")


def test_the_dag_of_outputs_md_publishes_and_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "outputs.md").read_text(), re.DOTALL)
    (code,) = (block for block in blocks if "publish_rows" in block)
    output = tmp_path / "understood"
    (tmp_path / "word_counts.py").write_text(code.replace("s3://aws_default@media/understood", str(output)))
    put(str(output), "video1", words=["one", "two words"])
    put(str(output), "video2", words=["one"])
    put(str(output), "video2", kind="chapters")

    for _ in range(2):
        run = load_dag("word_counts", tmp_path / "word_counts.py").test()
        assert str(run.state) == "success", states(run)
        (entry,) = read_catalog(output, kind="word_counts", run_id=run.run_id)
        assert {row["video_id"]: row["words"] for row in read_rows(entry)} == {"video1": 3, "video2": 1}
        assert entry.task_id == "count_words"
        assert json.loads((output / "reports" / "words.json").read_text()) == {"words": 4}
    assert len(list(read_catalog(output, kind="word_counts"))) == 2, "each run has its own result"
