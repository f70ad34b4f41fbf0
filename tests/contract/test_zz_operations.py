"""Operations of the service: each is called in this session, or listed with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.contract import newer
from tests.contract.proxy import Recorder

OPERATIONS = 97
_GOOGLE = "a person consents in a browser at Google, which the engine cannot play: it checks the request, answers 403"
NOT_DRIVEN: Mapping[str, str] = {
    "POST /connections:authorize": _GOOGLE,
    "POST /connections/{connection_id}/picker-token": _GOOGLE,
}
"""Operations that cannot be brought to a success here, with the reason; each is sent all the same, and refused."""

JUDGED = (Path(__file__).parent, Path(__file__).parents[1] / "sdk")


def left_out(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Return the test files behind the proxy that are not, or not wholly, part of this session."""
    present = {item.path for item in items}
    files = sorted(file for folder in JUDGED for file in folder.glob("test_*.py"))
    narrowed = [word for word in ("keyword", "markexpr", "lf", "deselect") if config.getoption(word, None)]
    picked = [argument for argument in config.args if "::" in argument]
    return (
        [f"{file.parent.name}/{file.name}" for file in files if file not in present]
        + [f"--{word}" for word in narrowed]
        + picked
    )


def test_every_operation_is_driven_or_listed(
    request: pytest.FixtureRequest, described: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    if missing := left_out(request.config, request.session.items):
        pytest.skip(f"only a part of the tests behind the proxy ran, so nothing is accounted for: no {missing}")
    if request.session.testsfailed:
        pytest.skip("a test before this one failed; what it would have covered is not known")
    assert described.description
    operations = set(described.description.operations)
    assert len(operations) == OPERATIONS + len(newer.OPERATIONS)
    driven = described.covered & operations
    with capsys.disabled():
        newer_ones = len(driven & set(newer.OPERATIONS))
        print(
            f"\ncontract: {len(driven) - newer_ones} of {OPERATIONS} operations driven to a success,"
            f" {len(NOT_DRIVEN)} sent and refused, {newer_ones} newer ones besides; {described.exchanges} exchanges"
        )
    assert not driven & set(NOT_DRIVEN), "driven now: take it off the list"
    assert set(NOT_DRIVEN) <= described.not_allowed, "on the list, but not even sent"
    assert sorted(operations - driven - set(NOT_DRIVEN)) == []
