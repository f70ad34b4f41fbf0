"""Every operator and sensor says what it takes, returns and raises, and which page of the service it wraps."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from tests.unit.faces import faces

NOT_RENDERED = {"task_id", "kwargs", "self", "args"}


def documented(face: type[Any]) -> str:
    """Return the docstrings of a class and of its bases in this provider."""
    bases = [base for base in face.__mro__ if base.__module__.startswith("twelvelabs_provider")]
    return "\n".join(base.__doc__ or "" for base in bases)


def parameters(face: type[Any]) -> set[str]:
    """Return what can be given to a class and the bases of this provider."""
    bases = [base for base in face.__mro__ if base.__module__.startswith("twelvelabs_provider")]
    given = {name for base in bases if "__init__" in vars(base) for name in inspect.signature(base).parameters}
    return given - NOT_RENDERED


FACES = [pytest.param(face, id=face.__name__) for face in faces()]


def test_there_are_many() -> None:
    assert len(FACES) > 35


@pytest.mark.parametrize("face", FACES)
def test_it_names_the_page_of_the_service_and_what_it_returns(face: type[Any]) -> None:
    own = face.__doc__ or ""
    assert re.search(r"https://docs\.twelvelabs\.io/\S+", own), "no page of the service"
    run = getattr(face, "run_operator", None)
    returns_nothing = run is not None and inspect.signature(run).return_annotation == "None"
    assert returns_nothing or ":return:" in own, "no result"
    assert ":raises" in documented(face), "no error"


@pytest.mark.parametrize("face", FACES)
def test_every_parameter_is_described(face: type[Any]) -> None:
    described = set(re.findall(r":param (\w+):", documented(face)))
    assert parameters(face) - described == set()


@pytest.mark.parametrize("face", FACES)
def test_what_is_said_to_be_templated_is(face: type[Any]) -> None:
    said = re.findall(r":param (\w+):((?:(?!:param|:return|:raises).)*)", documented(face), re.DOTALL)
    templated = {name for name, text in said if "(templated)" in text} & parameters(face)
    assert templated <= set(face.template_fields)
    assert set(face.template_fields) - templated <= {"twelvelabs_conn_id"}
