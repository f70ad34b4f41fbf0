"""Values and typed errors from responses, without secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import (
    TwelveLabsAmbiguousError,
    TwelveLabsAnswerError,
    TwelveLabsAuthError,
    TwelveLabsBadRequestError,
    TwelveLabsConflictError,
    TwelveLabsError,
    TwelveLabsGoneError,
    TwelveLabsNotFoundError,
    TwelveLabsPermanentError,
    TwelveLabsPermissionError,
    TwelveLabsRateLimitError,
    TwelveLabsRedirectError,
    TwelveLabsServerError,
    TwelveLabsTransientError,
)
from twelvelabs_provider.api.generations import V1_2, V1_3
from twelvelabs_provider.api.response_reading import read_answer

NOW = 1_780_000_000.0
READ = V1_3.read_index("i1")


def answered(call: Call[Any] = READ, status: int = 200, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(call, status, headers or {}, content, NOW)


def error_of(status: int, body: Any, headers: dict[str, str] | None = None, call: Call[Any] = READ) -> TwelveLabsError:
    with pytest.raises(TwelveLabsError) as caught:
        answered(call, status, body, headers)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202])
def test_every_2xx_status_is_success(status: int) -> None:
    assert answered(status=status, body={"_id": "i1"}).id == "i1"


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b" \n"), (200, b"{}"), (200, b"null")])
def test_a_deletion_needs_no_body(status: int, body: bytes) -> None:
    assert answered(V1_3.delete_index("i1"), status, body) is None


@pytest.mark.parametrize(
    ("status", "body"), [(404, b""), (404, {"code": "not_found"}), (400, {"code": "resource_not_exist"})]
)
def test_deletion_of_a_missing_object_succeeds(status: int, body: Any) -> None:
    assert answered(V1_3.delete_index("i1"), status, body) is None
    assert isinstance(error_of(status, body), TwelveLabsNotFoundError)


@pytest.mark.parametrize("body", [b"", {"code": "endpoint_deprecated", "message": "m"}, {"code": "not_found"}])
@pytest.mark.parametrize("call", [V1_2.delete_index("i1"), V1_3.delete_index("i1"), READ, V1_3.delete_asset("c")])
def test_retired_endpoint_is_an_error_for_every_call(call: Call[Any], body: Any) -> None:
    error = error_of(410, body, call=call)
    assert isinstance(error, TwelveLabsGoneError)
    assert not isinstance(error, TwelveLabsNotFoundError)
    assert "was retired by the service" in str(error)


def test_refused_deletion_is_an_error() -> None:
    assert isinstance(error_of(409, {"code": "conflict"}, call=V1_3.delete_asset("c")), TwelveLabsConflictError)


SHAPES = {
    "flat": {"code": "parameter_invalid", "message": "The page_limit parameter is invalid.", "docs_url": "x"},
    "wrapped": {"error": {"code": "parameter_invalid", "message": "The page_limit parameter is invalid."}},
    "numeric": {"error_code": 104, "message": "The page_limit parameter is invalid."},
    "string": "The page_limit parameter is invalid.",
    "error string": {"error": "The page_limit parameter is invalid."},
    "no JSON": b"The page_limit\n parameter is   invalid.",
}
CODES = {"flat": "parameter_invalid", "wrapped": "parameter_invalid", "numeric": "104"}


@pytest.mark.parametrize("shape", SHAPES)
def test_error_bodies_of_every_shape(shape: str) -> None:
    error = error_of(400, SHAPES[shape], {"X-Request-Id": "r-1"})
    assert isinstance(error, TwelveLabsBadRequestError)
    assert error.details.message == "The page_limit parameter is invalid."
    assert (error.details.code, error.details.status) == (CODES.get(shape), 400)
    code = f" {CODES[shape]}" if shape in CODES else ""
    text = f"HTTP 400{code}: The page_limit parameter is invalid. (GET /indexes/i1, request r-1)"
    assert str(error) == text


@pytest.mark.parametrize("body", [b"", b"null", {}, {"error": {}}, {"error": None}, {"message": None}])
def test_error_without_message_gets_the_status_text(body: Any) -> None:
    assert str(error_of(429, body)) == "HTTP 429: Too Many Requests (GET /indexes/i1)"
    assert error_of(599, body).details.message == "unknown status"


@pytest.mark.parametrize("body", [[], ["x"], 5, True, {"error": ["x"]}, {"error": 5}, {"code": {"a": 1}}, b"\xff\xfe"])
def test_unknown_error_body_is_a_typed_error(body: Any) -> None:
    assert isinstance(error_of(400, body), TwelveLabsBadRequestError)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, TwelveLabsRedirectError),
        (307, TwelveLabsRedirectError),
        (400, TwelveLabsBadRequestError),
        (401, TwelveLabsAuthError),
        (403, TwelveLabsPermissionError),
        (404, TwelveLabsNotFoundError),
        (405, TwelveLabsBadRequestError),
        (408, TwelveLabsServerError),
        (409, TwelveLabsConflictError),
        (410, TwelveLabsGoneError),
        (413, TwelveLabsBadRequestError),
        (422, TwelveLabsBadRequestError),
        (429, TwelveLabsRateLimitError),
        (500, TwelveLabsServerError),
        (503, TwelveLabsServerError),
        (504, TwelveLabsServerError),
        (599, TwelveLabsServerError),
    ],
)
def test_status_selects_the_error_type(status: int, kind: type[TwelveLabsError]) -> None:
    assert type(error_of(status, b"")) is kind
    permanent = not (status in (408, 429) or status >= 500)
    assert issubclass(kind, TwelveLabsPermanentError if permanent else TwelveLabsTransientError)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "resource_not_exist", TwelveLabsNotFoundError),
        (400, "api_key_invalid", TwelveLabsAuthError),
        (403, "api_key_invalid", TwelveLabsAuthError),
        (500, "not_found", TwelveLabsServerError),
        (400, "index_name_already_exists", TwelveLabsBadRequestError),
    ],
)
def test_error_code_overrides_the_status(status: int, code: str, kind: type[TwelveLabsError]) -> None:
    assert type(error_of(status, {"code": code, "message": "m"})) is kind
    assert type(error_of(status, {"error": {"code": code, "message": "m"}})) is kind


@pytest.mark.parametrize("header", ["x-request-id", "X-Request-ID", "request-id", "x-amzn-RequestId"])
def test_request_id_of_any_header(header: str) -> None:
    assert error_of(500, b"", {header: "r-7"}).details.request_id == "r-7"


def test_request_id_of_the_header_before_that_of_the_body() -> None:
    body = {"error": {"code": "INTERNAL_SERVER_ERROR", "message": "m", "details": {"requestId": "r-8"}}}
    assert error_of(500, body).details.request_id == "r-8"
    assert error_of(500, body, {"x-request-id": "r-7"}).details.request_id == "r-7"


@pytest.mark.parametrize(
    ("headers", "hint", "seconds"),
    [
        ({}, None, None),
        ({"Retry-After": "30"}, None, 30.0),
        ({"retry-after": "1.5"}, "60", 1.5),
        ({"Retry-After": "-3"}, None, 0.0),
        ({"Retry-After": "Thu, 28 May 2026 20:26:50 GMT"}, None, 10.0),
        ({"Retry-After": "Thu, 28 May 2026 20:26:50"}, None, 10.0),
        ({"Retry-After": "Thu, 28 May 2026 20:00:00 GMT"}, None, 0.0),
        ({"Retry-After": "soon"}, None, None),
        ({"Retry-After": "soon"}, "60", 60.0),
        ({"Retry-After": "nan"}, None, None),
        ({}, "60", 60.0),
        ({}, 60, 60.0),
        ({}, "later", None),
        ({}, "nan", None),
        ({"X-Ratelimit-Reset": f"{NOW + 20:.0f}"}, None, 20.0),
        ({"X-RateLimit-Request-Reset": f"{NOW + 25:.0f}"}, None, 25.0),
        ({"X-RateLimit-Request-Reset": f"{NOW + 25:.0f}", "X-Ratelimit-Reset": f"{NOW + 20:.0f}"}, None, 25.0),
        ({"X-Ratelimit-Reset": f"{NOW + 20:.0f}", "Retry-After": "5"}, "60", 5.0),
        ({"X-Ratelimit-Reset": f"{NOW + 20:.0f}"}, "60", 20.0),
        ({"X-Ratelimit-Reset": f"{NOW - 20:.0f}"}, None, None),
        ({"X-Ratelimit-Reset": f"{NOW - 20:.0f}"}, "60", 60.0),
        ({"X-Ratelimit-Reset": "nan", "X-Ratelimit-Remaining": "nan"}, None, None),
        ({"X-Ratelimit-Reset": "inf", "X-Ratelimit-Remaining": "inf"}, None, None),
        ({"X-Ratelimit-Reset": "soon", "X-Ratelimit-Remaining": "few"}, None, None),
    ],
)
def test_requested_wait_of_a_429(headers: dict[str, str], hint: Any, seconds: float | None) -> None:
    details = {} if hint is None else {"retryAfter": hint}
    body = {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "Too many requests", "details": details}}
    error = error_of(429, body, headers)
    assert isinstance(error, TwelveLabsRateLimitError)
    assert error.retry_after == seconds


def test_window_reset_counts_for_a_429_only() -> None:
    assert error_of(500, b"", {"X-Ratelimit-Reset": f"{NOW + 20:.0f}"}).retry_after is None
    assert error_of(503, b"", {"Retry-After": "7"}).retry_after == 7.0


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("cannot fetch https://b.example/a.mp4?X-Amz-Signature=SECRET&x=1 now", "https://b.example/a.mp4?... now"),
        ("cannot fetch 'https://b.example/a.mp4?sig=SECRET'", "'https://b.example/a.mp4?...'"),
        ("HTTPS://B.EXAMPLE/a.mp4?sig=SECRET", "HTTPS://B.EXAMPLE/a.mp4?..."),
        ("two: http://a.example/?k=SECRET http://b.example/?k=SECRET", "http://a.example/?... http://b.example/?..."),
        ("cannot fetch https://user:SECRET@b.example/a.mp4", "https://...@b.example/a.mp4"),
        ("https://b.example/a.mp4 is not a video?", "https://b.example/a.mp4 is not a video?"),
    ],
)
def test_signatures_and_passwords_of_urls_are_removed_from_messages(said: str, shown: str) -> None:
    for body in ({"message": said}, said, said.encode(), {"error": {"message": said}}):
        error = error_of(400, body)
        assert shown in str(error)
        assert "SECRET" not in str(error) + repr(error.details)


def test_long_text_becomes_one_line_of_limited_length() -> None:
    error = error_of(502, ("<html>\n" + "x" * 5000 + "</html>").encode())
    assert len(str(error)) < 600
    assert "\n" not in str(error)


def test_redirect_error_names_the_fix_and_not_the_target() -> None:
    error = error_of(302, b"", {"Location": "https://evil.example/?token=1"})
    assert "Set the connection's host to the final address" in str(error)
    assert "evil.example" not in str(error)


@pytest.mark.parametrize("body", [b"<html>login</html>", b"OK", b"\xff\xfe\x00"])
def test_success_without_json_is_refused(body: bytes) -> None:
    with pytest.raises(TwelveLabsAnswerError, match=rf"not JSON \({len(body)} bytes, .*GET /indexes/i1 succeeded"):
        answered(body=body)


@pytest.mark.parametrize("body", [b'{"_id": "i1", "index_na', b'{"data": [', b'{"_id": "\xc3'])
def test_truncated_json_is_a_lost_response(body: bytes) -> None:
    """Where the head of an answer gives no length, a cut looks like its end; the work may be done all the same."""
    with pytest.raises(TwelveLabsAmbiguousError, match=rf"cut after {len(body)} bytes: GET /indexes/i1"):
        answered(body=body)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (READ, b""),
        (READ, []),
        (READ, {"_id": "i1", "models": 5}),
        (READ, {"_id": "i1", "models": ["x"]}),
        (READ, {"_id": "i1", "video_count": "many"}),
        (READ, b'{"_id": "i1", "video_count": 1e999}'),
        (V1_3.list_indexes(), {"data": 5}),
        (V1_3.list_indexes(), {"data": [5]}),
        (V1_3.read_video("i", "v"), {"_id": "v", "transcription": "x"}),
        (V1_3.read_analysis_task("a"), {"task_id": "a", "result": "x"}),
        (V1_3.find_indexed_asset("i", "c"), {"data": [{"_id": "e"}]}),
        (V1_2.transcription("i", "v"), [1]),
        (V1_2.create_task("i", "u"), {"message": "ok"}),
    ],
)
def test_success_of_another_shape_is_refused(call: Call[Any], body: Any) -> None:
    with pytest.raises(TwelveLabsAnswerError):
        answered(call, body=body)
