"""Both hooks against a scripted server: success, retries, errors."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.unit.hooks.conftest import Connect, Execute
from tests.unit.scripted_server import (
    KEY,
    CutShort,
    Hang,
    Lost,
    Raw,
    Reply,
    ScriptedServer,
    Unframed,
    redirect,
)
from twelvelabs_provider import __version__
from twelvelabs_provider.api.analysis.request import AnalysisRequest, SourceKind, VideoSource
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import (
    TwelveLabsAmbiguousError,
    TwelveLabsAnswerError,
    TwelveLabsAuthError,
    TwelveLabsConfigurationError,
    TwelveLabsConflictError,
    TwelveLabsConnectionError,
    TwelveLabsError,
    TwelveLabsRateLimitError,
    TwelveLabsRedirectError,
    TwelveLabsServerError,
)
from twelvelabs_provider.api.generations import V1_3
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.jobs.job import JobKind, JobRef
from twelvelabs_provider.jobs.kinds import asset_state

READ = V1_3.read_index("i1")
CREATE = V1_3.create_index("demo")
DELETE = V1_3.delete_index("i1")
KEYED = V1_3.create_analysis_task(AnalysisRequest("c1"), idempotency_key="k1")
OK = Reply({"_id": "i1", "index_name": "demo"})
BUSY = Reply({"code": "too_many_requests", "message": "slow down"}, status=429, headers={"Retry-After": "2"})
BROKEN = Reply({"code": "generic_error", "message": "oops"}, status=500)


def failure(execute: Execute, call: Call[Any]) -> TwelveLabsError:
    """Return the error of a call, having seen that the key is nowhere in its whole chain."""
    with pytest.raises(TwelveLabsError) as caught:
        execute(call)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return caught.value


def test_successful_response_is_parsed(execute: Execute, connect: Connect) -> None:
    with ScriptedServer(OK) as server:
        connect(server.origin)
        assert execute(READ).name == "demo"
    assert server.asked == ["GET /v1.3/indexes/i1"]
    headers = server.requests[0].headers
    assert headers["x-api-key"] == KEY
    assert headers["accept"] == "application/json"
    assert headers["user-agent"] == f"airflow-provider-twelvelabs/{__version__}"


@pytest.mark.parametrize("version", ["v1.1", "v1.2", "v1.3"])
def test_connection_selects_the_generation(execute: Execute, connect: Connect, version: str) -> None:
    with ScriptedServer(OK) as server:
        connect(server.origin, api_version=version)
        execute(READ)
    assert server.asked == [f"GET /{version}/indexes/i1"]


def test_request_body_and_headers(execute: Execute, connect: Connect) -> None:
    with ScriptedServer(Reply({"task_id": "a1", "status": "pending"}, status=202)) as server:
        connect(server.origin)
        assert execute(KEYED).id == "a1"
    request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/v1.3/analyze/tasks")
    assert request.json["video"] == {"type": "asset_id", "asset_id": "c1"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "k1"


def test_query_is_encoded(execute: Execute, connect: Connect) -> None:
    with ScriptedServer(Reply({"data": []})) as server:
        connect(server.origin)
        execute(V1_3.list_tasks(status=["ready", "failed"], filename="ü & b=c+d.mp4"))
    query = server.requests[0].query
    assert [value for name, value in query if name == "status"] == ["ready", "failed"]
    assert ("filename", "ü & b=c+d.mp4") in query


@pytest.mark.parametrize(
    ("identifier", "quoted"),
    [("../tasks", "..%2Ftasks"), ("a/../b", "a%2F..%2Fb"), ("a?b#c", "a%3Fb%23c"), ("%2e", "%252e")],
)
def test_id_is_encoded_as_one_path_segment(execute: Execute, connect: Connect, identifier: str, quoted: str) -> None:
    with ScriptedServer(Reply(status=204)) as server:
        connect(server.origin)
        assert execute(V1_3.delete_index(identifier)) is None
    assert server.asked == [f"DELETE /v1.3/indexes/{quoted}"]


@pytest.mark.parametrize("call", [READ, CREATE], ids=["GET", "POST"])
def test_every_call_is_repeated_after_a_429(
    execute: Execute, connect: Connect, pauses: list[float], caplog: pytest.LogCaptureFixture, call: Call[Any]
) -> None:
    with ScriptedServer(BUSY, BUSY, OK) as server:
        connect(server.origin)
        execute(call)
    assert server.asked == [call.name.replace(" ", " /v1.3", 1)] * 3
    assert [2.0 <= pause <= 3.0 for pause in pauses] == [True, True]
    warnings = [record.getMessage() for record in caplog.records if "attempt" in record.getMessage()]
    assert len(warnings) == 2
    assert f"HTTP 429 too_many_requests: slow down ({call.name}); attempt 2 of 5 follows in" in warnings[0]


def test_the_advice_is_given_once_in_the_log_and_in_the_error(
    execute: Execute, connect: Connect, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    connect(f"http://127.0.0.1:{free_port()}", max_attempts=3)
    with pytest.raises(TwelveLabsConnectionError, match="check the host of connection 'twelvelabs_default'"):
        execute(READ)
    first, second = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "was not sent; check the host of connection 'twelvelabs_default' and the network; attempt 2 of 3" in first
    assert "was not sent; attempt 3 of 3" in second


def test_retry_after_over_a_minute_is_not_waited_for(execute: Execute, connect: Connect) -> None:
    with ScriptedServer(Reply(status=429, headers={"Retry-After": "3600"})) as server:
        connect(server.origin)
        error = failure(execute, READ)
    assert isinstance(error, TwelveLabsRateLimitError)
    assert error.retry_after == 3600.0
    assert len(server.requests) == 1


@pytest.mark.parametrize("step", [BROKEN, Lost(), CutShort(OK, 5), Unframed(b'{"_id": "i1", "ind')], ids=repr)
@pytest.mark.parametrize("call", [READ, KEYED], ids=["GET", "POST with a key"])
def test_idempotent_call_is_repeated_after_a_transient_failure(
    execute: Execute, connect: Connect, step: Any, call: Call[Any]
) -> None:
    with ScriptedServer(step, OK) as server:
        connect(server.origin)
        assert execute(call).id == "i1"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (BROKEN, TwelveLabsServerError),
        (Lost(), TwelveLabsAmbiguousError),
        (CutShort(OK, 5), TwelveLabsAmbiguousError),
        (Unframed(b'{"_id": "i1", "ind'), TwelveLabsAmbiguousError),
        (Unframed(b""), TwelveLabsAnswerError),
        (Reply(b"<html>OK</html>"), TwelveLabsAnswerError),
        (Reply({"code": "conflict"}, status=409), TwelveLabsConflictError),
    ],
    ids=repr,
)
def test_non_idempotent_call_is_sent_once(
    execute: Execute, connect: Connect, pauses: list[float], step: Any, kind: type[TwelveLabsError]
) -> None:
    with ScriptedServer(step, OK) as server:
        connect(server.origin)
        assert type(failure(execute, CREATE)) is kind
    assert server.asked == ["POST /v1.3/indexes"]
    assert pauses == []


def test_lost_response_error_names_the_request(execute: Execute, connect: Connect) -> None:
    with ScriptedServer(Lost()) as server:
        connect(server.origin)
        text = str(failure(execute, CREATE))
    assert text.startswith(f"response was lost: POST /indexes was sent to {server.origin} (")
    assert text.endswith("whether it was executed is unknown")


def test_error_is_raised_after_the_last_attempt(execute: Execute, connect: Connect, pauses: list[float]) -> None:
    with ScriptedServer(BROKEN, BROKEN, BROKEN, OK) as server:
        connect(server.origin, max_attempts=3)
        assert isinstance(failure(execute, READ), TwelveLabsServerError)
    assert len(server.requests) == 3
    assert [0.5 <= pauses[0] <= 1.0, 1.0 <= pauses[1] <= 2.0, len(pauses)] == [True, True, 2]


@pytest.mark.parametrize("call", [READ, CREATE], ids=["GET", "POST"])
def test_failed_connection_is_retried(execute: Execute, connect: Connect, pauses: list[float], call: Call[Any]) -> None:
    host = f"http://127.0.0.1:{free_port()}"
    connect(host, max_attempts=3)
    error = failure(execute, call)
    assert isinstance(error, TwelveLabsConnectionError)
    assert str(error).startswith(f"No connection to {host}: Connection refused. {call.name} was not sent")
    assert len(pauses) == 2


def test_an_unknown_host_name_is_a_connection_error(execute: Execute, connect: Connect) -> None:
    connect("http://unknown.invalid", max_attempts=1)
    assert isinstance(failure(execute, CREATE), TwelveLabsConnectionError)


def test_deletion_is_repeated_after_a_lost_response(execute: Execute, connect: Connect) -> None:
    with ScriptedServer(Lost(), Reply({"code": "resource_not_exist"}, status=404)) as server:
        connect(server.origin)
        assert execute(DELETE) is None
    assert len(server.requests) == 2


@pytest.mark.parametrize(("call", "times"), [(READ, 2), (CREATE, 1)], ids=["GET", "POST"])
def test_read_timeout_repeats_idempotent_calls_only(
    execute: Execute, connect: Connect, call: Call[Any], times: int
) -> None:
    with ScriptedServer(Hang(), Hang()) as server:
        connect(server.origin, read_timeout=0.2, max_attempts=2)
        assert isinstance(failure(execute, call), TwelveLabsAmbiguousError)
    assert len(server.requests) == times


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_refused_and_the_key_is_not_forwarded(execute: Execute, connect: Connect, status: int) -> None:
    with ScriptedServer(OK) as elsewhere, ScriptedServer() as server:
        server.script.append(redirect(f"{elsewhere.origin}/v1.3/indexes/i1?token=TOKEN", status))
        connect(server.origin)
        error = failure(execute, READ)
    assert isinstance(error, TwelveLabsRedirectError)
    assert "TOKEN" not in str(error)
    assert elsewhere.requests == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [{"code": "api_key_invalid", "message": f"{KEY} is wrong"}, f"wrong: {KEY}"])
def test_echoed_key_is_not_quoted(execute: Execute, connect: Connect, body: Any) -> None:
    with ScriptedServer(Reply(body, status=401)) as server:
        connect(server.origin)
        error = failure(execute, READ)
    assert isinstance(error, TwelveLabsAuthError)
    assert "***" in str(error)
    assert KEY not in repr(error.details)


def test_netrc_is_ignored(execute: Execute, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login someone password NETRC\ndefault login someone password NETRC\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    with ScriptedServer(OK) as server:
        connect(server.origin)
        execute(READ)
    assert "authorization" not in server.requests[0].headers
    assert server.requests[0].headers["x-api-key"] == KEY


def test_invalid_connection_is_refused(execute: Execute, connect: Connect) -> None:
    connect("http://127.0.0.1:1", api_version="v9")
    assert isinstance(failure(execute, READ), TwelveLabsConfigurationError)


def test_session_sends_no_key_to_other_hosts(connect: Connect) -> None:
    with ScriptedServer(OK) as elsewhere, ScriptedServer(OK, redirect(elsewhere.origin)) as server:
        connect(server.origin)
        session = TwelveLabsHook().get_conn()
        session.get(f"{server.origin}/v1.3/indexes/i1")
        session.get(f"{elsewhere.origin}/other")
        assert session.get(f"{server.origin}/v1.3/indexes/i1").status_code == 302
    assert [request.headers.get("x-api-key") for request in server.requests] == [KEY, KEY]
    assert [request.headers.get("x-api-key") for request in elsewhere.requests] == [None]


def test_hook_reads_its_connection_once_and_keeps_one_pool(connect: Connect) -> None:
    with ScriptedServer(OK, OK) as server:
        connect(server.origin)
        hook = TwelveLabsHook()
        hook.execute(READ)
        connect("http://127.0.0.1:1")
        hook.execute(READ)
        assert hook.get_conn() is hook.session
    assert len(server.requests) == 2


def test_plain_http_to_a_remote_host_is_a_warning(connect: Connect, capsys: pytest.CaptureFixture[str]) -> None:
    connect("http://engine.invalid")
    assert TwelveLabsHook().endpoint.is_plain_and_remote
    assert "No TLS to http://engine.invalid" in "".join(capsys.readouterr())


def test_connection_test_reports_success(connect: Connect) -> None:
    with ScriptedServer(Reply({"data": []})) as server:
        connect(server.origin)
        well, message = TwelveLabsHook().test_connection()
    assert (well, KEY in message) == (True, False)
    assert message == f"{server.origin} responds as API v1.3 and accepts the key"
    assert server.requests[0].path == "/v1.3/indexes"
    assert dict(server.requests[0].query)["page_limit"] == "1"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Reply({"code": "api_key_invalid", "message": f"The key {KEY} is not valid."}, status=401), "api_key_invalid"),
        (redirect("https://elsewhere.invalid/"), "redirect"),
        (Reply(b"<html>"), "not JSON"),
        (BUSY, "slow down"),
        (BROKEN, "oops"),
        (Lost(), "response was lost"),
    ],
    ids=repr,
)
def test_connection_test_reports_a_failure_without_retries(connect: Connect, step: Any, expected: str) -> None:
    with ScriptedServer(step) as server:
        connect(server.origin)
        well, message = TwelveLabsHook().test_connection()
    assert (well, expected in message, KEY in message) == (False, True, False)
    assert len(server.requests) == 1


def test_connection_test_reports_an_invalid_field(connect: Connect) -> None:
    connect("https://api.twelvelabs.io/elsewhere")
    well, message = TwelveLabsHook().test_connection()
    assert (well, "without a path" in message) == (False, True)


QUOTED = "https://user:PASSWORD@b.example/v.mp4?X-Amz-Signature=SIGNATURE"
SPELLED = "".join(f"\\u{ord(letter):04x}" for letter in KEY)


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"code": QUOTED, "message": f"{QUOTED} {KEY}"}, 400, {"x-request-id": KEY}),
        Reply(f'{{"code": "{SPELLED}", "message": "{SPELLED}"}}'.encode(), 400, {"x-request-id": QUOTED}),
        Reply({"code": "x" * 10**6, "message": "y" * 10**6}, 400),
        Reply({"_id": [KEY, QUOTED]}),
        Reply({"_id": "i1", "video_count": QUOTED}),
        Reply(f"{KEY} {QUOTED}".encode()),
        Raw([f"{KEY} {QUOTED}\r\n\r\n".encode()]),
    ],
    ids=range(7),
)
def test_errors_quote_no_keys_and_links(execute: Execute, connect: Connect, reply: Any) -> None:
    with ScriptedServer(reply) as server:
        connect(server.origin, max_attempts=1)
        error = failure(execute, READ)
    for text in (str(error), repr(error.details), "".join(traceback.format_exception(error))):
        assert not any(secret in text for secret in (KEY, "SIGNATURE", "PASSWORD"))
    assert len(str(error)) < 1500


def test_failed_job_reports_no_secrets(execute: Execute, connect: Connect) -> None:
    asset = {"_id": "c1", "status": "failed", "error": {"code": "x", "message": f"no {QUOTED} {KEY}"}}
    with ScriptedServer(Reply(asset)) as server:
        connect(server.origin)
        read = execute(V1_3.read_asset("c1").then(asset_state))
    reason = read.failure_of(JobRef(JobKind.ASSET, "c1"))
    assert reason == "asset c1 ended as 'failed': x: no https://b.example/v.mp4?... ***".replace("//b", "//...@b")


def test_repr_of_a_call_hides_its_body() -> None:
    call = V1_3.create_analysis_task(AnalysisRequest(VideoSource(SourceKind.URL, QUOTED), prompt_v2={"a": QUOTED}))
    assert "SIGNATURE" not in repr(call) + repr(AnalysisRequest(QUOTED))
