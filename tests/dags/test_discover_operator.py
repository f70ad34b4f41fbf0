"""Videos found in storage by a DAG, from run to run."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import Connect, load_dag
from tests.task_context import task_context
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.operators.discover import TwelveLabsDiscoverVideosOperator
from twelvelabs_provider.storage.video_list import read_video_list

pytestmark = [pytest.mark.engine]

DAG = """
import pendulum
from airflow.sdk import DAG, task
from twelvelabs_provider.storage.video_list import read_video_list
from twelvelabs_provider.operators.discover import TwelveLabsDiscoverVideosOperator

with DAG("bucket", start_date=pendulum.datetime(2026, 1, 1), schedule=None, params={"folder": ""}):
    found = TwelveLabsDiscoverVideosOperator(
        task_id="found",
        source="{{ params.folder }}/videos/**/*.mp4",
        output_path="{{ params.folder }}/state",
        min_age="{{ 60 * 60 }}",
        chunk_size=1,
    )

    @task
    def note(videos, params, run_id):
        with open(f"{params['folder']}/{run_id}.txt", "a") as notes:
            notes.writelines(f"{video.uri.rpartition('/')[2]}\\n" for video in read_video_list(videos))

    note.expand(videos=found.output)
"""


class Nights:
    """A bucket, and the DAG that looks at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dag = load_dag("bucket", folder / "bucket.py")

    def put(self, *names: str, age: float = 7200) -> None:
        """Write files some seconds ago."""
        then = datetime.now(UTC).timestamp() - age
        for name in names:
            path = self.folder / "videos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(8))
            os.utime(path, (then, then))

    def run(self, night: int) -> list[str]:
        """Run the DAG for a night, or clear it; return what the mapped tasks were given."""
        date = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=night)
        for old in self.folder.glob("*.txt"):
            old.unlink()
        dag_run = self.dag.test(run_conf={"folder": str(self.folder)}, logical_date=date, run_after=date)
        assert str(dag_run.state) == "success"
        return sorted(line for notes in self.folder.glob("*.txt") for line in notes.read_text().split())


@pytest.fixture
def nights(connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    """An empty bucket."""
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    (tmp_path / "bucket.py").write_text(DAG)
    (tmp_path / "videos").mkdir()
    return Nights(tmp_path)


@pytest.mark.usefixtures("airflow_database")
def test_each_run_returns_new_videos(nights: Nights) -> None:
    nights.put("a.mp4", "2026/b.mp4", "a.srt", "notes.txt")
    nights.put("young.mp4", age=0)
    assert nights.run(1) == ["a.mp4", "b.mp4"]
    nights.put("young.mp4", "new.mp4")
    nights.put("2026/b.mp4")
    (nights.folder / "videos/a.mp4").unlink()
    assert nights.run(2) == ["b.mp4", "new.mp4", "young.mp4"]
    assert nights.run(2) == ["b.mp4", "new.mp4", "young.mp4"], "cleared: the same list"
    assert nights.run(1) == ["a.mp4", "b.mp4"], "the first night, cleared"
    assert nights.run(0) == [], "an earlier date, run later: nothing is new"
    assert nights.run(3) == []


def result_of(operator: TwelveLabsDiscoverVideosOperator) -> dict[str, Any]:
    """Run the operator alone; return its chunks, and what it pushes beside them."""
    context: Any = task_context()
    chunks = operator.execute(context)
    pushed = context["ti"].pushed
    assert set(pushed) == {"counts", "manifest"}
    return {**pushed["counts"], "chunks": chunks, "manifest": pushed["manifest"]}


def discover(folder: Path, **options: Any) -> TwelveLabsDiscoverVideosOperator:
    """Return the operator on a folder."""
    given = {"source": str(folder / "videos"), "output_path": str(folder / "state"), "min_age": 0, **options}
    return TwelveLabsDiscoverVideosOperator(task_id="t", **given)


def test_result_is_small_and_links_the_list(nights: Nights) -> None:
    nights.put("b.mkv", "a.mp4", "a.de.vtt", "tiny.mp4", "c.avi")
    (nights.folder / "videos/tiny.mp4").write_bytes(b"1")
    source = json.dumps([f"{nights.folder}/videos/*.m*", str(nights.folder / "videos")])
    operator = discover(nights.folder, source=source, suffixes='["mp4", "*.MKV"]', language="de", min_size="2")
    result = result_of(operator)
    chunks, manifest = result["chunks"], result["manifest"]
    assert result == {
        "videos": 2,
        "bytes": 16,
        "skipped": {"listed_twice": 2, "not_a_video": 2, "too_small": 2},
        "chunks": chunks,
        "manifest": manifest,
    }
    assert [video.subtitle for video in read_video_list(chunks[0])] == [f"file://{nights.folder}/videos/a.de.vtt", None]
    document = json.loads(Path(manifest.removeprefix("file://")).read_text())
    assert (document["options"]["max_size"], document["options"]["suffixes"]) == (4 * 1024**3, [".mkv", ".mp4"])
    assert result_of(discover(nights.folder, source=source, only_new="False"))["videos"] == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"source": ""}, "source=''"),
        ({"source": "/nowhere"}, "'/nowhere' does not exist"),
        ({"source": "https://host/videos/?sig=secret"}, "'https://host/videos/' is a URL"),
        ({"output_path": "https://host/"}, "is a URL"),
        ({"min_age": "soon"}, "min_age='soon' must be a number"),
        ({"min_age": -1}, "min_age=-1 must be a number of seconds, 0 or more"),
        ({"min_size": 5, "max_size": 4}, "min_size=5 must be from 0 to max_size"),
        ({"chunk_size": 0}, "chunk_size=0 must be a whole number, 1 or more"),
        ({"only_new": "perhaps"}, "only_new='perhaps' must be true or false"),
        ({"source_conn_id": "aws", "source": "s3://other@bucket/x"}, "names the connection 'other', but 'aws'"),
    ],
)
def test_invalid_arguments_are_refused(nights: Nights, options: dict[str, Any], words: str) -> None:
    with pytest.raises(TwelveLabsInputError) as caught:
        result_of(discover(nights.folder, **options))
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert list(nights.folder.rglob("manifest.json")) == []


@pytest.mark.parametrize(
    ("uri", "provider"), [("abfs://nosuch@container/x", "microsoft.azure"), ("s3://nosuch@bucket/x", "amazon")]
)
def test_missing_connection_is_named(nights: Nights, uri: str, provider: str) -> None:
    module = f"airflow.providers.{provider}"
    pytest.importorskip(module, reason=f"NOT PROVEN HERE: {module} (extra test-servers) is not installed")
    with pytest.raises(TwelveLabsInputError, match="cannot be opened with the connection 'nosuch'"):
        result_of(discover(nights.folder, source=uri))
    assert list(nights.folder.rglob("manifest.json")) == []


def test_listing_files_needs_no_api_key(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.put("a.mp4")
    for connection in ({"conn_type": "twelvelabs"}, None):
        if connection is None:
            monkeypatch.delenv("AIRFLOW_CONN_TWELVELABS_DEFAULT")
        else:
            monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", json.dumps(connection))
        assert result_of(discover(nights.folder, only_new="False"))["videos"] == 1
