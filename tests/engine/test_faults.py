"""Fault injection: which faults a client sees, and for which requests."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.conftest import Library
from tests.engine.client import Api


class Admin:
    """The engine's own administration."""

    def __init__(self, api: Api, what: str) -> None:
        self.api = api
        self.url = f"{api.engine.base_url}/_local/{what}"

    def send(self, method: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url, headers={"x-api-key": self.api.engine.api_key}, timeout=30, **options)

    def set(self, body: Any) -> Any:
        answer = self.send("PUT", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rule(self, **rule: Any) -> None:
        """Put one rule in force for reads of the list of indexes, if it does not say otherwise."""
        self.set({"rules": [{"method": "GET", "path": "/indexes", **rule}]})

    def refused(self, code: str, method: str, body: Any) -> str:
        answer = self.send(method, json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
        return str(answer.json()["message"])


@pytest.fixture
def faults(api: Api) -> Iterator[Admin]:
    admin = Admin(api, "faults")
    yield admin
    assert admin.send("DELETE").status_code == 204


@pytest.fixture
def limits(api: Api) -> Iterator[Admin]:
    admin = Admin(api, "limits")
    yield admin
    assert admin.send("DELETE").status_code == 204


def spoken(api: Api, path: str, more: str = "") -> bytes:
    """Send a GET over a bare socket and return all that comes until the other side ends the connection."""
    address = urlsplit(api.engine.base_url)
    assert address.hostname and address.port
    with socket.create_connection((address.hostname, address.port), timeout=30) as plug:
        head = f"GET /v1.3{path} HTTP/1.1\r\nHost: engine\r\nx-api-key: {api.engine.api_key}\r\n{more}\r\n"
        plug.sendall(head.encode())
        heard = b""
        while piece := plug.recv(65536):
            heard += piece
        return heard


def test_a_status_with_custom_headers_and_body(api: Api, faults: Admin) -> None:
    faults.rule(action="status", status=429, body=None, retry_after=7, reset_after=60, headers={"x-more": "yes"})
    answer = api.send("GET", "/indexes")
    assert (answer.status_code, answer.content) == (429, b"")
    assert answer.headers["retry-after"] == "7" and answer.headers["x-more"] == "yes"
    assert answer.headers["x-ratelimit-remaining"] == answer.headers["x-ratelimit-request-remaining"] == "0"
    assert int(answer.headers["x-ratelimit-reset"]) == int(answer.headers["x-ratelimit-request-reset"]) > 1_700_000_000
    faults.rule(action="status", status=503, body={"error": {"code": "x", "message": "y"}})
    assert api.send("GET", "/indexes").json() == {"error": {"code": "x", "message": "y"}}


@pytest.mark.parametrize(
    ("status", "code"), [(408, "request_canceled_or_timed_out"), (429, "too_many_requests"), (500, "generic_error")]
)
def test_a_status_without_a_body_has_the_services_body(status: int, code: str, api: Api, faults: Admin) -> None:
    faults.rule(action="status", status=status)
    assert "rule-1" in api.refused(status, code, "GET", "/indexes")


def test_a_connection_reset_before_processing(api: Api, faults: Admin) -> None:
    faults.set({"rules": [{"method": "POST", "path": "/indexes", "action": "reset"}]})
    # the client may notice while it is still sending, and then says so in other words
    with pytest.raises(requests.ConnectionError):
        api.send("POST", "/indexes", json=api.index("never made"))
    assert api.get("/indexes", index_name="never made")["page_info"]["total_results"] == 0


def test_a_response_lost_after_processing(api: Api, faults: Admin) -> None:
    faults.set({"rules": [{"method": "POST", "path": "/indexes", "action": "lose_answer", "times": 1}]})
    with pytest.raises(requests.ConnectionError, match="reset"):
        api.send("POST", "/indexes", json=api.index("made unheard"))
    assert api.get("/indexes", index_name="made unheard")["page_info"]["total_results"] == 1
    api.create_index("made and heard")


def test_a_request_that_hangs_until_the_client_disconnects(api: Api, faults: Admin) -> None:
    faults.rule(action="hang")
    url, key = f"{api.engine.base_url}/v1.3/indexes", {"x-api-key": api.engine.api_key}
    with pytest.raises(requests.ReadTimeout):
        requests.get(url, headers=key, timeout=(10, 0.3))
    faults.set({"rules": []})
    api.get("/indexes")


def test_a_body_shorter_than_its_content_length(api: Api, faults: Admin) -> None:
    whole = api.send("GET", "/indexes").content
    faults.rule(action="cut_body")
    head, _, body = spoken(api, "/indexes").partition(b"\r\n\r\n")
    assert f"content-length: {len(whole)}".encode() in head.lower()
    assert body == whole[: len(whole) // 2]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.send("GET", "/indexes")


def test_a_truncated_body_with_a_matching_content_length(api: Api, faults: Admin) -> None:
    faults.rule(action="cut_body", length="cut", share=0.9)
    answer = api.send("GET", "/indexes")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        json.loads(answer.content)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("end", ["clean", "broken"])
def test_a_truncated_stream(half: bool, end: str, api: Api, faults: Admin) -> None:
    body = api.send("GET", "/indexes").content
    # one record without a line end: none of it comes, or half of it does
    faults.rule(action="cut_stream", records=0, half_record=half, end=end)
    expected = body[: (len(body) + 1) // 2] if half else b""
    if end == "clean":
        assert api.send("GET", "/indexes").content == expected
        return
    raw = spoken(api, "/indexes").partition(b"\r\n\r\n")[2]
    assert expected in raw and not raw.endswith(b"0\r\n\r\n")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.send("GET", "/indexes")


def test_garbage(api: Api, faults: Admin) -> None:
    faults.rule(action="garbage")
    answer = api.send("GET", "/indexes")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    assert b"<html>" in answer.content


def test_latency_does_not_change_the_response(api: Api, faults: Admin) -> None:
    faults.rule(action="delay", latency=0.05)
    assert api.get("/indexes")["page_info"]
    assert faults.send("GET").json()["rules"][0]["fired"] == 1


def test_when_a_rule_applies(api: Api, faults: Admin) -> None:
    faults.rule(action="status", status=500, after=1, every=2, times=2)
    hits = [api.send("GET", "/indexes").status_code for _ in range(8)]
    assert hits == [200, 500, 200, 500, 200, 200, 200, 200]
    rule = faults.send("GET").json()["rules"][0]
    assert (rule["name"], rule["seen"], rule["fired"]) == ("rule-1", 8, 2)


def test_the_same_seed_selects_the_same_requests(api: Api, faults: Admin) -> None:
    runs = []
    for seed in (3, 3, 4):
        faults.rule(action="status", status=500, probability=0.5, seed=seed)
        runs.append([api.send("GET", "/indexes").status_code for _ in range(12)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {200, 500}


def test_which_requests_a_rule_matches(api: Api, legacy: Api, faults: Admin, library: Library) -> None:
    faults.set({"rules": [{"action": "status", "status": 500, "pattern": "/indexes/[0-9a-f]{24}", "version": "v1.3"}]})
    assert api.send("GET", f"/indexes/{library.index_id}").status_code == 500
    assert legacy.send("GET", f"/indexes/{library.index_id}").status_code == 200
    assert api.send("GET", "/indexes").status_code == 200
    faults.set({"rules": [{"action": "status", "status": 500, "path": "/index*"}]})
    assert legacy.send("GET", f"/indexes/{library.index_id}").status_code == 500


def test_the_admin_api_has_no_faults_and_needs_the_key(api: Api, faults: Admin) -> None:
    faults.set({"rules": [{"action": "reset"}]})
    assert faults.send("GET").status_code == 200
    with pytest.raises(requests.ConnectionError):
        api.get("/indexes")
    assert requests.get(faults.url, timeout=30).status_code == 401
    # a request without the key is refused as ever, and counts in no rule
    seen = faults.send("GET").json()["rules"][0]["seen"]
    assert requests.get(f"{api.engine.base_url}/v1.3/indexes", timeout=30).status_code == 401
    assert faults.send("GET").json()["rules"][0]["seen"] == seen


def test_rules_are_added_and_removed_by_name(api: Api, faults: Admin) -> None:
    for name in ("one", "two"):
        assert faults.send("POST", json={"name": name, "action": "hang", "path": "/nowhere"}).status_code == 201
    assert [rule["name"] for rule in faults.send("GET").json()["rules"]] == ["one", "two"]
    assert "one" in faults.refused("parameter_invalid", "POST", {"name": "one", "action": "hang"})
    assert faults.send("DELETE", params={"name": "one"}).status_code == 204
    assert faults.send("DELETE", params={"name": "one"}).status_code == 404
    assert [rule["name"] for rule in faults.send("GET").json()["rules"]] == ["two"]


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ({"action": "reset", "wen": 1}, "parameter_unknown", "wen"),
        ({}, "parameter_not_provided", "action"),
        ({"action": "explode"}, "parameter_invalid", "explode"),
        ({"action": "status"}, "parameter_not_provided", "status"),
        ({"action": "status", "status": 42}, "parameter_invalid", "status"),
        ({"action": "reset", "status": 500}, "parameter_invalid", "status"),
        ({"action": "delay"}, "parameter_not_provided", "latency"),
        ({"action": "hang", "every": 0}, "parameter_invalid", "every"),
        ({"action": "hang", "probability": 2}, "parameter_invalid", "probability"),
        ({"action": "hang", "pattern": "("}, "parameter_invalid", "pattern"),
        ({"action": "hang", "method": "get"}, "parameter_invalid", "method"),
        ({"action": "cut_body", "length": "half"}, "parameter_invalid", "length"),
        ({"action": "status", "status": 500, "headers": {"a": 1}}, "parameter_invalid", "headers"),
    ],
)
def test_an_invalid_rule(rule: dict[str, Any], code: str, said: str, faults: Admin) -> None:
    assert said in faults.refused(code, "POST", rule)
    assert said in faults.refused(code, "PUT", {"rules": [rule]})
    assert faults.send("GET").json() == {"rules": []}


def test_an_exceeded_limit_returns_the_services_error(api: Api, limits: Admin) -> None:
    limits.set({"requests": {"analyze": {"per_minute": 1000, "per_day": 1}}})
    wrong = {"model_name": "none"}
    first = api.send("POST", "/analyze/tasks", json=wrong)
    assert (first.status_code, first.headers["x-ratelimit-remaining"]) == (400, "0")
    assert "daily quota" in api.refused(429, "RATE_LIMIT_EXCEEDED", "POST", "/analyze/tasks", wrapped=True, json=wrong)
    empty = api.send("POST", "/analyze", json=wrong)
    assert (empty.status_code, empty.content) == (429, b"")
    assert empty.headers["x-ratelimit-limit"] == "1" and empty.headers["x-ratelimit-request-remaining"] == "0"
    limits_body = limits.send("GET").json()
    assert limits_body["used"] == {"analyze": {"per_minute": 1, "per_day": 1}}
    minutes = limits_body["minutes"]["analyze"]
    assert [sum(minute[name] for minute in minutes) for name in ("accepted", "refused")] == [1, 2]
    limits.set({"requests": {"upload": {"per_minute": 0}}})
    assert "per minute" in api.refused(429, "too_many_requests", "POST", "/assets")
    assert api.send("POST", "/analyze/tasks", json=wrong).status_code == 400


def test_the_limit_of_concurrent_indexing_tasks(api: Api, limits: Admin, library: Library) -> None:
    limits.set({"concurrent_indexing": 0})
    path = f"/indexes/{library.index_id}/indexed-assets"
    said = api.refused(429, "too_many_requests", "POST", path, json={"asset_id": library.asset_id})
    assert "concurrent" in said


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"per_minute": 1}, "parameter_unknown"),
        ({"requests": {"dance": {}}}, "parameter_invalid"),
        ({"requests": {"index": {"per_hour": 1}}}, "parameter_unknown"),
        ({"requests": {"index": {"per_day": -1}}}, "parameter_invalid"),
        ({"concurrent_indexing": "five"}, "parameter_invalid"),
    ],
)
def test_invalid_limits(body: Any, code: str, limits: Admin) -> None:
    limits.refused(code, "PUT", body)
    assert limits.send("GET").json() == {"requests": {}, "concurrent_indexing": None, "used": {}, "minutes": {}}
