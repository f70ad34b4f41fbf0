"""Signed URLs and the API key are not in anything that Airflow stores or writes."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.dags.conftest import SAMPLE, Account, Connect, load_dag

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("airflow_database")]

SIGNATURE = "5ecre7f00dba5eba115ecre7f00dba5e"


class Quiet(SimpleHTTPRequestHandler):
    """A file server that writes no log of its own (it would repeat the addresses that are looked for)."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def signed_url() -> Iterator[str]:
    """The sample at an address with a signature."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SAMPLE.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/sample.mp4?X-Amz-Expires=60&X-Amz-Signature={SIGNATURE}"
    server.shutdown()
    server.server_close()


def tables_with(text: str) -> set[str]:
    """Return the tables of Airflow's database that hold a text anywhere."""
    found = set()
    with sqlite3.connect(Path(os.environ["AIRFLOW_HOME"]) / "airflow.db") as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            for row in database.execute(f'SELECT * FROM "{name}"'):
                if any(text in (value.decode("latin-1") if isinstance(value, bytes) else str(value)) for value in row):
                    found.add(name)
    return found


def files_with(text: str, folder: Path) -> list[Path]:
    """Return the files below a folder that hold a text."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_signed_url_is_only_where_the_user_put_it(
    connect: Connect,
    account: Account,
    signed_url: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    conf = {"sources": [signed_url], "index_name": "signed", "output_path": str(tmp_path)}
    dag_run = load_dag("video_understanding").test(run_conf=conf)
    assert str(dag_run.state) == "success"
    printed = capfd.readouterr()
    logged = printed.out + printed.err + caplog.text
    assert "Uploading sample.mp4, method url" in logged
    assert SIGNATURE not in logged
    assert tables_with(SIGNATURE) == {"dag_run"}, "the run's own conf, and nowhere else"
    assert tables_with(account.engine.api_key) == set()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 12, "of each of two kinds four formats, a manifest, and its entry in the catalog"
    assert files_with(SIGNATURE, tmp_path) == []


SIGNED_DAG = """
import os
from airflow.sdk import dag, task, task_group
from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator as IndexVideos
from twelvelabs_provider.operators.search import TwelveLabsSearchOperator as Search
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator as Index
from twelvelabs_provider.sensors.asset import TwelveLabsAssetSensor as AssetSensor

NOWHERE = "http://127.0.0.1:1/a.mp4?X-Amz-Expires=60&X-Amz-Signature="
SIGNED = [NOWHERE + signature for signature in os.environ["SIGNATURES"].split()]

@task(show_return_value_in_logs=False)
def links():
    return SIGNED[1:2]

@task_group
def group(source):
    Index(task_id="one", index_id="i", source=source)

@dag(schedule=None)
def signed_sources():
    here = os.environ["RESULTS"]
    Index(task_id="plain", index_id="i", source=SIGNED[0])
    Index.partial(task_id="upstream", index_id="i").expand(source=links())
    Index.partial(task_id="mapped", map_index_template="{{ task.index_id }}").expand_kwargs(
        [{"index_id": "i", "source": SIGNED[2]}]
    )
    IndexVideos.partial(task_id="lists", index_id="i", output_path=here).expand(videos=[[{"uri": SIGNED[3]}]])
    Search.partial(task_id="images", index_id="i", output_path=here).expand(query_images=[[SIGNED[4]]])
    AssetSensor.partial(task_id="sensor", timeout=1).expand(asset_id=[SIGNED[5]])
    group.expand(source=SIGNED[6:7])

signed_sources()
"""


def test_signatures_of_mapped_tasks_are_only_where_the_user_put_them(
    connect: Connect,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    signatures = [f"{number}mapped7f00dba5eba115ecre7f00dba5" for number in range(7)]
    monkeypatch.setenv("SIGNATURES", " ".join(signatures))
    monkeypatch.setenv("RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    file = tmp_path / "signed_sources.py"
    file.write_text(SIGNED_DAG)
    load_dag("signed_sources", file).test()
    printed = capfd.readouterr()
    logged = printed.out + printed.err + caplog.text
    assert "asset_id is a URL, not an id: 'http://127.0.0.1:1/a.mp4?" in logged
    assert tables_with("a.mp4?X-Amz-Expires=60") >= {"rendered_task_instance_fields"}
    for signature in signatures:
        assert signature not in logged
        assert tables_with(signature) <= {"serialized_dag", "xcom"}, "the DAG's own literals and the user's own XCom"
