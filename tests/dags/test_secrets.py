"""A signed address and the API key stay out of what Airflow stores and writes."""

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


def test_a_signed_address_is_only_where_the_user_put_it(
    connect: Connect, account: Account, signed_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    conf = {"sources": [signed_url], "index_name": "signed", "output_path": str(tmp_path)}
    dag_run = load_dag("video_understanding").test(run_conf=conf)
    assert str(dag_run.state) == "success"
    printed = capfd.readouterr()
    assert "/sample.mp4 goes up as an asset, method url" in printed.out + printed.err
    assert SIGNATURE not in printed.out + printed.err
    assert tables_with(SIGNATURE) == {"dag_run"}, "the run's own conf, and nowhere else"
    assert tables_with(account.engine.api_key) == set()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 12, "of each of two kinds four formats, a manifest, and its entry in the catalog"
    assert [path for path in files if SIGNATURE in path.read_text()] == []
