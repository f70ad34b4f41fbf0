"""Verbs of the hook after a job that ended without a result."""

from __future__ import annotations

import pytest

from tests.task_context import task_context
from tests.unit.hooks.conftest import Connect
from tests.unit.scripted_server import Reply, ScriptedServer
from twelvelabs_provider.exceptions import TwelveLabsJobFailedError
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook


def listed(video_id: str) -> Reply:
    entry = {"_id": video_id, "index": {"_id": "i1"}}
    return Reply({"data": [entry], "page_info": {"page": 1, "total_page": 1, "total_results": 1}})


def analysis(task_id: str, status: str) -> Reply:
    return Reply({"task_id": task_id, "status": status})


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task instance that runs in this process."""
    monkeypatch.setattr("airflow.sdk.definitions._internal.contextmanager._CURRENT_CONTEXT", [task_context()])


@pytest.mark.parametrize(("status", "expected"), [("failed", "v2"), ("indexing", "v1"), ("ready", "v1")])
def test_only_an_asset_whose_indexing_failed_is_indexed_again(connect: Connect, status: str, expected: str) -> None:
    script = [listed("v1"), Reply({"_id": "v1", "status": status}), Reply({"_id": "v2"})]
    with ScriptedServer(*script) as server:
        connect(server.origin)
        assert TwelveLabsHook().index_video("i1", "a1").id == expected
        assert [one.method for one in server.requests].count("POST") == (expected == "v2")


@pytest.mark.usefixtures("task")
def test_a_cancelled_analysis_is_started_again_with_another_key(connect: Connect) -> None:
    script = [analysis("t1", "queued"), analysis("t1", "canceled"), analysis("t2", "queued"), analysis("t2", "ready")]
    with ScriptedServer(*script, *script) as server:
        connect(server.origin)
        assert [TwelveLabsHook().start_analysis("a1", "What?").id for _ in range(2)] == ["t2", "t2"]
        keys = [one.headers["idempotency-key"] for one in server.requests if one.method == "POST"]
    assert keys[:2] == keys[2:] and keys[0] != keys[1]


@pytest.mark.usefixtures("task")
def test_another_signature_of_a_url_is_the_same_analysis(connect: Connect) -> None:
    script = [analysis("t1", "queued"), analysis("t1", "ready")]
    signed = "https://host/a.mp4?X-Amz-Signature="
    with ScriptedServer(*script, *script, *script) as server:
        connect(server.origin)
        for url in (f"{signed}{'0a' * 32}", f"{signed}{'1b' * 32}", "https://host/b.mp4"):
            TwelveLabsHook().start_analysis(url, "What?")
        keys = [one.headers["idempotency-key"] for one in server.requests if one.method == "POST"]
    assert keys[0] == keys[1] != keys[2]


def test_the_failure_of_a_job_is_in_the_error(connect: Connect) -> None:
    with ScriptedServer(analysis("t1", "queued"), Reply({"task_id": "t1", "status": "failed", "error": {}})) as server:
        connect(server.origin)
        hook = TwelveLabsHook()
        job = hook.start_analysis("a1", "What?")
        with pytest.raises(TwelveLabsJobFailedError, match=r"^analysis task t1 ended as 'failed': the service"):
            hook.wait_for(job)
