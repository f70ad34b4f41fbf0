"""Tests that name a call, a route or an operator."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]


@cache
def tests_naming() -> Mapping[str, list[str]]:
    """Return the test functions by the names that stand in them or in what their module has beside tests.

    An attribute is named with its object (``api.read_video``) and without it (``.read_video``).
    Test functions are named ``folder/test_file.py::test_name``; where only the rest of a module has a name (a table
    of parameters, a fixture), the file stands for them.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for folder in ("contract", "sdk", "dags", "engine", "unit"):
        for path in sorted((TESTS / folder).rglob("test_*.py")):
            for name, place in _names(path):
                if place not in found[name]:
                    found[name].append(place)
    return found


def _names(path: Path) -> Iterator[tuple[str, str]]:
    file = path.relative_to(TESTS).as_posix()
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        is_test = isinstance(statement, ast.FunctionDef) and statement.name.startswith("test_")
        place = f"{file}::{statement.name}" if is_test else file  # type: ignore[attr-defined]
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                yield node.id, place
            elif isinstance(node, ast.Attribute):
                owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
                yield f"{owner}.{node.attr}", place
                yield f".{node.attr}", place


def tests_of_call(name: str) -> list[str]:
    """Return the tests of a call; those that name its owner too count before those where the name alone stands.

    :param name: of a dialect's call, or module and name.
    """
    found, (owner, _, function) = tests_naming(), name.rpartition(".")
    owners = [owner.rpartition(".")[2]] if owner else ["api", "V1_3", "V1_2", "V1_1"]
    owned = [place for owner in owners for place in found.get(f"{owner}.{function}", ())]
    return list(dict.fromkeys(owned + found.get(function, []))) or found.get(f".{function}", [])


@cache
def client_tests(resource: str) -> tuple[str, ...]:
    """Return the files with tests of a resource of the vendor's client."""
    pattern = re.compile(rf"\bclient\.{re.escape(resource)}\b")
    files = sorted((TESTS / "sdk").glob("test_*.py"))
    return tuple(f"sdk/{file.name}" for file in files if pattern.search(file.read_text()))
