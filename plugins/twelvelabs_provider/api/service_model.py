"""Base class of the models of responses, and the types of their fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

import pendulum
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_serializer,
    model_validator,
)

from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsError, finite_number
from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.api.serializable import storable

Fields = Mapping[str, Any]
"""A JSON object."""
NO_FIELDS: Fields = {}
_LONGEST_ID = 300


class ServiceModel(BaseModel):
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
        except TwelveLabsError:
            raise
        except Exception as error:
            # A method ``spread`` met a value of another type.
            raise TwelveLabsAnswerError(
                f"unreadable response: {cls.__name__} ({type(error).__name__}: {error})"
            ) from None

    def __repr_args__(self) -> Any:
        # Fields that the model does not know may be signed URLs.
        known = type(self).model_fields
        return [(name, value) for name, value in super().__repr_args__() if name in known]

    @model_validator(mode="before")
    @classmethod
    def _prepared(cls, body: Any) -> Any:
        """Drop what is null: the service sends it for what it also leaves out."""
        if not isinstance(body, Mapping):
            return body
        return cls.spread({name: value for name, value in body.items() if value is not None})

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a response, with those that lie deeper in it."""
        return body

    @model_serializer(mode="wrap")
    def _without_signatures(self, handler: Any) -> Any:
        return storable(handler(self))


class SecretModel(ServiceModel):
    """A response that is a secret: it cannot be serialized, because XCom is stored readable."""

    @model_serializer(mode="wrap")
    def _without_signatures(self, handler: Any) -> Any:
        raise TypeError(f"{type(self).__name__} holds a secret and is not stored in XCom: use it where it was read")


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
    if isinstance(value, str) and value.endswith("Z") and (found := _in_utc(value)):
        return found
    try:
        moment = pendulum.parse(str(value))
        return moment.in_timezone("UTC") if isinstance(moment, pendulum.DateTime) else None
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        # The library fails in several ways on texts that resemble times.
        return None


def _in_utc(text: str) -> pendulum.DateTime | None:
    """Return a moment in the form that the service sends; ten times as fast as the general way."""
    try:
        one = datetime.fromisoformat(text)
        return pendulum.DateTime(
            one.year, one.month, one.day, one.hour, one.minute, one.second, one.microsecond, tzinfo=pendulum.UTC
        )
    except ValueError:
        return None


def as_object(answer: Any, what: str) -> Fields:
    """Return a response if it is a JSON object, else raise :class:`TwelveLabsAnswerError` that names ``what``."""
    if not isinstance(answer, Mapping):
        raise TwelveLabsAnswerError(f"the service's answer for {what} is {type(answer).__name__}, not a JSON object")
    return answer


def object_or_empty(value: Any) -> Any:
    """Return an object or a model; an empty object for everything else, so that a billed response is not lost."""
    return value if isinstance(value, Mapping | ServiceModel) else NO_FIELDS


def optional_text(value: Any) -> str | None:
    """Return a value as text, as :func:`value_text`; None for null."""
    return None if value is None else value_text(value)


def identifier_text(value: Any) -> str:
    """Return an id as text.

    :raises ValueError: it is empty, too long, or no id at all.
    """
    if not value or isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"is no id: {value!r:.100}")
    text = str(value)
    if len(text) > _LONGEST_ID or not text.isprintable():
        raise ValueError(f"is no id: {text[:100]!r}")
    return text


def _whole(value: Any) -> int | None:
    number = finite_number(value)
    return None if number is None else int(number)


def _count(value: Any) -> int:
    number = _whole(value or 0)
    if number is None:
        raise ValueError(f"is no number but {type(value).__name__}")
    return number


def reason_text(value: Any) -> str | None:
    """Return a reason, a warning or a code of the service, cleaned for logs; None for null."""
    return None if value is None else clean_text(value_text(value))


def error_text(value: Any) -> str | None:
    """Return the service's reason for a failure: a text, or a code and a message."""
    if isinstance(value, Mapping):
        return ": ".join(clean_text(value[key]) for key in ("code", "message") if value.get(key)) or None
    return clean_text(value) or None if value else None


def part_of(body: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Return the first object that a response has under one of the names, an empty one if there is none."""
    for name in names:
        if isinstance(found := body.get(name), dict):
            return found
    return NO_FIELDS


def named(*names: str, default: Any = ...) -> Any:
    """Return a field that the service spells in one of several ways."""
    return Field(default, validation_alias=AliasChoices(*names))


Identifier = Annotated[str, BeforeValidator(identifier_text)]
Moment = Annotated[pendulum.DateTime | None, BeforeValidator(moment_from)]
"""A moment in UTC; None for everything that is no moment."""
Number = Annotated[float | None, BeforeValidator(finite_number)]
"""A finite number; None for everything else."""
Whole = Annotated[int | None, BeforeValidator(_whole)]
Count = Annotated[int, BeforeValidator(_count)]
"""A whole number; unreadable ones are refused."""
Position = Annotated[int, BeforeValidator(lambda value: _whole(value) or 0)]
"""A whole number; 0 for everything else: a billed response is not lost for it."""
Text = Annotated[str | None, BeforeValidator(optional_text)]
"""A text; the JSON text of anything else; None for null."""
WholeText = Annotated[str, BeforeValidator(value_text)]
"""A text; the JSON text of anything else."""
Shown = Annotated[str | None, BeforeValidator(reason_text)]
"""A reason or a warning of the service, without secrets, of bounded length."""
Reason = Annotated[str | None, BeforeValidator(error_text)]
ERROR_NAMES = ("error", "error_reason", "error_message")
"""The names that the reason of a failure has had."""
Status = Annotated[str, BeforeValidator(lambda value: clean_text(value or ""))]
