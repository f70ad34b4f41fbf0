"""Base class of the request models, and the service's errors for what they reject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from starlette.datastructures import ImmutableMultiDict, UploadFile

from twelvelabs_local.errors import ServiceError, invalid, missing, unknown

Comparison = dict[str, str]
"""The type of a query parameter such as ``duration=60&duration[gte]=60``: the value per comparison, else per ``eq``."""

LONGEST_TEXT = 64 * 1024
"""Bytes of a text in a form."""

_BODY = "The body must be a JSON object."
_TEXT = "It must be text."
_WHOLE = "It is {input!r}; it must be a whole number."
_NUMBER = "It is {input!r}; it must be a number."
_FLAG, _OBJECT, _LIST = "It is {input!r}; it must be true or false.", "It must be an object.", "It must be a list."
_SENTENCES: Mapping[str, str] = {
    "string_type": _TEXT,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "list_type": _LIST,
    "is_instance_of": "It must be a file part.",
}


class RequestModel(BaseModel):
    """The JSON body, form or query of a request; null means the same as a parameter that is not provided."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True, protected_namespaces=()
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value is not None}

    @classmethod
    def parse(cls, given: Any, *, strict: bool = True, path: str = "") -> Self:
        """Return the validated request.

        :param given: the decoded JSON, or the values of a form or query.
        :param strict: False where every value arrives as text.
        :param path: where the request contains it, for the errors; empty for the whole request.
        :raises ServiceError: for the first parameter that is unknown, missing or invalid.
        """
        try:
            return cls.model_validate(given, strict=strict)
        except ValidationError as error:
            raise service_error(error, path) from None

    def given(self) -> dict[str, Any]:
        """Return the parameters that the request contains."""
        return self.model_dump(exclude_unset=True, by_alias=True)


def form_values(model: type[RequestModel], parts: ImmutableMultiDict[str, UploadFile | str]) -> dict[str, Any]:
    """Return the values of a form or query, with lists and comparisons where the model has them.

    :raises ServiceError: when a file part cannot be read as text.
    """
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    values: dict[str, Any] = {}
    for key in parts:
        name, _, inner = key.removesuffix("]").partition("[")
        kind = fields[name].annotation if name in fields else None
        found = [
            part if UploadFile in (kind, *get_args(kind)) else _part_text(key, part) for part in parts.getlist(key)
        ]
        if get_origin(kind) is list:
            values[name] = [*values.get(name, ()), *found]
        elif kind == Comparison:
            values.setdefault(name, {})[inner if "[" in key else "eq"] = found[-1]
        else:
            values[key] = found[-1]
    return values


def _part_text(name: str, part: UploadFile | str) -> str:
    """Return a part as text: older clients of the vendor send links as file parts."""
    try:
        return part if isinstance(part, str) else part.file.read(LONGEST_TEXT).decode()
    except UnicodeDecodeError:
        raise invalid(name, _TEXT) from None


def service_error(error: ValidationError, path: str) -> ServiceError:
    """Return the service's error for the first reason of a validation error; unknown parameters come first.

    :param path: where the request contains what was validated.
    """
    reasons = error.errors(include_url=False)
    if extra := [_name(path, reason) for reason in reasons if reason["type"] == "extra_forbidden"]:
        return unknown(extra)
    reason = reasons[0]
    name = _name(path, reason)
    if reason["type"] == "missing":
        return missing(name)
    return invalid(name, _sentence(reason)) if name else ServiceError(400, "parameter_invalid", _BODY)


def _name(path: str, reason: ErrorDetails) -> str:
    """Return the parameter as errors name it: the fields that lead to it, without the positions in lists."""
    fields = [part for part in reason["loc"] if isinstance(part, str) and part != "[key]"]
    return ".".join(filter(None, [path, *fields, reason.get("ctx", {}).get("field")]))


def _sentence(reason: ErrorDetails) -> str:
    kind, context = reason["type"], reason.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        allowed = context["expected"].replace("'", "").replace(" or ", ", ")
        return f"It is {reason['input']!r}; it must be one of {allowed}."
    return _SENTENCES[kind].format(input=reason["input"]) if kind in _SENTENCES else reason["msg"]


def invalid_field(field: str, why: str) -> PydanticCustomError:
    """Return the error of one field of a model, for a check across its fields.

    :param field: the field, as the request spells it.
    :param why: what is wrong with it, with the value.
    """
    return PydanticCustomError("field_invalid", "{why}", {"field": field, "why": why})


def missing_field(field: str) -> PydanticCustomError:
    """Return the error of a field that another field requires."""
    return PydanticCustomError("missing", "missing", {"field": field})
