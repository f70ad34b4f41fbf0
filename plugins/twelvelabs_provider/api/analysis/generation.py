"""Generated text: content, finish reason and token usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from twelvelabs_provider.api.analysis.structured_answers import StructuredAnswer, read_structured
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsCutOffError
from twelvelabs_provider.api.models import AnalysisTask, Json
from twelvelabs_provider.api.reading import as_object, optional_text, reason_from
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import value_text

_NOTHING: Json = MappingProxyType({})
CUT_OFF = "length"
LONGEST_ANSWER = 900.0
"""Seconds that a synchronous analysis may take; giving up earlier costs the same."""


@dataclass(frozen=True)
class Usage(Answer):
    """Tokens of one generation; None if the service gives no number."""

    input_tokens: int | None = None
    output_tokens: int | None = None

    def as_json(self) -> dict[str, int | None]:
        """Return plain JSON."""
        return {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}


@dataclass(frozen=True)
class Generation(Answer):
    """A generated text.

    :param id: the service's id of the generation.
    :param text: the answer; a JSON text if a response format was requested.
    :param finish_reason: ``stop``, or ``length`` where the answer was cut off.
    :param warning: of the service about an incomplete answer.
    :param model: the model that answered, if the response names it.
    """

    id: str | None
    text: str
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    warning: str | None = None
    model: str | None = None
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)

    @property
    def cut_off(self) -> bool:
        """Whether the length limit cut the answer off."""
        return self.finish_reason == CUT_OFF

    def structured(self) -> StructuredAnswer:
        """Return the JSON value of the answer.

        An answer that reached its length limit counts only if text follows its value.

        :raises TwelveLabsCutOffError: the length limit ended the answer before its value was complete.
        :raises TwelveLabsAnswerError: it has no complete JSON value.
        """
        try:
            found = read_structured(self.text)
        except TwelveLabsAnswerError as error:
            if self.cut_off:
                raise TwelveLabsCutOffError("the answer was cut off at its length limit") from error
            raise
        if self.cut_off and not found.tail:
            raise TwelveLabsCutOffError("the answer was cut off at its length limit")
        return found


def generation_from(answer: Any) -> Generation:
    """Return the text of a synchronous analysis of any generation."""
    raw = as_object(answer, "an analysis")
    if raw.get("data") is None:
        raise TwelveLabsAnswerError(f"the service's analysis carries no data; its fields are {sorted(raw)}")
    return Generation(
        id=text_or_none(raw.get("id")),
        text=value_text(raw["data"]),
        finish_reason=text_or_none(raw.get("finish_reason")),
        usage=usage_from(raw.get("usage")),
        warning=warning_from(raw.get("error")),
        model=text_or_none(raw.get("model_name")),
        raw=raw,
    )


def generation_of_task(task: AnalysisTask) -> Generation:
    """Return the text of a finished analysis task.

    :raises TwelveLabsAnswerError: it has no result.
    """
    result = task.result or {}
    if result.get("data") is None:
        raise TwelveLabsAnswerError(f"analysis task {task.id} is {task.status!r}, but carries no result")
    return Generation(
        id=text_or_none(result.get("generation_id")),
        text=value_text(result["data"]),
        finish_reason=task.finish_reason,
        usage=usage_from(result.get("usage")),
        warning=task.error,
        model=task.model,
        raw=task.raw,
    )


def usage_from(value: Any) -> Usage:
    """Return the token usage; None for an unreadable number."""
    fields = value if isinstance(value, Mapping) else {}
    counts = [fields.get(name) for name in ("input_tokens", "output_tokens")]
    known = [count if isinstance(count, int) and not isinstance(count, bool) else None for count in counts]
    return Usage(*known)


def warning_from(value: Any) -> str | None:
    """Return the warning of a response."""
    return reason_from(value.get("message") if isinstance(value, Mapping) else value) or None


def text_or_none(value: Any) -> str | None:
    """Return a value as text, None for nothing."""
    return optional_text(value)
