"""Base of the models that responses of the service are read into, and the types of their fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

import pendulum
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_serializer

from twelvelabs_provider.api.errors import TwelveLabsAnswerError, finite_number
from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.api.serializable import storable

_LONGEST_ID = 300


class Response(BaseModel):
    """A response of the service, or a part of one.

    Fields that a model does not know are kept in ``raw``. Airflow passes models through XCom; a signed URL loses its
    signature there, because XCom is stored readable and the URL expires. Read the resource again for a fresh one.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        defer_build=True,
        populate_by_name=True,
        loc_by_alias=False,
        coerce_numbers_to_str=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    @property
    def raw(self) -> Mapping[str, Any]:
        """Fields of the response that the model does not know, as the service sent them."""
        return self.model_extra or {}

    @classmethod
    def read(cls, body: Any) -> Self:
        """Return the model of a decoded body.

        :raises TwelveLabsAnswerError: names the first field that cannot be read.
        """
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            raise TwelveLabsAnswerError(f"unreadable response: {reason_of(error, body)}") from None

    def __repr_args__(self) -> Any:
        # Fields that the model does not know may be signed URLs.
        known = type(self).model_fields
        return [(name, value) for name, value in super().__repr_args__() if name in known]

    @model_serializer(mode="wrap")
    def _without_signatures(self, handler: Any) -> Any:
        return storable(handler(self))


def reason_of(error: ValidationError, body: Any) -> str:
    """Return which field of a response cannot be read, and why."""
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, (error.title, *first["loc"])))
    if first["type"] == "missing":
        known = f"; its fields are {sorted(body)}" if isinstance(body, Mapping) and len(first["loc"]) == 1 else ""
        return f"no {where}{known}"
    if first["type"] == "value_error":
        return f"{where} {first['msg'].removeprefix('Value error, ')}"
    return f"{where} is {type(first['input']).__name__} ({first['msg']})"


def value_text(value: Any) -> str:
    """Return a value as text: a text as it is, an empty one for null, the JSON text of anything else."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def moment_from(value: Any) -> pendulum.DateTime | None:
    """Return a moment in UTC; None for everything that is no moment."""
    if not value:
        return None
    try:
        moment = pendulum.parse(str(value))
        return moment.in_timezone("UTC") if isinstance(moment, pendulum.DateTime) else None
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        # The library fails in several ways on texts that resemble times.
        return None


def _identifier(value: Any) -> str:
    if not value or isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"is no id: {value!r:.100}")
    text = str(value)
    if len(text) > _LONGEST_ID or not text.isprintable():
        raise ValueError(f"is no id: {text[:100]!r}")
    return text


def _required(value: Any) -> Any:
    if value is None:
        raise ValueError("is null")
    return value


def _whole(value: Any) -> int | None:
    number = finite_number(value)
    return None if number is None else int(number)


def _count(value: Any) -> int:
    return _whole(value) or 0


def _shown(value: Any) -> str | None:
    return None if value is None else clean_text(value_text(value))


def _text(value: Any) -> str | None:
    return None if value is None else value_text(value)


def _nothing_for_null(empty: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: empty if value is None else value)


def named(*names: str, default: Any = ...) -> Any:
    """Return a field that the service spells in one of several ways."""
    return Field(default, validation_alias=AliasChoices(*names))


T = TypeVar("T")
Many = Annotated[tuple[T, ...], _nothing_for_null(())]
"""A list; empty for null."""
Identifier = Annotated[str, BeforeValidator(_identifier)]
Moment = Annotated[pendulum.DateTime | None, BeforeValidator(moment_from)]
"""A moment in UTC; None for everything that is no moment."""
Number = Annotated[float | None, BeforeValidator(finite_number)]
"""A finite number; None for everything else."""
Whole = Annotated[int | None, BeforeValidator(_whole)]
Count = Annotated[int, BeforeValidator(_count)]
Text = Annotated[str | None, BeforeValidator(_text)]
"""A text; the JSON text of anything else; None for null."""
Shown = Annotated[str | None, BeforeValidator(_shown)]
"""A reason or a warning of the service, without secrets, of bounded length."""
Status = Annotated[str, BeforeValidator(lambda value: clean_text(value or ""))]
NO_FIELDS: Mapping[str, Any] = {}
Fields = Annotated[Mapping[str, Any], _nothing_for_null({})]
"""A JSON object; empty for null."""
Texts = Many[str]
