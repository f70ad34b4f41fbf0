"""DAG files of ``dags/``: no warnings, no side effects, and the same conventions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import ROOT, load_dag

NAMES = sorted(file.stem for file in (ROOT / "dags").glob("*.py"))
SCHEDULED = {"nightly_bucket", "on_new_video", "search_digest"}
COPIED = {*SCHEDULED, "compliance_review", "embeddings_to_parquet"}
HEAVY = ("av", "duckdb", "numpy", "onnxruntime", "pandas", "pyarrow", "rapidocr", "s3fs")
# Airflow's own imports come first, so that what remains is the work of the DAG file.
READ = """
import json, runpy, sys, warnings
import airflow.sdk, airflow.triggers.base
from airflow.providers.standard.operators.hitl import HITLOperator
seen, done, watching = [], [], False

def audit(event, arguments):
    if event == "subprocess.Popen" and arguments[0] == "file":
        return  # how a library that is imported learns of the machine it is on
    if watching and event in ("socket.connect", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen"):
        done.append(f"{event} {arguments!r}")
    if watching and event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        done.append(f"{event} {arguments!r}")

sys.addaudithook(audit)
before = set(sys.modules)
files, heavy = json.loads(sys.argv[1])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    watching = True
    for file in files:
        runpy.run_path(file)
    watching = False
ours = ("/dags/", "/twelvelabs_provider/")
print(json.dumps({
    "warnings": [f"{one.filename}: {one.message}" for one in caught if any(part in one.filename for part in ours)],
    "done": done,
    "heavy": [name for name in heavy if name in sys.modules and name not in before],
}))
"""


def test_dag_files_load_without_warnings_side_effects_or_heavy_libraries() -> None:
    files = [str(ROOT / "dags" / f"{name}.py") for name in NAMES]
    command = [sys.executable, "-B", "-c", READ, json.dumps([files, HEAVY])]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    assert json.loads(result.stdout.splitlines()[-1]) == {"warnings": [], "done": [], "heavy": []}


@pytest.mark.parametrize("name", NAMES)
def test_dags_follow_the_conventions(name: str) -> None:
    dag = load_dag(name)
    assert Path(dag.fileloc).stem == dag.dag_id == name
    assert dag.doc_md and "twelvelabs" in dag.tags and not dag.catchup
    assert dag.default_args["retries"] >= 1, "a network fails now and then"
    for param in dag.params:
        schema = dag.params.get_param(param).schema
        assert {"type", "enum"} & set(schema), f"{param} takes anything"
    assert all(task.doc or type(task).__doc__ for task in dag.tasks)


@pytest.mark.parametrize("name", sorted(COPIED))
def test_copied_dags_document_purpose_requirements_and_failures(name: str) -> None:
    text = str(load_dag(name).doc_md)
    assert all(words in text for words in ("**What it does", "**Needs:**", "**If it fails")), text
    assert "twelvelabs_default" in text


@pytest.mark.parametrize("name", NAMES)
def test_scheduled_dags_run_one_at_a_time_with_default_params(name: str) -> None:
    dag = load_dag(name)
    assert (name in SCHEDULED) == bool(dag.schedule), "list scheduled DAGs in SCHEDULED"
    if name in SCHEDULED:
        assert dag.max_active_runs == 1
        dag.params.validate()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("compliance_review", {"sources": []}),
        ("compliance_review", {"ask_from": "terrible"}),
        ("embeddings_to_parquet", {"options": ["smell"]}),
        ("embeddings_to_parquet", {"model": "a/b"}),
        ("nightly_bucket", {"max_concurrent": 0}),
        ("nightly_bucket", {"min_age": -1}),
        ("on_new_video", {"videos": [{"video_id": "only"}]}),
        ("search_digest", {"searches": [{"name": "a/b", "query": "x"}]}),
        ("search_digest", {"searches": []}),
        ("search_digest", {"max_results": 5000}),
    ],
)
def test_invalid_params_are_refused(name: str, wrong: dict[str, Any]) -> None:
    from airflow.providers.common.compat.sdk import ParamValidationError

    good = {"sources": ["a.mp4"], "policy": "none", "output_path": "/tmp/out"}
    params = load_dag(name).params
    for given, value in good.items():
        if given in params:
            params[given] = value
    params.validate()
    with pytest.raises(ParamValidationError):
        for given, value in wrong.items():
            params[given] = value
        params.validate()
