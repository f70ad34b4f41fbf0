"""Any module can be imported first."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import twelvelabs_local
import twelvelabs_provider


def packages_around(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts))}


def run_at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Return the statements that run when a module is imported, without what only a type checker sees."""
    for statement in body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from run_at_import(statement.orelse)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        else:
            yield statement
            for part in ("body", "orelse", "finalbody"):
                yield from run_at_import(getattr(statement, part, []))


def imported_by(name: str, source: str, modules: set[str]) -> set[str]:
    """Return the modules that a module imports, with the packages that Python imports before them."""
    wanted: set[str] = set()
    for statement in run_at_import(ast.parse(source).body):
        if isinstance(statement, ast.Import):
            wanted |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            of_package = {f"{statement.module}.{alias.name}" for alias in statement.names}
            wanted |= (of_package & modules) or {statement.module}
    around = {package for one in wanted for package in packages_around(one)} - packages_around(name)
    return ((wanted | around) & modules) - {name}


@pytest.mark.parametrize("package", [twelvelabs_provider, twelvelabs_local], ids=lambda package: package.__name__)
def test_imports_have_no_cycle(package: object) -> None:
    folder = Path(next(iter(package.__path__)))  # type: ignore[attr-defined]
    files = {
        ".".join(path.relative_to(folder.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in folder.rglob("*.py")
    }
    graph = {name: imported_by(name, path.read_text(), set(files)) for name, path in files.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))
