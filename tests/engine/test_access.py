from __future__ import annotations

import pytest
import requests

from tests.engine.client import Api, multipart
from tests.engine_process import Engine


@pytest.mark.parametrize("headers", [{}, {"x-api-key": ""}, {"x-api-key": "tlk_other"}])
@pytest.mark.parametrize("path", ["/v1.3/indexes", "/v1.1/tasks", "/_local/billing", "/nowhere"])
def test_every_path_needs_the_key(engine: Engine, path: str, headers: dict[str, str]) -> None:
    response = requests.get(engine.base_url + path, headers=headers, timeout=10)
    assert response.status_code == 401
    assert response.json()["code"] == "api_key_invalid"
    assert response.headers["x-request-id"]
    assert engine.api_key not in response.text


def test_the_body_of_a_refused_upload_is_read_completely(engine: Engine) -> None:
    """A client in the middle of an upload must see the refusal, not a broken pipe."""
    url, content = f"{engine.base_url}/v1.3/assets", iter([b"x" * 1_000_000] * 20)
    response = requests.post(url, headers={"x-api-key": "wrong"}, data=content, timeout=30)
    assert response.status_code == 401


def test_unknown_calls(api: Api, legacy: Api) -> None:
    api.refused(404, "not_found", "GET", "/nothing/here")
    api.refused(405, "method_not_allowed", "PATCH", "/indexes")
    # each generation has calls that the other has not
    some_id = "0" * 24
    api.refused(404, "not_found", "GET", f"/indexes/{some_id}/videos/{some_id}/text-in-video")
    api.refused(404, "not_found", "GET", "/engines")
    legacy.refused(404, "not_found", "GET", "/assets")


def test_request_ids_differ(api: Api) -> None:
    ids = {api.send("GET", "/indexes").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


def test_counted_calls_return_their_rate_limits(api: Api, index_name: str) -> None:
    index_id = api.create_index(index_name)
    fields = {"index_id": index_id, "video_url": "http://127.0.0.1:9/x.mp4"}
    first, second = (api.send("POST", "/tasks", files=multipart(fields)) for _ in range(2))
    assert first.status_code == second.status_code == 200
    names = ("Limit", "Remaining", "Used")
    limits = [{name: int(answer.headers[f"X-Ratelimit-{name}"]) for name in names} for answer in (first, second)]
    assert limits[0]["Limit"] == 3000 and limits[1]["Used"] == limits[0]["Used"] + 1
    assert all(limit["Remaining"] + limit["Used"] == limit["Limit"] for limit in limits)
    assert int(second.headers["X-Ratelimit-Reset"]) > 1_700_000_000


def test_list_of_engines(legacy: Api) -> None:
    engines = legacy.get("/engines")["data"]
    assert "text_in_video" in engines[0]["allowed_index_options"]
    assert legacy.get(f"/engines/{engines[0]['_id']}") == engines[0]
    legacy.refused(404, "resource_not_exist", "GET", "/engines/none")
