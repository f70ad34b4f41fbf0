"""Every call of v1.3 against the service's OpenAPI description; nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract import newer
from tests.contract.description import FILE, MISSING, Description, described
from tests.contract.judge import faults_of_form, faults_of_query
from tests.unit.api.test_calls import TODAY, Build
from twelvelabs_provider.api.analysis.request import on_screen_text_request
from twelvelabs_provider.api.call import Call, FilePart, FormBody, JsonBody
from twelvelabs_provider.api.generations import V1_3, dialect_for
from twelvelabs_provider.api.version import ApiVersion

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=MISSING)
CASES = [pytest.param(build, id=name) for name, build, *_ in TODAY]


@pytest.fixture(scope="module")
def description() -> Description:
    found = described()
    assert found
    return found


def faults(description: Description, call: Call[Any]) -> list[str]:
    """Return what the description has against a call."""
    operation = description.operation(call.method.value, call.path)
    if operation is None:
        return [f"there is no {call.name}"]
    found = faults_of_query(description, operation, call.query)
    if call.body is None:
        return found + (["a body is missing"] if operation.bodies else [])
    if operation.name in newer.OPERATIONS:
        return found
    if isinstance(call.body, JsonBody):
        schema = operation.bodies["application/json"]
        return found + description.faults(dict(call.body.content), schema, strict=True)
    assert isinstance(call.body, FormBody)
    parts = [(name, None if isinstance(value, FilePart) else value) for name, value in call.body.parts]
    return found + faults_of_form(description, operation.bodies["multipart/form-data"], parts)


@pytest.mark.parametrize("build", CASES)
def test_requests_match_the_openapi_description(build: Build, description: Description) -> None:
    assert faults(description, build(dialect_for(ApiVersion.V1_3))) == []


def test_request_for_on_screen_text_matches_the_openapi_description(description: Description) -> None:
    request = on_screen_text_request("c03", start=1.0, end=60.0, custom_id="x")
    assert faults(description, V1_3.create_analysis_task(request)) == []


def test_validator_refuses_wrong_requests(description: Description) -> None:
    call = V1_3.create_index("demo", [])
    broken = Call(call.method, call.path, call.parse, body=JsonBody({"index_name": 5}), query=(("colour", "red"),))
    assert len(faults(description, broken)) == 3
