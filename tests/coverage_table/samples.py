"""Sample arguments of a call from its annotations, enough to read its method and path."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import pendulum

from twelvelabs_provider.api.call import FilePart

_PLAIN: Mapping[Any, Any] = {
    str: "x",
    int: 1,
    float: 1.0,
    bool: True,
    pendulum.DateTime: pendulum.datetime(2026, 1, 1),
}


def arguments_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return a value for every parameter that has no default; ids and other texts of a path are their own names."""
    hints = typing.get_type_hints(function)
    return {
        name: f"<{name}>" if hints[name] is str else sample(hints[name])
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    }


def sample(kind: Any) -> Any:
    """Return some value of a type.

    :raises TypeError: for an unknown type.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return sample(next(one for one in inner if one is not type(None)))
    if origin is typing.Literal:
        return inner[0]
    if origin in (list, tuple, collections.abc.Sequence, collections.abc.Iterable):
        return (sample(inner[0]),)
    if origin in (dict, collections.abc.Mapping):
        return {"x": "y"}
    if origin is collections.abc.Callable:
        return lambda *_: None
    if kind is FilePart:
        return FilePart("x.mp4", lambda: BytesIO(b"x"), 1)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind is Any:
        return {"x": "y"}
    if inspect.isclass(kind) and issubclass(kind, enum.Enum):
        return next(iter(kind))
    if dataclasses.is_dataclass(kind):
        return _instance(kind)
    raise TypeError(f"no sample of {kind}: teach tests/coverage_table/samples.py")


def _instance(kind: Any) -> Any:
    hints = typing.get_type_hints(kind)
    missing = dataclasses.MISSING
    needed = [one for one in dataclasses.fields(kind) if one.default is missing and one.default_factory is missing]
    return kind(**{one.name: sample(hints[one.name]) for one in needed if one.init})
