"""Generated text: content, finish reason and token usage."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from twelvelabs_provider.api.analysis.structured_answers import StructuredAnswer, read_structured
from twelvelabs_provider.api.analysis.usage import Usage
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsCutOffError
from twelvelabs_provider.api.models import AnalysisTask
from twelvelabs_provider.api.service_model import (
    NO_FIELDS,
    Reason,
    ServiceModel,
    Text,
    WholeText,
    named,
    object_or_empty,
)

CUT_OFF = "length"
LONGEST_ANSWER = 900.0
"""Seconds that a synchronous analysis may take; giving up earlier costs the same."""


class Generation(ServiceModel):
    """A generated text.

    :param id: the service's id of the generation.
    :param text: the answer; a JSON text if a response format was requested.
    :param finish_reason: ``stop``, or ``length`` where the answer was cut off.
    :param warning: of the service about an incomplete answer.
    :param model: the model that answered, if the response names it.
    """

    id: Text = named("id", "generation_id", default=None)
    text: WholeText = named("data")
    finish_reason: Text = None
    usage: Annotated[Usage, BeforeValidator(object_or_empty)] = Field(default_factory=Usage)
    warning: Reason = named("error", default=None)
    model: Text = named("model_name", default=None)

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


def generation_of_task(task: AnalysisTask) -> Generation:
    """Return the text of a finished analysis task.

    :raises TwelveLabsAnswerError: it has no result.
    """
    if task.data is None:
        raise TwelveLabsAnswerError(f"analysis task {task.id} is {task.status!r}, but carries no result")
    result = task.result or NO_FIELDS
    return Generation.read(
        {
            "id": result.get("generation_id"),
            "text": task.data,
            "finish_reason": task.finish_reason,
            "usage": result.get("usage"),
            "warning": task.error,
            "model": task.model,
        }
    )
