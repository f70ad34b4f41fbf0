"""Streamed responses to questions about a knowledge store (v1.3 only).

Service page: https://docs.twelvelabs.io/api-reference/responses/create
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from twelvelabs_provider.api.call import Framing, Method, StreamedCall, json_body
from twelvelabs_provider.api.errors import (
    ErrorDetails,
    TwelveLabsAmbiguousError,
    TwelveLabsAnswerError,
    TwelveLabsServerError,
)
from twelvelabs_provider.api.knowledge.responses import INSTEAD, Response, ResponseRequest
from twelvelabs_provider.api.service_model import ERROR_NAMES, Reason, ServiceModel, Whole, WholeText, named
from twelvelabs_provider.api.version import ApiVersion


class EventType(StrEnum):
    """Event types that this package handles; the service sends others too."""

    CREATED = "response.created"
    IN_PROGRESS = "response.in_progress"
    TEXT_DELTA = "response.output_text.delta"
    COMPLETED = "response.completed"
    INCOMPLETE = "response.incomplete"
    FAILED = "response.failed"


class ResponseEvent(ServiceModel):
    """One event of a stream.

    :param type: an :class:`EventType`, or another of the service.
    :param sequence_number: from 0; None if the service gives none.
    :param delta: the next piece of the text.
    :param response: the whole response as it stands, in some events.
    """

    type: str
    sequence_number: Whole = None
    delta: WholeText = ""
    response: Response | None = None
    error: Reason = named(*ERROR_NAMES, default=None)


class TwelveLabsIncompleteResponseError(TwelveLabsAmbiguousError):
    """A stream ended before the response was complete.

    :param text: the text so far.
    """

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


def stream_response(request: ResponseRequest) -> StreamedCall[ResponseEvent]:
    """Return the streamed call, for ``hook.stream``."""
    return StreamedCall(
        Method.POST,
        "/responses",
        ResponseEvent.read,
        body=json_body(request.body(stream=True)),
        headers={"accept": "text/event-stream"},
        only=(ApiVersion.V1_3,),
        instead=INSTEAD,
        framing=Framing.SSE,
    )


def collected(events: Iterable[ResponseEvent], on_text: Callable[[str], None] = lambda _: None) -> Response:
    """Consume a stream and return the response.

    :param events: of ``hook.stream``.
    :param on_text: called with every piece of text.
    :raises TwelveLabsIncompleteResponseError: the stream ended early; the error holds the text so far.
    :raises TwelveLabsServerError: the service reports a failure.
    """
    pieces: list[str] = []
    try:
        for event in events:
            if event.type == EventType.TEXT_DELTA:
                pieces.append(event.delta)
                on_text(event.delta)
            elif event.type == EventType.FAILED:
                raise _failure(event)
            elif event.type in (EventType.COMPLETED, EventType.INCOMPLETE):
                return _answer_of(event)
    except TwelveLabsAmbiguousError as error:
        raise _incomplete(str(error), pieces) from error
    raise _incomplete("the stream of a response ended without response.completed", pieces)


def _answer_of(event: ResponseEvent) -> Response:
    if event.response is None:
        raise TwelveLabsAnswerError(f"the event {event.type} of a response has no response in it")
    return event.response


def _failure(event: ResponseEvent) -> TwelveLabsServerError:
    reason = (event.response.reason if event.response else None) or event.error
    name = event.response.id if event.response else "the response"
    message = f"{name} failed: {reason or 'the service gives no reason'}"
    return TwelveLabsServerError(message, ErrorDetails(message=reason or ""))


def _incomplete(why: str, pieces: Sequence[str]) -> TwelveLabsIncompleteResponseError:
    text = "".join(pieces)
    return TwelveLabsIncompleteResponseError(f"{why}; {len(text)} characters of the answer had arrived", text)
