"""Lost responses to uploads: the asset is searched by the marker of the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.task_context import task_context
from tests.unit.scripted_server import Lost, Reply, ScriptedServer
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError
from twelvelabs_provider.jobs.asset_upload import MARKER
from twelvelabs_provider.operators.assets import TwelveLabsCreateAssetOperator
from twelvelabs_provider.storage.source import resolve_source

SAMPLE = Path(__file__).parents[2] / "data" / "sample.mp4"
READY = Reply({"_id": "a1", "status": "ready", "method": "direct"})
POST, LOOK = "POST /v1.3/assets", "GET /v1.3/assets?page=1&page_limit=50&filename=sample.mp4"


@pytest.fixture
def operator() -> TwelveLabsCreateAssetOperator:
    return TwelveLabsCreateAssetOperator(task_id="t", source=str(SAMPLE))


def listed(operator: TwelveLabsCreateAssetOperator, **fields: Any) -> Reply:
    """Return a list in which the second asset is the one of this task."""
    fingerprint = resolve_source(str(SAMPLE)).fingerprint
    marker = operator.identity(task_context()).submission_key("asset", fingerprint)[:32]
    other = {"_id": "a0", "status": "ready", "user_metadata": {MARKER: "0" * 32}}
    mine = {"_id": "a1", "status": "processing", "method": "direct", "user_metadata": {MARKER: marker}, **fields}
    return Reply({"data": [other, mine]})


@pytest.mark.parametrize("failure", [Lost(), Reply(status=502), Reply(b"<html>")], ids=["lost", "502", "garbled"])
def test_asset_is_found_after_a_lost_response(
    server: ScriptedServer, operator: TwelveLabsCreateAssetOperator, failure: Any
) -> None:
    server.script += [failure, listed(operator), READY, READY]
    assert operator.execute(task_context())["asset_id"] == "a1"
    assert server.asked[:2] == [POST, LOOK]
    assert server.asked.count(POST) == 1


def test_lost_upload_without_asset_fails_without_a_second_upload(
    server: ScriptedServer, operator: TwelveLabsCreateAssetOperator
) -> None:
    server.script += [Lost(), Reply({"data": []})]
    with pytest.raises(TwelveLabsAmbiguousError):
        operator.execute(task_context())
    assert server.asked == [POST, LOOK]


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({}, True),
        ({"status": "ready", "method": "multipart"}, True),
        ({"status": "failed"}, False),
        # its parts may never come
        ({"method": "multipart"}, False),
    ],
    ids=str,
)
def test_retry_searches_for_the_asset_before_it_uploads(
    server: ScriptedServer, operator: TwelveLabsCreateAssetOperator, fields: dict[str, Any], taken: bool
) -> None:
    created = [] if taken else [Reply({"_id": "a2", "status": "processing"}, status=201)]
    server.script += [listed(operator, **fields), *created, READY, READY]
    operator.execute(task_context(try_number=2))
    assert server.asked[: 1 + len(created)] == [LOOK, POST][: 1 + len(created)]
    assert (POST in server.asked) is not taken
