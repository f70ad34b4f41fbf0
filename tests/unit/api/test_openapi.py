"""The calls of v1.3 against the service's own contract, where a copy of it is at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.unit.api.test_calls import TODAY, Build
from twelvelabs_provider.api import v1_3
from twelvelabs_provider.api.analysis import on_screen_text_request
from twelvelabs_provider.api.call import Call, FormBody, JsonBody
from twelvelabs_provider.api.dialect import dialect_for
from twelvelabs_provider.api.version import ApiVersion

CONTRACT = Path(__file__).parents[4] / "shared" / "reference" / "openapi-1.3-2026-07.json"
# Documented by the service after this contract was published.
NEWER = {"GET /assets/c03/transcription", "POST /analyze/tasks/a01/cancel"}

pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason=f"the service's contract is not at {CONTRACT}")


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(CONTRACT.read_text())
    return document


def operation_of(contract: dict[str, Any], call: Call[Any]) -> dict[str, Any] | None:
    """Return the contract's operation for a call; literal segments win over parameters."""
    wanted = call.path.split("/")
    for path in sorted(contract["paths"], key=lambda path: path.count("{")):
        pattern = path.split("/")
        fits = len(pattern) == len(wanted) and all(
            name == given or name.startswith("{") for name, given in zip(pattern, wanted, strict=True)
        )
        if fits and call.method.value.lower() in contract["paths"][path]:
            operation: dict[str, Any] = contract["paths"][path][call.method.value.lower()]
            return operation
    return None


def problems_of_body(contract: dict[str, Any], operation: dict[str, Any], call: Call[Any]) -> list[str]:
    """Return what the contract has against a call's body."""
    kind = "application/json" if isinstance(call.body, JsonBody) else "multipart/form-data"
    schema = operation["requestBody"]["content"][kind]["schema"]
    if isinstance(call.body, JsonBody):
        validator = jsonschema.Draft202012Validator({**schema, "components": contract["components"]})
        return [error.message for error in validator.iter_errors(dict(call.body.content))]
    assert isinstance(call.body, FormBody)
    names = [name for name, _ in call.body.parts]
    unknown = [f"{name} is not a part" for name in names if name not in schema["properties"]]
    return unknown + [f"{name} is missing" for name in schema.get("required", []) if name not in names]


CASES = [pytest.param(build, id=name) for name, build, *_ in TODAY]


@pytest.mark.parametrize("build", CASES)
def test_method_path_query_and_body_are_in_the_contract(build: Build, contract: dict[str, Any]) -> None:
    call = build(dialect_for(ApiVersion.V1_3))
    operation = operation_of(contract, call)
    if call.name in NEWER:
        assert operation is None, f"{call.name} is in the contract now: take it off the list of what is newer"
        return
    assert operation is not None, f"the contract has no {call.name}"
    named = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
    assert {name for name, _ in call.query} <= named
    if call.body is None:
        assert "requestBody" not in operation
    else:
        assert problems_of_body(contract, operation, call) == []


def test_the_question_for_on_screen_text_is_in_the_contract(contract: dict[str, Any]) -> None:
    call = v1_3.create_analysis_task(on_screen_text_request("c03", start=1.0, end=60.0, custom_id="x"))
    operation = operation_of(contract, call)
    assert operation is not None
    assert problems_of_body(contract, operation, call) == []
    assert isinstance(call.body, JsonBody)
    schema = contract["components"]["schemas"]["CreateAsyncAnalyzeRequest"]
    assert set(call.body.content) <= set(schema["properties"]), "a field that the contract does not name"


def test_the_oracle_can_say_no(contract: dict[str, Any]) -> None:
    call = v1_3.create_index("demo", [])
    operation = operation_of(contract, call)
    assert operation is not None
    broken = Call(call.method, call.path, call.parse, body=JsonBody({"index_name": 5}))
    assert len(problems_of_body(contract, operation, broken)) == 2
