"""Calls that each operator, sensor and hook method can make, read from their sources."""

from __future__ import annotations

import ast
import importlib
import inspect
import types
from collections.abc import Mapping
from functools import cache
from typing import Any

from airflow.sdk import BaseOperator

from tests.coverage_table.calls import dialect_calls, module_calls
from twelvelabs_provider.api.generations import dialect_for
from twelvelabs_provider.api.version import ApiVersion
from twelvelabs_provider.get_provider_info import get_provider_info
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.jobs import kinds
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.jobs.kinds import KINDS, KindOfJob

_OWN = "twelvelabs_provider."
_NOT_FOLLOWED = (
    "twelvelabs_provider.api.generations", "twelvelabs_provider.jobs.kinds", "twelvelabs_provider.jobs.finished_jobs",
)  # fmt: skip
"""These know every call or every kind of job, so everything that uses them would seem to make every call."""


@cache
def public_operators() -> dict[str, type[Any]]:
    """Return the operators and sensors of the provider's metadata, by name."""
    info = get_provider_info()
    modules = [name for kind in ("operators", "sensors") for entry in info[kind] for name in entry["python-modules"]]
    return {
        name: member
        for module in modules
        for name, member in vars(importlib.import_module(module)).items()
        if inspect.isclass(member)
        and issubclass(member, BaseOperator)
        and member.__module__ == module
        and not inspect.isabstract(member)
        and not name.startswith("_")
        and "Base of" not in (member.__doc__ or "")
    }


@cache
def _functions() -> Mapping[Any, str]:
    """Return the names of calls by their functions."""
    functions: dict[Any, str] = {function: name for name, function in module_calls().items()}
    for version in ApiVersion:
        functions |= {getattr(dialect_for(version), name): name for name in dialect_calls()}
    return functions


def calls_of(first: Any) -> set[str]:
    """Return the calls that the source of a class and its bases, or of a function, leads to.

    :return: names of dialect calls; module and name of the others.
    """
    waiting: list[Any] = [base for base in getattr(first, "__mro__", [first]) if _followed(base)]
    seen: set[Any] = set()
    found: set[str] = set()
    while waiting:
        member = waiting.pop()
        if member not in seen:
            seen.add(member)
            calls, named = _looked_into(member)
            found |= calls
            waiting.extend(named)
    return found


@cache
def _looked_into(member: Any) -> tuple[set[str], set[Any]]:
    """Return the calls that stand in a class or function, and what else of the provider it names."""
    tree = _tree(member)
    scope = _scope(member, tree)
    # a method of the hook calls the others by self
    hook = "self" if inspect.isfunction(member) and "." in member.__qualname__ else "hook"
    calls: set[str] = set()
    named: set[Any] = set()
    for node in ast.walk(tree):
        target = _target(node, scope)
        if isinstance(node, ast.Attribute) and node.attr in dialect_calls() and _ends_in(node.value, "api"):
            calls.add(node.attr)
        elif isinstance(target, JobKind):
            calls |= _calls_of_kind(KINDS[target])
        elif isinstance(target, types.FunctionType) and target in _functions():
            calls.add(_functions()[target])
        elif isinstance(target, types.FunctionType | type) and _followed(target):
            named.add(target)
        elif isinstance(node, ast.Attribute) and _ends_in(node.value, hook):
            named.update(_methods_of_hook(node.attr))
    return calls, named


def _calls_of_kind(kind: KindOfJob) -> set[str]:
    """Return the calls that read a job and that cancel it."""
    names = {name for make in (kind.read, kind.cancel) if make for name in make.__code__.co_names}
    # A call is imported by the module, or by the function that makes it.
    functions = {
        label
        for function, label in _functions().items()
        if function.__name__ in names
        and (function.__module__ in names or getattr(kinds, function.__name__, None) is function)
    }
    return (names & set(dialect_calls())) | functions


def _tree(member: Any) -> ast.AST:
    """Return the source of a class or function of a module, or of a method of a class."""
    tree: ast.AST = _module_tree(member.__module__)
    for name in member.__qualname__.split("."):
        tree = next(node for node in tree.body if getattr(node, "name", None) == name)  # type: ignore[attr-defined]
    return tree


@cache
def _module_tree(name: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(name)))


def _scope(member: Any, tree: ast.AST) -> Mapping[str, Any]:
    """Return what names stand for in a class or function: what its module has, and what it imports when it runs."""
    scope = dict(vars(importlib.import_module(member.__module__)))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_OWN):
            module = importlib.import_module(str(node.module))
            scope |= {alias.asname or alias.name: getattr(module, alias.name, None) for alias in node.names}
    return scope


def _followed(member: Any) -> bool:
    """Tell whether a class or function is looked into: one of the provider that is no call itself. Of the hook, the
    methods that are named are."""
    own = member.__module__.startswith(_OWN) and not member.__module__.startswith(_NOT_FOLLOWED)
    return own and member is not TwelveLabsHook and member not in _functions()


def _target(node: ast.AST, scope: Mapping[str, Any]) -> Any:
    """Return what a name, an attribute of a module, or a kind of job stands for."""
    if isinstance(node, ast.Name):
        return scope.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = scope.get(node.value.id)
        return getattr(owner, node.attr, None) if isinstance(owner, types.ModuleType) or owner is JobKind else None
    return None


def _ends_in(node: ast.AST, name: str) -> bool:
    """Tell whether an expression is ``name`` or ends in ``.name``."""
    return (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)


def _methods_of_hook(name: str) -> list[types.FunctionType]:
    method = inspect.getattr_static(TwelveLabsHook, name, None)
    return [method] if isinstance(method, types.FunctionType) and _followed(method) else []


@cache
def operators_of_calls() -> Mapping[str, list[str]]:
    """Return the operators and sensors by the call that they can come to make."""
    return _by_call(public_operators())


@cache
def methods_of_calls() -> Mapping[str, list[str]]:
    """Return the methods of the hook by the call that they can come to make; those that send any call have none."""
    own = {name: _methods_of_hook(name) for name in dir(TwelveLabsHook) if not name.startswith("_")}
    return _by_call({name: method for name, methods in own.items() for method in methods if name != "test_connection"})


def _by_call(members: Mapping[str, Any]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, member in sorted(members.items()):
        for call in calls_of(member):
            found.setdefault(call, []).append(name)
    return found
