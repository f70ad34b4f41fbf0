"""Events of a streamed analysis, and the text they add up to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator

from twelvelabs_provider.api.analysis.generation import Generation
from twelvelabs_provider.api.analysis.usage import Usage
from twelvelabs_provider.api.errors import (
    ErrorCode,
    ErrorDetails,
    TwelveLabsAmbiguousError,
    TwelveLabsAuthError,
    TwelveLabsBadRequestError,
    TwelveLabsError,
    TwelveLabsNotFoundError,
    TwelveLabsRateLimitError,
    TwelveLabsServerError,
    code_and_message,
)
from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.api.service_model import (
    Reason,
    ServiceModel,
    Text,
    WholeText,
    named,
    object_or_empty,
    part_of,
)

log = logging.getLogger(__name__)

_SERVERS_FAULT = frozenset({None, "generic_error", "internal_server_error"})
_BY_CODE: Mapping[str, type[TwelveLabsError]] = {
    ErrorCode.NOT_EXIST.value: TwelveLabsNotFoundError,
    ErrorCode.NOT_FOUND.value: TwelveLabsNotFoundError,
    ErrorCode.KEY_INVALID.value: TwelveLabsAuthError,
    "too_many_requests": TwelveLabsRateLimitError,
}
LONGEST_PIECE = 500
"""Characters of a logged line."""


class EventType(StrEnum):
    """Event types that this package handles; the service may add more."""

    STARTED = "stream_start"
    TEXT = "text_generation"
    ENDED = "stream_end"
    FAILED = "stream_error"


_HANDLED = frozenset(EventType)


class StreamEvent(ServiceModel):
    """One event of a streamed analysis; without the last one, ``stream_end``, the text is incomplete.

    :param type: an :class:`EventType`, or another of the service.
    :param text: the next piece of the text.
    :param generation_id: in the first or in the last event.
    :param finish_reason: in the last event, as ``usage`` and ``warning``.
    """

    type: WholeText = named("event_type", default="")
    text: WholeText = ""
    generation_id: Text = None
    finish_reason: Text = None
    usage: Annotated[Usage | None, BeforeValidator(object_or_empty)] = None
    warning: Reason = named("error", default=None)

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        if "metadata" not in body:
            return body
        metadata = part_of(body, "metadata")
        return {"generation_id": metadata.get("generation_id"), "usage": metadata.get("usage"), **body}


def read_event(record: Any) -> StreamEvent:
    """Read one record of a streamed analysis.

    :raises TwelveLabsError: the record reports a failure.
    """
    event = StreamEvent.read(record)
    if event.type in _HANDLED:
        if event.type == EventType.FAILED:
            raise _failure(record)
    elif not event.type and ("code" in record or "error" in record):
        raise _failure(record)
    else:
        log.warning("Ignored an event of unknown type %r", clean_text(event.type))
    return event


@dataclass
class StreamedText:
    """Text of a streamed analysis so far.

    :param show: called with each complete line, or with a piece of a long line.
    """

    show: Callable[[str], None] | None = None
    pieces: list[str] = field(default_factory=list)
    generation_id: str | None = None
    ended: StreamEvent | None = None
    _unshown: str = ""

    @property
    def text(self) -> str:
        """The received text."""
        return "".join(self.pieces)

    def take(self, events: Iterable[StreamEvent]) -> Generation:
        """Consume all events and return the whole text.

        :raises TwelveLabsAmbiguousError: if the stream ends without ``stream_end``; ``text`` holds what had arrived.
        """
        try:
            for event in events:
                self._take(event)
        finally:
            self._show(final=True)
        return self._whole()

    def _take(self, event: StreamEvent) -> None:
        if event.type == EventType.TEXT:
            self.pieces.append(event.text)
            self._unshown += event.text
            self._show(final=False)
        elif event.type == EventType.STARTED:
            self.generation_id = event.generation_id
        elif event.type == EventType.ENDED:
            self.ended = event

    def _show(self, *, final: bool) -> None:
        *lines, rest = self._unshown.split("\n")
        while len(rest) >= LONGEST_PIECE:
            lines.append(rest[:LONGEST_PIECE])
            rest = rest[LONGEST_PIECE:]
        if final and rest:
            lines.append(rest)
            rest = ""
        self._unshown = rest
        for line in lines:
            if self.show and line.strip():
                self.show(clean_text(line, LONGEST_PIECE))

    def _whole(self) -> Generation:
        if self.ended is None:
            count = sum(map(len, self.pieces))
            raise TwelveLabsAmbiguousError(f"the stream ended without stream_end, after {count:,} characters of text")
        return Generation(
            id=self.ended.generation_id or self.generation_id,
            text=self.text,
            finish_reason=self.ended.finish_reason,
            usage=self.ended.usage or Usage(),
            warning=self.ended.warning,
        )


def _failure(record: Mapping[str, Any]) -> TwelveLabsError:
    code, message, _ = code_and_message(record)
    details = ErrorDetails(code=code, message=message or "no reason is given")
    kind = TwelveLabsServerError if code in _SERVERS_FAULT else _BY_CODE.get(code or "", TwelveLabsBadRequestError)
    return kind(f"the service broke the stream off: {details}", details)
