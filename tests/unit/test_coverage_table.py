"""docs/coverage.md is up to date and complete."""

from __future__ import annotations

import dataclasses

import pytest

from tests.contract.description import FILE, MISSING, described
from tests.coverage_table import table
from tests.coverage_table.__main__ import FILE as DOCUMENT
from tests.coverage_table.calls import Made
from tests.coverage_table.registry import CAPABILITIES
from tests.coverage_table.routes import engine_routes, route_for
from tests.coverage_table.samples import sample
from twelvelabs_provider.api.version import ApiVersion


def test_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == table.markdown(), "run make coverage-table"


def test_every_call_and_route_is_listed() -> None:
    assert table.problems() == []


@pytest.mark.skipif(not FILE.exists(), reason=MISSING)
def test_every_operation_of_the_service_has_a_route_and_a_call() -> None:
    description = described()
    assert description
    having_calls = {(row.method, row.path) for row in table.rows() if ApiVersion.V1_3 in row.versions}
    for name in description.operations:
        method, path = name.split(" ")
        route = route_for(
            engine_routes(), ApiVersion.V1_3, method, path.replace("-id}", "_id}").replace("-token}", "x}")
        )
        assert route, f"the engine has no {name}"
        assert (route.method, route.path) in having_calls, f"there is no call for {name}"


def test_a_gap_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Made("read_moon", ApiVersion.V1_3, "GET", "/moon")
    monkeypatch.setattr(table, "all_calls", lambda: [lost])
    monkeypatch.setattr(table, "CAPABILITIES", [dataclasses.replace(CAPABILITIES[0], client=["moon"])])
    monkeypatch.setattr(table, "rows", table.rows.__wrapped__)
    found = table.problems()
    for finding in (f"no route of the engine for {lost}", "no call for GET /tasks", "no test of client.moon"):
        assert finding in found
    assert "no capability has GET /tasks" in found


def test_an_unknown_type_is_reported() -> None:
    with pytest.raises(TypeError, match=r"samples\.py"):
        sample(complex)
