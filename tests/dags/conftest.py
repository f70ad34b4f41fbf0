"""Fixtures of DAGs and operators against the engine, in this process, with Airflow's own task runner."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.published import check_published

if TYPE_CHECKING:
    from airflow.sdk import DAG
    from fsspec.implementations.memory import MemoryFileSystem

    from tests.engine_process import Engine

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data" / "sample.mp4"
SUBTITLES = ROOT / "tests" / "data" / "sample.srt"
POLL_SECONDS = 0.5
Connect = Callable[..., None]


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Make the session's metadata database once."""
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="session", autouse=True)
def one_execution_api() -> None:
    """Share one execution API among the tasks of ``dag.test()``: Airflow before 3.3 builds one per task, in seconds."""
    from airflow.sdk.execution_time import supervisor

    build = supervisor.in_process_api_server
    if not hasattr(build, "cache_clear"):
        supervisor.in_process_api_server = functools.lru_cache(maxsize=1)(build)


@pytest.fixture(autouse=True)
def published_as_documented(tmp_path: Path) -> Iterator[None]:
    """Check the results that a test published in its folder against the documented schemas."""
    yield
    check_published(tmp_path)


@pytest.fixture
def connect(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Return a function that points ``twelvelabs_default`` at the engine."""

    def point(api_version: str = "v1.3", **fields: Any) -> None:
        connection = {
            "conn_type": "twelvelabs",
            "password": engine.api_key,
            "host": engine.base_url,
            "extra": {"api_version": api_version, "max_attempts": 2},
            **fields,
        }
        monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", json.dumps(connection))

    point()
    return point


@dataclass
class Account:
    """Resources and billing of the engine, read over its API."""

    engine: Engine
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {"x-api-key": self.engine.api_key}

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a path."""
        answer = requests.get(self.engine.base_url + path, headers=self.headers, params=query, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def create_index(self, name: str, api_version: str = "v1.3") -> str:
        """Return the id of a new index; one of an older version can be searched, and generates text."""
        body: dict[str, Any] = {"index_name": name}
        if api_version == "v1.3":
            body["models"] = [{"model_name": "marengo3.0", "model_options": ["visual", "audio"]}]
        else:
            search = {"engine_name": "marengo2.6", "engine_options": ["visual", "conversation", "text_in_video"]}
            body["engines"] = [search, {"engine_name": "pegasus1.1", "engine_options": ["visual", "conversation"]}]
        url = f"{self.engine.base_url}/{api_version}/indexes"
        answer = requests.post(url, headers=self.headers, json=body, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["_id"])

    def holdings(self) -> tuple[int, int, Any]:
        """Return how many assets and tasks there are, and what was billed."""
        assets = self.get("/v1.3/assets")["page_info"]["total_results"]
        tasks = self.get("/v1.3/tasks")["page_info"]["total_results"]
        return assets, tasks, self.get("/_local/billing")


@pytest.fixture
def account(engine: Engine) -> Account:
    """The engine's account."""
    return Account(engine)


def billed(account: Account, what: str = "indexing") -> int:
    """Return how many submissions of a kind the engine would have billed."""
    return int(account.get("/_local/billing")["totals"].get(what, {"events": 0})["events"])


@pytest.fixture
def memory_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryFileSystem]:
    """``memory://`` as Airflow would have it if a provider registered it."""
    from airflow.sdk.io import store
    from fsspec.implementations.memory import MemoryFileSystem

    monkeypatch.setattr(store, "_STORE_CACHE", {})
    filesystem = MemoryFileSystem()
    store.attach("memory", None, fs=filesystem)
    yield filesystem
    filesystem.store.clear()


Faults = Callable[..., None]


@pytest.fixture
def faults(account: Account) -> Iterator[Faults]:
    """Return a function that makes the engine fail the next POST of a path; ``times=None`` fails all of them."""
    url = f"{account.engine.base_url}/_local/faults"

    def fail(path: str, action: str = "lose_answer", times: int | None = 1, **fields: Any) -> None:
        rule = {"method": "POST", "path": path, "action": action, "times": times, **fields}
        rule = {name: value for name, value in rule.items() if value is not None}
        requests.post(url, headers=account.headers, json=rule, timeout=30).raise_for_status()

    yield fail
    end_faults(account)


def end_faults(account: Account) -> None:
    """Let the engine answer well again."""
    url = f"{account.engine.base_url}/_local/faults"
    requests.delete(url, headers=account.headers, timeout=30).raise_for_status()


def load_dag(dag_id: str, file: Path | None = None) -> DAG:
    """Return a DAG of ``dags/``, or of another file, as Airflow's own loader reads it."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag  # type: ignore[no-redef, unused-ignore]
    from airflow.sdk.definitions.mappedoperator import MappedOperator

    from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator
    from twelvelabs_provider.operators.job import TwelveLabsJobOperator

    bag = DagBag(dag_folder=str(file or ROOT / "dags" / f"{dag_id}.py"))
    assert not bag.import_errors
    dag = bag.dags[dag_id]
    for task in dag.tasks:
        # A failure ends the run at once, without the delays of retries. Short polls: the engine's jobs end in seconds.
        task.retries = 0
        if isinstance(task, MappedOperator):
            if issubclass(task.operator_class, (TwelveLabsJobOperator, TwelveLabsIndexVideosOperator)):
                task.partial_kwargs.setdefault("poll_interval", POLL_SECONDS)
        elif getattr(task, "poll_interval", 0) is None:
            task.poll_interval = POLL_SECONDS
    return dag


def read_rows(manifest: Path) -> list[dict[str, Any]]:
    """Return the rows that a manifest's jsonl file holds."""
    name = next(file["name"] for file in json.loads(manifest.read_text())["files"] if file["format"] == "jsonl")
    return [json.loads(line) for line in (manifest.parent / name).read_text().splitlines()]


def rows_of(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that a task published, from the manifest that its result names."""
    return read_rows(Path(result["manifest"].removeprefix("file://")))
