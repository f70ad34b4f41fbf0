"""Type checks of parsed dataclasses."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar, Union

from twelvelabs_provider.api.service_model import ServiceModel

T = TypeVar("T")
_Check = Callable[[Any], Any]
_SCALARS = (str, int, float)


class _NotConforming(Exception):
    """A value is not of the declared type; the message says what it is instead."""


def conforming(value: T) -> T:
    """Return a parsed response whose fields have the declared types: numbers in texts' places become texts.

    :raises ValueError: a field holds something else; names the class and the field.
    """
    try:
        return typing.cast("T", _any(value))
    except _NotConforming as error:
        raise ValueError(str(error)) from None


def _any(value: Any) -> Any:
    """Check a value by its own type if its annotation is too general."""
    if isinstance(value, tuple):
        return _tuple(value, _any)
    kind = type(value)
    if isinstance(value, ServiceModel) or not dataclasses.is_dataclass(kind):
        return value
    changed = {}
    for name, check in _fields_of(kind):
        given = getattr(value, name)
        try:
            fitting = check(given)
        except _NotConforming as error:
            where = f"{kind.__name__}.{name}"
            raise _NotConforming(f"{where} is {error}" if " is " not in str(error) else str(error)) from None
        if fitting is not given:
            changed[name] = fitting
    return dataclasses.replace(value, **changed) if changed else value


def _tuple(value: Any, check: _Check) -> Any:
    if not isinstance(value, tuple):
        raise _NotConforming(type(value).__name__)
    fitting = [check(one) for one in value]
    return value if all(one is other for one, other in zip(fitting, value, strict=True)) else tuple(fitting)


@lru_cache(maxsize=256)
def _fields_of(kind: type) -> tuple[tuple[str, _Check], ...]:
    # Python 3.11 cannot evaluate array[float].
    hints = typing.get_type_hints(kind, localns={"array": list})
    return tuple((one.name, _check_of(hints[one.name])) for one in dataclasses.fields(kind) if one.init)


def _check_of(annotation: Any) -> _Check:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, types.UnionType) and type(None) in inner:
        others = [one for one in inner if one is not type(None)]
        check = _check_of(others[0]) if len(others) == 1 else _any
        return lambda value: None if value is None else check(value)
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        element = _check_of(inner[0])
        return lambda value: _tuple(value, element)
    return _BY_TYPE.get(origin or annotation, _any)


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, _SCALARS):
        return str(value)
    raise _NotConforming(type(value).__name__)


def _number(value: Any) -> Any:
    if isinstance(value, (int, float)) and math.isfinite(value):
        return value
    raise _NotConforming(type(value).__name__ if not isinstance(value, float) else repr(value))


def _whole(value: Any) -> Any:
    if isinstance(value, int):
        return value
    raise _NotConforming(type(value).__name__)


def _mapping(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value
    raise _NotConforming(type(value).__name__)


_BY_TYPE: Mapping[Any, _Check] = {
    str: _text,
    float: _number,
    int: _whole,
    Mapping: _mapping,
}
