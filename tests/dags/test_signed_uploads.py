"""Objects that the service fetches by a presigned URL: no upload, and no URL is shown."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dags.bulk_runs import outcome_rows
from tests.dags.conftest import Account, Connect, Faults, billed
from tests.dags.test_asset_operators import create
from tests.dags.test_index_videos_operator import Runs
from tests.task_context import task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsJobFailedError, TwelveLabsRefusedError
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator

pytestmark = [pytest.mark.engine]

SIGNING = ("X-Amz-Signature", "Signature=")
LINK_TO_NOTHING = "http://127.0.0.1:9/what.mp4?X-Amz-Signature=0123456789abcdef0123456789abcdef"


@pytest.fixture
def bucket(connect: Connect, clip: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket on loopback with a video in it; its URI, with the connection."""
    moto = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    pytest.importorskip("airflow.providers.amazon.aws.fs.s3", reason="the amazon provider is not installed")
    from airflow.sdk.io import store

    monkeypatch.setattr(store, "_STORE_CACHE", {})
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "AKIATEST", "password": "secret-of-the-store", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_BUCKET_OF_SIGNED", json.dumps(connection))
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1",
        aws_access_key_id="AKIATEST", aws_secret_access_key="secret-of-the-store",
    )  # fmt: skip
    client.create_bucket(Bucket="videos")
    client.upload_file(str(clip), "videos", "day 1/what? #1.mp4")
    yield "s3://bucket_of_signed@videos/day 1"
    server.stop()


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """Everything that was printed or logged, down to the last detail."""
    # The bucket's own log of what was asked of it. The last call decides what is caught of the others.
    caplog.set_level(logging.ERROR, logger="werkzeug")
    caplog.set_level(logging.DEBUG, logger="twelvelabs_provider")

    def text() -> str:
        printed = capfd.readouterr()
        return printed.out + printed.err + caplog.text

    yield text


def test_asset_of_an_object_by_signed_link(bucket: str, account: Account, logged: Any, clip: Path) -> None:
    context = task_context()
    result, _ = run_to_end(create(f"{bucket}/what? #1.mp4", method="url"), context)
    asset = account.get(f"/v1.3/assets/{result['asset_id']}")
    assert (result["method"], asset["method"], result["filename"]) == ("url", "url", "what? #1.mp4")
    assert (asset["size"], result["source_uri"]) == (clip.stat().st_size, "s3://videos/day 1/what? #1.mp4")
    text = logged() + repr(result)
    assert "method url: asked for: the store signs a link" in text
    assert [word for word in SIGNING if word in text] == []


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_object_is_indexed_by_signed_link(
    bucket: str, connect: Connect, account: Account, logged: Any, api_version: str
) -> None:
    index_id = account.create_index(f"signed {api_version}")
    connect(api_version)
    operator = TwelveLabsIndexVideoOperator(
        task_id="t", source=f"{bucket}/what? #1.mp4", index_id=index_id, method="url", if_indexed="reindex",
        poll_interval=0.2,
    )  # fmt: skip
    result, _ = run_to_end(operator, task_context())
    assert result["filename"] == "what? #1.mp4"
    text = logged() + repr(result)
    assert [word for word in SIGNING if word in text] == []


def test_error_shows_no_link_that_the_service_cannot_fetch(
    bucket: str, monkeypatch: pytest.MonkeyPatch, logged: Any
) -> None:
    from s3fs import S3FileSystem

    monkeypatch.setattr(S3FileSystem, "sign", lambda *_, **__: LINK_TO_NOTHING)
    with pytest.raises((TwelveLabsRefusedError, TwelveLabsJobFailedError)) as caught:
        run_to_end(create(f"{bucket}/what? #1.mp4", method="url"), task_context())
    assert [word for word in SIGNING if word in logged() + str(caught.value) + repr(caught.value.__context__)] == []


