"""Docstrings of operators and sensors: parameters, result, errors, and the page of the service."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from tests.unit.operator_classes import operator_classes

NOT_RENDERED = {"task_id", "kwargs", "self", "args"}


def documented(operator_class: type[Any]) -> str:
    """Return the docstrings of a class and of its bases in this provider."""
    bases = [base for base in operator_class.__mro__ if base.__module__.startswith("twelvelabs_provider")]
    return "\n".join(base.__doc__ or "" for base in bases)


def parameters(operator_class: type[Any]) -> set[str]:
    """Return what can be given to a class and the bases of this provider."""
    bases = [base for base in operator_class.__mro__ if base.__module__.startswith("twelvelabs_provider")]
    given = {name for base in bases if "__init__" in vars(base) for name in inspect.signature(base).parameters}
    return given - NOT_RENDERED


CLASSES = [pytest.param(operator_class, id=operator_class.__name__) for operator_class in operator_classes()]


def test_operator_and_sensor_classes_are_found() -> None:
    assert len(CLASSES) > 35


@pytest.mark.parametrize("operator_class", CLASSES)
def test_docstring_links_the_service_and_describes_return_and_errors(operator_class: type[Any]) -> None:
    own = operator_class.__doc__ or ""
    assert re.search(r"https://docs\.twelvelabs\.io/\S+", own), "no page of the service"
    run = getattr(operator_class, "run_operator", None)
    returns_nothing = run is not None and inspect.signature(run).return_annotation == "None"
    assert returns_nothing or ":return:" in own, "no result"
    assert ":raises" in documented(operator_class), "no error"


@pytest.mark.parametrize("operator_class", CLASSES)
def test_docstring_describes_every_parameter(operator_class: type[Any]) -> None:
    described = set(re.findall(r":param (\w+):", documented(operator_class)))
    assert parameters(operator_class) - described == set()


@pytest.mark.parametrize("operator_class", CLASSES)
def test_docstring_marks_exactly_the_template_fields(operator_class: type[Any]) -> None:
    said = re.findall(r":param (\w+):((?:(?!:param|:return|:raises).)*)", documented(operator_class), re.DOTALL)
    templated = {name for name, text in said if "(templated)" in text} & parameters(operator_class)
    assert templated <= set(operator_class.template_fields)
    assert set(operator_class.template_fields) - templated <= {"twelvelabs_conn_id"}
