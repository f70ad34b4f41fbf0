"""Indexed videos without an asset: v1.3 analyses an asset with the same content, or sends nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.task_context import task_context
from tests.unit.scripted_server import Reply, ScriptedServer
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.deduplication import SOURCE_MARK
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.extract import TwelveLabsExtractTextInVideoOperator
from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator

VIDEO: dict[str, Any] = {"_id": "v1", "system_metadata": {"filename": "talk.mp4", "duration": 60.0}}
MARKED = {**VIDEO, "user_metadata": {SOURCE_MARK: "source-1"}}
NOT_FOUND = Reply({"code": "resource_not_exist", "message": "no such asset"}, status=404)
ANSWER = Reply({"id": "g1", "data": "WINTER", "finish_reason": "stop"})


def analyze(output: Path, **fields: Any) -> TwelveLabsAnalyzeVideoOperator:
    given: dict[str, Any] = {
        "index_id": "i1",
        "video_id": "v1",
        "output_path": str(output),
        "prompt": "What?",
        **fields,
    }
    return TwelveLabsAnalyzeVideoOperator(task_id="t", **given)


@pytest.mark.parametrize("video", [VIDEO, MARKED], ids=["unmarked", "marked"])
@pytest.mark.parametrize("kind", ["sync", "stream", "async", "summary", "text"])
def test_without_a_known_asset_nothing_is_sent(
    server: ScriptedServer, tmp_path: Path, kind: str, video: dict[str, Any]
) -> None:
    server.script += [Reply(video), NOT_FOUND, Reply({"data": []})]
    given: dict[str, Any] = {"index_id": "i1", "video_id": "v1", "output_path": str(tmp_path)}
    operators = {
        "summary": lambda: TwelveLabsSummarizeVideoOperator(task_id="t", **given),
        "text": lambda: TwelveLabsExtractTextInVideoOperator(task_id="t", **given),
    }
    operator: Any = operators.get(kind, lambda: analyze(tmp_path, mode=kind))()
    with pytest.raises(TwelveLabsInputError, match=r"^Video v1 has no known asset \(index i1\)"):
        operator.execute(task_context())
    assert [request.method for request in server.requests] == ["GET"] * len(server.requests)


def test_asset_with_the_id_of_the_video_is_analyzed(server: ScriptedServer, tmp_path: Path) -> None:
    server.script += [Reply(VIDEO), Reply({"_id": "v1", "status": "ready", "duration": 60.3}), ANSWER]
    analyze(tmp_path, mode="sync").execute(task_context())
    assert server.requests[-1].json["video"] == {"type": "asset_id", "asset_id": "v1"}


def test_asset_of_another_duration_is_not_analyzed(server: ScriptedServer, tmp_path: Path) -> None:
    server.script += [Reply(VIDEO), Reply({"_id": "v1", "status": "ready", "duration": 90.0})]
    with pytest.raises(TwelveLabsInputError, match="no known asset"):
        analyze(tmp_path).execute(task_context())


def test_asset_with_the_same_source_mark_is_analyzed(server: ScriptedServer, tmp_path: Path) -> None:
    asset = {"_id": "a7", "status": "ready", "user_metadata": {SOURCE_MARK: "source-1"}}
    server.script += [Reply(MARKED), NOT_FOUND, Reply({"data": [asset]}), ANSWER]
    analyze(tmp_path, mode="sync").execute(task_context())
    assert server.requests[-1].json["video"] == {"type": "asset_id", "asset_id": "a7"}
    assert "video_id" not in server.requests[-1].json
