"""Calls of the provider, found in its modules, with method and path."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.coverage_table.forms import FORMS, Arguments
from tests.coverage_table.samples import arguments_of
from twelvelabs_provider import api
from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import TwelveLabsUnsupportedError
from twelvelabs_provider.api.generations import Dialect, dialect_for
from twelvelabs_provider.api.version import ApiVersion

BUILDERS = frozenset(
    {
        "call.change",
        "call.delete",
        "call.get",
        "call.only_current",
        "call.only_in",
        "embedding.embeddings_v1.only_embedding",
        "call.post",
        "embedding.embeddings.task_page",
        "resources.indexes_page",
        "resources.page_of",
        "resources.upload_task",
        "v1_2.index_creation",
    }
)
"""Functions that return a call and are none themselves: what calls are made of."""

NO_CALLS = frozenset({"ensure_takes_transcription", "indexing_route"})
"""Functions of a dialect that answer by themselves."""


@dataclass(frozen=True)
class Made:
    """A call as one generation makes it.

    :param name: ``read_video`` of a dialect, ``entities.create_entity`` of a module of its own.
    :param path: with what stands for the ids in angle brackets.
    """

    name: str
    version: ApiVersion
    method: str
    path: str

    @property
    def function(self) -> str:
        """The name of the function alone."""
        return self.name.rpartition(".")[2]


@cache
def all_calls() -> Sequence[Made]:
    """Return every call in every generation that has it."""
    return [*_of_dialects(), *_of_modules()]


def refusals() -> dict[str, list[ApiVersion]]:
    """Return the calls of the dialects that some generations refuse with the nearest way."""
    found: dict[str, list[ApiVersion]] = {}
    for version in ApiVersion:
        for name in dialect_calls():
            if not _made(name, version, getattr(dialect_for(version), name)):
                found.setdefault(name, []).append(version)
    return found


@cache
def dialect_calls() -> Sequence[str]:
    """Return the names of the calls that every dialect answers to."""
    named = {name for name, member in vars(Dialect).items() if isinstance(member, staticmethod)}
    return sorted(named - NO_CALLS)


def _of_dialects() -> Iterator[Made]:
    for version in ApiVersion:
        for name in dialect_calls():
            yield from _made(name, version, getattr(dialect_for(version), name))


def _of_modules() -> Iterator[Made]:
    in_dialect = {version: {getattr(dialect_for(version), name) for name in dialect_calls()} for version in ApiVersion}
    in_any = set().union(*in_dialect.values())
    for name, function in module_calls().items():
        named = {version for call in _built(function, function.__name__) for version in call.only}
        for version in [one for one in ApiVersion if function not in in_any or one in named]:
            if function not in in_dialect[version]:
                yield from _made(name, version, function)


@cache
def module_calls() -> Mapping[str, Callable[..., Any]]:
    """Return the functions of ``api`` that return a call, by module and name."""
    found: dict[str, Callable[..., Any]] = {}
    for module_info in pkgutil.walk_packages(api.__path__, f"{api.__name__}."):
        module = importlib.import_module(module_info.name)
        place = module_info.name.removeprefix(f"{api.__name__}.")
        for name, member in vars(module).items():
            own = inspect.isfunction(member) and member.__module__ == module.__name__ and not name.startswith("_")
            full = f"{place}.{name}"
            if own and _answers_with_a_call(member) and full not in BUILDERS:
                found[full] = member
    return found


def sends(name: str) -> str:
    """Return the method of the hook that sends a call: what streams is streamed, what has pages is gone through."""
    functions = [module_calls()[name]] if "." in name else [getattr(dialect_for(one), name) for one in ApiVersion]
    answers = {str(function.__annotations__.get("return")) for function in functions}
    if any(answer.startswith("StreamedCall[") for answer in answers):
        return "stream"
    return "items" if any(answer.startswith("Call[Page[") for answer in answers) else "execute"


def _answers_with_a_call(function: Callable[..., Any]) -> bool:
    annotation = str(function.__annotations__.get("return"))
    return annotation.startswith(("Call[", "StreamedCall[", "Sequence[Call["))


def _made(name: str, version: ApiVersion, function: Callable[..., Any]) -> list[Made]:
    calls = [call for call in _built(function, name.rpartition(".")[2]) if not call.only or version in call.only]
    found = [Made(name, version, call.method.value, call.path) for call in calls]
    return [made for number, made in enumerate(found) if made not in found[:number]]


def _built(function: Callable[..., Any], name: str) -> list[Call[Any]]:
    """Return a call in each of its forms; forms that a generation refuses are left out."""
    forms = FORMS[name]() if name in FORMS else [arguments_of(function)]
    return [call for form in forms for call in _call(function, form)]


def _call(function: Callable[..., Any], form: Arguments) -> list[Call[Any]]:
    try:
        built = function(**form)
    except TwelveLabsUnsupportedError:
        return []
    return [built] if isinstance(built, Call) else list(built)
