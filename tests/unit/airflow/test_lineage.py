"""OpenLineage events: extracted by Airflow, written by the OpenLineage client."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.airflow.publishing import PublishOperator, run
from twelvelabs_provider.lineage import SERVICE, lineage_of, name_of

extractors = pytest.importorskip(
    "airflow.providers.openlineage.extractors.manager", reason="NOT PROVEN HERE: no openlineage provider"
)
from openlineage.client import OpenLineageClient  # noqa: E402
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState  # noqa: E402
from openlineage.client.transport.file import FileConfig, FileTransport  # noqa: E402

RUN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection can be made."""

    def refuse(*args: Any) -> None:
        raise AssertionError(f"a connection to {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def event_of(operator: Any, tmp_path: Path) -> dict[str, Any]:
    """Return the event that a finished task's lineage makes, as the client writes it."""
    found = extractors.ExtractorManager().extract_metadata(
        SimpleNamespace(run_id="r"), operator, task_instance_state="success", task_instance=SimpleNamespace()
    )
    event = RunEvent(
        eventType=RunState.COMPLETE,
        eventTime="2026-01-01T00:00:00Z",
        run=Run(runId=RUN_ID),
        job=Job(namespace="n", name="j"),
        inputs=found.inputs,
        outputs=found.outputs,
        producer="https://github.com/apache/airflow",
    )
    path = tmp_path / "events.jsonl"
    OpenLineageClient(transport=FileTransport(FileConfig(str(path), append=True))).emit(event)
    written: dict[str, Any] = json.loads(path.read_text().splitlines()[-1])
    return written


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after a wait"])
def test_lineage_of_a_published_result(tmp_path: Path, waits: bool) -> None:
    operator = PublishOperator(task_id="t", output_path=str(tmp_path / "out"), videos=["vidéo"], waits=waits)
    run(operator)
    event = event_of(operator, tmp_path)
    assert [(one["namespace"], one["name"]) for one in event["inputs"]] == [
        ("https://host", "/vidéo.mp4"),
        (SERVICE, "indexes/idx/videos/vidéo"),
    ]
    (output,) = event["outputs"]
    file = tmp_path / "out" / "idx" / "vidéo" / "transcription.jsonl"
    assert (output["namespace"], output["name"]) == ("file", str(file))
    fields = [(field["name"], field["type"]) for field in output["facets"]["schema"]["fields"]]
    assert fields[:3] == [("start", "number"), ("end", "number"), ("value", "text")]
    statistics = output["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (2, file.stat().st_size, 1)
    assert "hunter2" not in json.dumps(event)


@pytest.mark.usefixtures("offline")
def test_many_results_have_each_input_once(tmp_path: Path) -> None:
    operator = PublishOperator(task_id="t", output_path=str(tmp_path / "out"), videos=["a", "b", "a"])
    run(operator)
    event = event_of(operator, tmp_path)
    assert len(event["inputs"]) == 4
    assert len(event["outputs"]) == 3


@pytest.mark.usefixtures("offline")
def test_task_without_results_has_no_lineage(tmp_path: Path) -> None:
    operator = PublishOperator(task_id="t", output_path=str(tmp_path), videos=[])
    run(operator)
    event = event_of(operator, tmp_path)
    assert (event["inputs"], event["outputs"]) == ([], [])


def test_lineage_of_indexing() -> None:
    lineage = lineage_of(
        (), {"index_id": "i", "video_id": "v", "source_uri": "s3://conn@bucket/a/b.mp4?X-Amz-Signature=x"}
    )
    assert [(one.namespace, one.name) for one in lineage.inputs] == [("s3://bucket", "a/b.mp4")]
    assert [(one.namespace, one.name) for one in lineage.outputs] == [(SERVICE, "indexes/i/videos/v")]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/data/v 1.mp4", ("file", "/data/v 1.mp4")),
        ("file:///data/v.mp4", ("file", "/data/v.mp4")),
        ("s3://conn@bucket/a/b.mp4", ("s3://bucket", "a/b.mp4")),
        ("s3a://bucket/a", ("s3://bucket", "a")),
        ("gcs://bucket/a", ("gs://bucket", "a")),
        ("abfs://conn@container/a/b", ("abfs://container", "a/b")),
        ("https://user:hunter2@host:8080/a/b.mp4?sig=hunter2", ("https://host:8080", "/a/b.mp4")),
        ("http://host", ("http://host", "/")),
        ("s3://bucket", ("s3://bucket", "/")),
    ],
)
def test_dataset_name_of_a_location(place: str, name: tuple[str, str]) -> None:
    assert name_of(place) == name


@pytest.mark.parametrize("place", ["s3://bucket/a/b.jsonl", "gs://bucket/a b", "file:///data/a.jsonl"])
def test_dataset_name_equals_that_of_an_airflow_asset(place: str) -> None:
    from airflow.providers.openlineage.utils.utils import translate_airflow_asset
    from airflow.sdk import Asset

    dataset = translate_airflow_asset(Asset(place), None)
    if dataset is None:
        pytest.skip(f"NOT PROVEN HERE: no converter for {place}")
    assert name_of(place) == (dataset.namespace, dataset.name)


def test_without_openlineage_there_is_no_lineage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage.extractors", None)
    operator = PublishOperator(task_id="t", output_path=str(tmp_path))
    run(operator)
    assert operator.get_openlineage_facets_on_complete(None) is None
