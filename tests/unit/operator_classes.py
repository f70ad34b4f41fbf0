"""Operator and sensor classes of the provider, and their required arguments."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

from twelvelabs_provider.get_provider_info import get_provider_info
from twelvelabs_provider.task import TwelveLabsTask

OWN = "twelvelabs_provider"


def operator_classes() -> Iterator[type[Any]]:
    """Return the operators and sensors of the provider's metadata."""
    info = get_provider_info()
    for name in (name for kind in ("operators", "sensors") for entry in info[kind] for name in entry["python-modules"]):
        module = importlib.import_module(name)
        for member in vars(module).values():
            public = inspect.isclass(member) and member.__module__ == name and issubclass(member, TwelveLabsTask)
            if public and not inspect.isabstract(member) and "Base of" not in (member.__doc__ or ""):
                yield member


def required_arguments(operator_class: type[Any]) -> dict[str, Any]:
    """Return a value for each argument without a default."""
    bases = [base for base in operator_class.__mro__ if base.__module__.startswith(OWN) and "__init__" in vars(base)]
    arguments = [argument for base in bases for argument in inspect.signature(base).parameters.values()]
    named = [argument for argument in arguments if argument.kind is argument.KEYWORD_ONLY]
    return {argument.name: "x1" for argument in named if argument.default is argument.empty}