@pytest.fixture(params=["refused at once", "not fetched", "not signed"])
def no_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, faults: Faults) -> str:
    """A store whose links lead nowhere, or that signs none."""
    from s3fs import S3FileSystem

    def cannot(*_: Any, **__: Any) -> str:
        raise ValueError("no key that signs")

    if request.param == "not signed":
        monkeypatch.setattr(S3FileSystem, "sign", cannot)
    else:
        monkeypatch.setattr(S3FileSystem, "sign", lambda *_, **__: LINK_TO_NOTHING)
    if request.param == "refused at once":
        faults("/assets", "status", status=400)
    return str(request.param)


def test_method_auto_prefers_a_link_to_an_upload(bucket: str, account: Account, logged: Any) -> None:
    result, _ = run_to_end(create(f"{bucket}/what? #1.mp4"), task_context())
    assert account.get(f"/v1.3/assets/{result['asset_id']}")["method"] == "url"
    text = logged() + repr(result)
    assert "method url: the store signs a link, and the service fetches the file by it" in text
    assert [word for word in SIGNING if word in text] == []


def test_without_waiting_the_object_is_uploaded(bucket: str, account: Account) -> None:
    result, _ = run_to_end(create(f"{bucket}/what? #1.mp4", wait_for_completion=False), task_context())
    assert account.get(f"/v1.3/assets/{result['asset_id']}")["method"] == "direct"


def test_asset_is_uploaded_if_the_service_cannot_fetch_the_link(
    bucket: str, account: Account, logged: Any, clip: Path, no_way: str
) -> None:
    before, _, _ = account.holdings()
    result, _ = run_to_end(create(f"{bucket}/what? #1.mp4", user_metadata={"scene": 7}), task_context())
    asset = account.get(f"/v1.3/assets/{result['asset_id']}")
    assert (result["method"], asset["method"], asset["size"]) == ("direct", "direct", clip.stat().st_size)
    assert (asset["filename"], asset["user_metadata"]["scene"]) == ("what? #1.mp4", 7)
    assert account.holdings()[0] == before + 1, "what failed is removed"
    text = logged() + repr(result)
    assert ("cannot be signed" in text) == (no_way == "not signed")
    assert ("is uploaded instead, method direct" in text) == (no_way != "not signed")
    assert [word for word in SIGNING if word in text] == []


def test_video_is_uploaded_and_billed_once_if_the_link_cannot_be_fetched(
    bucket: str, account: Account, no_way: str
) -> None:
    index_id = account.create_index(f"unfetched {no_way}")
    before = billed(account)
    operator = TwelveLabsIndexVideoOperator(
        task_id="t", source=f"{bucket}/what? #1.mp4", index_id=index_id, if_indexed="reindex", poll_interval=0.2,
        deferrable=True,
    )  # fmt: skip
    result, _ = run_to_end(operator, task_context())
    assert account.get(f"/v1.3/assets/{result['asset_id']}")["method"] == "direct"
    assert billed(account) == before + 1


def test_bulk_indexing_uploads_videos_that_the_service_cannot_fetch(
    bucket: str, account: Account, tmp_path: Path, logged: Any, no_way: str
) -> None:
    before = billed(account)
    runs = Runs(tmp_path / "out", account.create_index(f"many unfetched {no_way}"), if_indexed="reindex")
    result = runs.run(f"{bucket}/*.mp4")
    assert (result["videos"], result["indexed"], billed(account)) == (1, 1, before + 1)
    (row,) = outcome_rows(result)
    assert account.get(f"/v1.3/assets/{row['asset_id']}")["method"] == "direct"
    written = "".join(path.read_text() for path in tmp_path.rglob("*.json*"))
    assert [word for word in SIGNING if word in logged() + written] == []


def test_a_local_file_has_no_link(connect: Connect, clip: Path) -> None:
    with pytest.raises(TwelveLabsInputError, match="needs an http"):
        create(str(clip), method="url").execute(task_context())
