"""Every call that only older generations have, and its alternative in v1.3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.connected import connect_folder
from tests.engine.client import Api, until
from twelvelabs_provider.api import connections
from twelvelabs_provider.api.errors import (
    TwelveLabsAnswerError,
    TwelveLabsConnectionError,
    TwelveLabsNotFoundError,
    TwelveLabsPermissionError,
    TwelveLabsUnsupportedError,
)
from twelvelabs_provider.api.legacy import extras, transfers
from twelvelabs_provider.api.legacy.transfers import Transfer
from twelvelabs_provider.hooks.legacy import count_tasks, thumbnail_image
from twelvelabs_provider.hooks.signed_links import fetch_signed
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

if TYPE_CHECKING:
    from tests.conftest import Library
    from tests.engine_process import Engine


def hook_of(engine: Engine, monkeypatch: pytest.MonkeyPatch, api_version: str) -> TwelveLabsHook:
    connection = {
        "conn_type": "twelvelabs",
        "password": engine.api_key,
        "host": engine.base_url,
        "extra": {"api_version": api_version, "max_attempts": 1},
    }
    monkeypatch.setenv("AIRFLOW_CONN_TWELVELABS_DEFAULT", json.dumps(connection))
    return TwelveLabsHook()


@pytest.fixture(params=["v1.1", "v1.2"])
def legacy(engine: Engine, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> TwelveLabsHook:
    """A hook of each older generation."""
    return hook_of(engine, monkeypatch, request.param)


@pytest.fixture
def old(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> TwelveLabsHook:
    """A hook of v1.2."""
    return hook_of(engine, monkeypatch, "v1.2")


@pytest.fixture(scope="session")
def shown(engine: Engine, clip: Path) -> tuple[str, str]:
    """An index that offers logos, and the clip in it."""
    api = Api(engine, "v1.2")
    index_id = api.create_index("contract of the classics", ("visual", "logo"))
    return index_id, api.index_video(index_id, clip)


def test_logos(legacy: TwelveLabsHook, shown: tuple[str, str]) -> None:
    assert legacy.execute(legacy.api.logo(*shown, start=0, end=2)) == ()


def test_thumbnail_is_fetched_without_the_key(legacy: TwelveLabsHook, shown: tuple[str, str]) -> None:
    assert thumbnail_image(legacy, *shown, time=1)[:3] == b"\xff\xd8\xff"
    assert thumbnail_image(legacy, *shown) == thumbnail_image(legacy, *shown, time=3)


def test_engines(legacy: TwelveLabsHook) -> None:
    page = legacy.execute(legacy.api.list_engines())
    assert page.total_results == len(page.items) > 0
    for engine in page.items:
        assert engine.options and legacy.execute(legacy.api.read_engine(engine.id)) == engine
    with pytest.raises(TwelveLabsNotFoundError):
        legacy.execute(legacy.api.read_engine("nobody"))


def test_task_counts_are_equal_in_every_generation(
    legacy: TwelveLabsHook, shown: tuple[str, str], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = count_tasks(legacy, shown[0])
    assert (counts.counts["ready"], counts.total) == (1, 1)
    today = count_tasks(hook_of(engine, monkeypatch, "v1.3"), shown[0])
    assert (today.counts["ready"], today.total) == (1, 1)


def test_hosting_sites(old: TwelveLabsHook, shown: tuple[str, str]) -> None:
    with pytest.raises(TwelveLabsPermissionError, match="video_url"):
        old.execute(extras.create_external_task(shown[0], "https://video.example/watch?v=1"))


def test_objects_of_a_bucket(legacy: TwelveLabsHook, engine: Engine, tmp_path: Path, clip: Path) -> None:
    bucket = tmp_path / f"contract-{legacy.endpoint.version.value}"
    bucket.mkdir()
    (bucket / "a.mp4").write_bytes(clip.read_bytes())
    connect_folder(engine, bucket)
    index_id = legacy.execute(legacy.api.create_index(bucket.name))
    legacy.execute(legacy.api.create_transfers([Transfer(index_id, f"s3://{bucket.name}/a.mp4")]))
    page = legacy.execute(legacy.api.list_tasks(index_id=index_id, filename="a.mp4"))
    assert len(page.items) == 1


def test_an_integration(old: TwelveLabsHook, engine: Engine, tmp_path: Path, clip: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "b.mp4").write_bytes(b"broken")
    integration = connect_folder(engine, tmp_path)
    index_id = old.execute(old.api.create_index(str(tmp_path)))
    assert not old.execute(transfers.read_transfer_status(integration, index_id)).is_running
    call = transfers.start_transfer_import(integration, index_id, user_metadata={"shelf": "b"})
    begun = old.execute(call)
    assert [(file.filename, file.status) for file in begun.files] == [("a.mp4", "validating"), ("b.mp4", "failed")]
    until(lambda: not old.execute(transfers.read_transfer_status(integration, index_id)).is_running)
    status = old.execute(transfers.read_transfer_status(integration, index_id))
    assert {file.filename: file.status for file in status.files} == {"a.mp4": "ready", "b.mp4": "failed"}
    assert status.newest
    (log,) = old.execute(transfers.read_transfer_logs(integration))
    assert (log.counts["ready"], [file.filename for file in log.failed_files]) == (1, ["b.mp4"])
    assert old.execute(call).files == (), "a repeat finds nothing new"


def test_other_generations_name_the_alternative(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, library: Library
) -> None:
    for version in ("v1.3", "v1.1"):
        hook = hook_of(engine, monkeypatch, version)
        with pytest.raises(TwelveLabsUnsupportedError, match="presigned URL"):
            hook.execute(transfers.start_transfer_import("g1", library.index_id))
    old = hook_of(engine, monkeypatch, "v1.2")
    with pytest.raises(TwelveLabsUnsupportedError, match=r"start_transfer_import\(\)"):
        old.execute(connections.import_files("c1", ["a"]))


def test_failing_link_is_named_without_its_signature(legacy: TwelveLabsHook, shown: tuple[str, str]) -> None:
    link = legacy.execute(legacy.api.thumbnail(*shown, time=1)).url
    wrong = link[:-1] + ("0" if link[-1] != "0" else "1")
    with pytest.raises(TwelveLabsNotFoundError) as refused:
        fetch_signed(wrong, legacy.endpoint, 1000)
    with pytest.raises(TwelveLabsAnswerError, match="1,000 bytes") as large:
        fetch_signed(link, legacy.endpoint, 1000)
    with pytest.raises(TwelveLabsConnectionError) as unreachable:
        fetch_signed("http://127.0.0.1:1/a.jpg?signature=SECRET", legacy.endpoint, 1000)
    for caught in (refused, large, unreachable):
        assert "signature" not in str(caught.value) and caught.value.__cause__ is None


def test_key_is_not_sent_to_other_hosts(
    legacy: TwelveLabsHook, shown: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The link of the engine lies on the host that the key belongs to, and a netrc would know it too."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password SECRET\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    sent: list[requests.PreparedRequest] = []
    plain = requests.Session.send

    def noted(session: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        sent.append(request)
        return plain(session, request, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(requests.Session, "send", noted)
    thumbnail_image(legacy, *shown, time=1)
    asked, fetched = sent
    assert asked.headers["x-api-key"] == legacy.endpoint.api_key
    assert {"x-api-key", "authorization"} & {name.lower() for name in fetched.headers} == set()
