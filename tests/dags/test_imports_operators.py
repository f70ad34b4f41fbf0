"""Imports from a connected account and from a bucket, with one row per file whatever its outcome."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.connected import connect_folder
from tests.dags.conftest import Connect, read_rows
from tests.engine.client import Api
from tests.engine.videos import make_video
from tests.task_context import TaskStateStore, pushed, task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsJobFailedError,
    TwelveLabsOutputError,
    TwelveLabsRefusedError,
)
from twelvelabs_provider.operators import imports as module
from twelvelabs_provider.operators.imports import TwelveLabsImportVideosOperator
from twelvelabs_provider.sensors.imports import TwelveLabsImportSensor

if TYPE_CHECKING:
    from tests.engine_process import Engine

pytestmark = pytest.mark.engine

UNKNOWN = "665000000000000000000abc"


@pytest.fixture
def folder(tmp_path: Path, clip: Path) -> Path:
    """A folder with three videos, one of them broken."""
    root = tmp_path / "media"
    root.mkdir()
    (root / "a.mp4").write_bytes(clip.read_bytes())
    make_video(root / "b.mp4", ("AUTUMN",))
    (root / "broken.mp4").write_bytes(b"this is no video")
    return root


@pytest.fixture
def connection_id(engine: Engine, folder: Path, connect: Connect) -> str:
    """The folder, connected: an account for v1.3, a bucket for v1.2."""
    return connect_folder(engine, folder)


def operator(**fields: Any) -> TwelveLabsImportVideosOperator:
    return TwelveLabsImportVideosOperator(task_id="t", **{"poll_interval": 0.2, **fields})


def run(context: dict[str, Any] | None = None, **fields: Any) -> tuple[dict[str, Any], int]:
    """Run the operator as Airflow does; return its result and the number of deferrals."""
    return run_to_end(operator(**fields), context or task_context())


@pytest.mark.parametrize("deferrable", [True, False])
def test_files_of_a_connection_become_assets(
    deferrable: bool, engine: Engine, connection_id: str, folder: Path, tmp_path: Path
) -> None:
    (folder / "b.mp4").write_bytes((folder / "b.mp4").read_bytes() + os.urandom(8))
    output = str(tmp_path / "out")
    items = ["a.mp4", "gone.mp4", "b.mp4", "broken.mp4", "a.mp4"]
    result, _ = run(
        connection_id=connection_id, items=items, output_path=output, deferrable=deferrable, fail_on_partial_error=False
    )
    assert result["counts"] == {"created": 3, "ready": 2, "rejected": 1, "failed": 1}
    assert len(result["imports"]) == 1 and result["rows"] == 4 and result["video_ids"] == []
    rows = read_rows(Path(result["manifest"].removeprefix("file://")))
    outcomes = [(row["source_id"], row["action"], row["status"], row["error_code"]) for row in rows]
    assert outcomes == [
        ("a.mp4", "created", "ready", None),
        ("gone.mp4", "rejected", None, "source_unavailable"),
        ("b.mp4", "created", "ready", None),
        ("broken.mp4", "created", "failed", None),
    ]
    assert rows[-1]["error_message"].startswith("video_file_broken: ")
    assert result["asset_ids"] == [row["asset_id"] for row in rows if row["status"] == "ready"]
    assert Api(engine).get(f"/assets/{result['asset_ids'][0]}")["filename"] == "a.mp4"
    manifest = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())
    assert (manifest["kind"], manifest["through"], manifest["imports"]) == ("imports", connection_id, result["imports"])


def test_more_files_than_one_request_allows_are_imported(
    connection_id: str, folder: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_IMPORTED", 2)
    names = [f"copy {number}.mp4" for number in range(5)]
    for name in names:
        (folder / name).write_bytes(clip.read_bytes())
    result, _ = run(connection_id=connection_id, items=names)
    assert (len(result["imports"]), len(set(result["asset_ids"]))) == (3, 5)
    monkeypatch.setattr(module, "MOST_IDS", 3)
    again, deferrals = run(connection_id=connection_id, items=json.dumps(names), deferrable=True)
    assert (again["counts"], len(again["asset_ids"]), deferrals) == ({"skipped": 5, "ready": 5}, 3, 0)


def test_failed_file_fails_the_task_after_the_rows_are_published(
    connection_id: str, folder: Path, tmp_path: Path
) -> None:
    memory, output = TaskStateStore(), tmp_path / "out"
    fields = {"connection_id": connection_id, "items": ["a.mp4", "late.mp4"], "output_path": str(output)}
    context = task_context(memory)
    with pytest.raises(TwelveLabsJobFailedError, match=r"1 of 2 files .*late\.mp4 \(source_unavailable.*manifest"):
        run(context, **fields)
    assert pushed(context)["counts"]["rejected"] == 1 and pushed(context)["manifest"]
    assert [row["action"] for row in read_rows(next(output.rglob("*.manifest.json")))] == ["created", "rejected"]
    assert memory.jobs() == {}, "a retry asks again"
    make_video(folder / "late.mp4", ("LATE",))
    result, _ = run(task_context(memory), **fields)
    assert result["counts"] == {"skipped": 1, "created": 1, "ready": 2}
    assert len(list(output.rglob("*.manifest.json"))) == 1, "a retry writes the same names again"


def test_import_without_waiting_returns_ids_for_the_sensor(connection_id: str) -> None:
    handed, deferrals = run(connection_id=connection_id, items="a.mp4", wait_for_completion=False, deferrable=True)
    assert deferrals == 0
    assert handed == {
        "job_kind": "import",
        "job_id": handed["imports"][0],
        "index_id": None,
        "connection_id": connection_id,
        "imports": handed["imports"],
    }
    sensor = TwelveLabsImportSensor(
        task_id="s", connection_id=connection_id, import_id=handed["job_id"], poke_interval=0.2, mode="poke"
    )
    result, _ = run_to_end(sensor, task_context())
    assert result == {"connection_id": connection_id, "import_id": handed["job_id"], "status": "ready"}


def test_files_of_an_integration_are_indexed_once(
    engine: Engine, connection_id: str, folder: Path, connect: Connect, tmp_path: Path
) -> None:
    connect("v1.2")
    index_id = Api(engine, "v1.2").create_index(str(tmp_path))
    fields: dict[str, Any] = {
        "integration_id": connection_id,
        "index_id": index_id,
        "output_path": str(tmp_path / "out"),
    }
    with pytest.raises(TwelveLabsJobFailedError, match=r"1 of 3 files were not imported: broken\.mp4"):
        run(**fields)
    rows = read_rows(next((tmp_path / "out").rglob("*.manifest.json")))
    outcomes = {row["source_id"]: (row["action"], row["status"]) for row in rows}
    assert outcomes == {"a.mp4": ("created", "ready"), "b.mp4": ("created", "ready"), "broken.mp4": ("rejected", None)}

    make_video(folder / "c.mp4", ("SPRING",))
    result, deferrals = run(**fields, deferrable=True)
    assert deferrals == 1 and result["index_id"] == index_id and result["integration_id"] == connection_id
    assert result["counts"] == {"skipped": 3, "created": 1, "ready": 3, "failed": 1}, "what failed before is known"
    assert len(result["video_ids"]) == 3 and result["asset_ids"] == []

    make_video(folder / "broken.mp4", ("MENDED",))
    mended, _ = run(**fields, retry_failed=True)
    assert mended["counts"] == {"skipped": 3, "created": 1, "ready": 4}


def test_running_import_is_waited_for(engine: Engine, connection_id: str, connect: Connect) -> None:
    connect("v1.2")
    old = Api(engine, "v1.2")
    index_id = old.create_index(f"running {connection_id}")
    old.expect(200, "POST", f"/tasks/transfers/import/{connection_id}", json={"index_id": index_id})
    handed, _ = run(integration_id=connection_id, index_id=index_id, wait_for_completion=False)
    assert handed == {
        "job_kind": "transfer",
        "job_id": connection_id,
        "index_id": index_id,
        "integration_id": connection_id,
    }
    sensor = TwelveLabsImportSensor(
        task_id="s", integration_id=connection_id, index_id=index_id, poke_interval=0.2, deferrable=True
    )
    result, _ = run_to_end(sensor, task_context())
    assert result == {"integration_id": connection_id, "index_id": index_id, "status": "ready"}
    assert len(old.get(f"/tasks/transfers/import/{connection_id}/logs")["data"]) == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "connection_id=None and integration_id=None"),
        ({"connection_id": "None", "integration_id": ""}, "give one of them"),
        ({"connection_id": "c", "integration_id": "g"}, "give one of them"),
        ({"connection_id": "c"}, "items=None names no file"),
        ({"connection_id": "c", "items": "[]"}, "names no file"),
        ({"connection_id": "c", "items": "[1.5]"}, "list of texts"),
        ({"connection_id": "c", "items": ["a", ""]}, "list of texts"),
        ({"connection_id": "c", "items": "['a']"}, "tojson"),
        ({"integration_id": "g"}, "index_id=None"),
        ({"integration_id": "g", "index_id": "i", "items": ["a"]}, "items needs a connection_id"),
        ({"connection_id": "c", "items": "a", "output_path": "/tmp", "formats": ["srt"]}, "srt"),
    ],
)
def test_invalid_arguments_are_refused_before_any_request(
    fields: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", raising=False)
    with pytest.raises(TwelveLabsInputError, match=said.replace("(", r"\(")):
        run(**fields)


def test_unwritable_output_is_refused_before_the_import(
    engine: Engine, connection_id: str, tmp_path: Path, folder: Path
) -> None:
    with pytest.raises((TwelveLabsInputError, TwelveLabsOutputError)):
        run(connection_id=connection_id, items="a.mp4", output_path=str(folder / "a.mp4"))
    assert Api(engine).get(f"/connections/{connection_id}/imports")["data"] == []


def test_errors_of_unknown_expired_and_unsupported_connections(
    connection_id: str, folder: Path, connect: Connect
) -> None:
    with pytest.raises(TwelveLabsRefusedError, match=UNKNOWN):
        run(connection_id=UNKNOWN, items="a.mp4")
    folder.rename(folder.with_name("moved"))
    with pytest.raises(TwelveLabsInputError, match="is expired"):
        run(connection_id=connection_id, items="a.mp4")
    connect("v1.2")
    with pytest.raises(TwelveLabsRefusedError, match=r"start_transfer_import\(\)"):
        run(connection_id=connection_id, items="a.mp4")
    connect("v1.3")
    with pytest.raises(TwelveLabsRefusedError, match=r"import_files\(\)"):
        run(integration_id=connection_id, index_id=UNKNOWN)


def test_sensor_needs_pairs_of_ids() -> None:
    with pytest.raises(TwelveLabsInputError, match="give connection_id and import_id"):
        TwelveLabsImportSensor(task_id="s", connection_id="c", index_id="i").job()


def test_lists_are_template_fields() -> None:
    fields = set(TwelveLabsImportVideosOperator.template_fields)
    assert {"twelvelabs_conn_id", "connection_id", "items", "integration_id", "index_id", "output_path"} <= fields


@pytest.fixture
def losing_answers(engine: Engine) -> Iterator[Callable[[str], None]]:
    """A function that makes the engine lose its answer to the next POST of a path, work done."""
    admin = Api(engine, "_local")

    def lose(path: str) -> None:
        rule = {"name": path, "action": "lose_answer", "method": "POST", "path": path, "times": 1}
        admin.expect(201, "POST", "/faults", json=rule)

    yield lose
    admin.send("DELETE", "/faults")


def test_lost_response_imports_nothing_twice(
    engine: Engine, connection_id: str, losing_answers: Callable[[str], None], connect: Connect
) -> None:
    losing_answers("/connections/*/imports")
    result, _ = run(connection_id=connection_id, items=["a.mp4", "b.mp4"])
    assert result["counts"] == {"skipped": 2, "ready": 2}, "the first request had done it"
    imports = Api(engine).get(f"/connections/{connection_id}/imports")
    assert imports["page_info"]["total_results"] == 2
    assert len(set(result["asset_ids"])) == 2

    connect("v1.2")
    index_id = Api(engine, "v1.2").create_index(f"lost {connection_id}")
    losing_answers("/tasks/transfers/import/*")
    result, _ = run(integration_id=connection_id, index_id=index_id, fail_on_partial_error=False)
    assert result["counts"] == {"created": 3, "ready": 2, "failed": 1}
    assert Api(engine, "v1.2").get("/tasks", index_id=index_id)["page_info"]["total_results"] == 2
