"""Operators with sources and results on object store servers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import Account, Connect, load_dag
from tests.dags.test_asset_operators import create
from tests.dags.test_dags import states
from tests.engine.multipart import padded
from tests.servers.remote import Remote
from tests.servers.test_outputs import said_of
from tests.task_context import TaskStateStore, task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.source import Source

pytestmark = pytest.mark.engine

MIB = 1 << 20
NAME = "zwei & drei + 100% größe #1.mp4"


@pytest.mark.usefixtures("airflow_database")
def test_dag_from_bucket_to_bucket(remote: Remote, connect: Connect, clip: Path) -> None:
    remote.write(f"in/{NAME}", clip.read_bytes())
    conf = {
        "sources": [remote.uri(f"in/{NAME}")],
        "index_name": f"servers-{remote.scheme}",
        "output_path": remote.uri("out"),
    }
    run = load_dag("video_understanding").test(run_conf=conf)
    assert str(run.state) == "success", states(run)
    found = {name: content for name, content in remote.contents().items() if name.endswith(".manifest.json")}
    assert {json.loads(content)["kind"] for content in found.values()} == {"transcription", "text_in_video"}
    for content in found.values():
        assert json.loads(content)["source"]["uri"] == f"{remote.scheme}://{remote.bucket}/in/{NAME}"
        assert b"store@" not in content
    shown = next(content for name, content in remote.contents().items() if name.endswith("text_in_video.jsonl"))
    assert b"WINTER" in shown
    assert remote.leftovers() == []


def test_service_fetches_a_video_by_a_presigned_url(
    remote: Remote, connect: Connect, account: Account, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if remote.scheme == "s3":
        pytest.skip("a moto that checks signatures has none of links; tests/dags/test_signed_uploads.py follows those")
    remote.write(f"in/{NAME}", clip.read_bytes())
    result, _ = run_to_end(create(remote.uri(f"in/{NAME}")), task_context())
    asset = account.get(f"/v1.3/assets/{result['asset_id']}")
    assert (asset["method"], asset["filename"], asset["size"]) == ("url", NAME, clip.stat().st_size), caplog.text


def test_large_video_is_uploaded_in_parts(remote: Remote, connect: Connect, clip: Path, tmp_path: Path) -> None:
    content = padded(clip, tmp_path / "parts.mp4", 11 * MIB).read_bytes()
    remote.write(f"in/{NAME}", content)
    result, _ = run_to_end(create(remote.uri(f"in/{NAME}"), method="multipart"), task_context())
    assert (result["method"], result["size"], result["filename"]) == ("multipart", 11 * MIB, NAME)


@pytest.mark.parametrize("method", ["direct", "multipart"])
def test_video_deleted_before_it_is_read(
    remote: Remote,
    connect: Connect,
    account: Account,
    clip: Path,
    tmp_path: Path,
    method: str,
    once: Callable[..., Any],
) -> None:
    content = padded(clip, tmp_path / "vanishing.mp4", 6 * MIB).read_bytes()
    remote.write("in/vanishing.mp4", content)
    once(lambda: remote.delete("in/vanishing.mp4"))
    operator = create(remote.uri("in/vanishing.mp4"), method=method)
    said = said_of(remote, lambda: operator.execute(task_context(TaskStateStore())), TwelveLabsInputError)
    assert f"does not exist: '{remote.scheme}://{remote.bucket}/in/vanishing.mp4'" in said
    assert account.get("/v1.3/assets", filename="vanishing.mp4")["data"] == []


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Let something happen when a source was looked at and is opened for the first time."""

    def arrange(action: Callable[[], None]) -> None:
        left = [action]
        for name in ("open", "open_range"):
            real = getattr(Source, name)

            def opened(self: Source, *args: Any, real: Callable[..., Any] = real) -> Any:
                if left:
                    left.pop()()
                return real(self, *args)

            monkeypatch.setattr(Source, name, opened)

    return arrange
