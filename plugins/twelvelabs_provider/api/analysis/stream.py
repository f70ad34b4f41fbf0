"""Events of a streamed analysis, and the text they add up to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twelvelabs_provider.api.analysis.generation import Generation, Usage, text_or_none, usage_from, warning_from
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
)
from twelvelabs_provider.api.reading import as_object, reason_from
from twelvelabs_provider.api.redaction import clean_text
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import value_text

log = logging.getLogger(__name__)

_SERVERS_FAULT = frozenset({None, "", "generic_error", "internal_server_error"})
_BY_CODE: Mapping[str, type[TwelveLabsError]] = {
    ErrorCode.NOT_EXIST.value: TwelveLabsNotFoundError,
    ErrorCode.NOT_FOUND.value: TwelveLabsNotFoundError,
    ErrorCode.KEY_INVALID.value: TwelveLabsAuthError,
    "too_many_requests": TwelveLabsRateLimitError,
}


@dataclass(frozen=True)
class StreamStarted(Answer):
    """The first event."""

    generation_id: str | None


@dataclass(frozen=True)
class TextGenerated(Answer):
    """A piece of the text."""

    text: str


@dataclass(frozen=True)
class StreamEnded(Answer):
    """The last event; without it the text is incomplete."""

    generation_id: str | None
    finish_reason: str | None
    usage: Usage
    warning: str | None
    raw: Mapping[str, Any] = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class UnknownEvent(Answer):
    """An event that this package does not know."""

    name: str


StreamEvent = StreamStarted | TextGenerated | StreamEnded | UnknownEvent


def event_from(record: Any) -> StreamEvent:
    """Read one record of a streamed analysis.

    :raises TwelveLabsError: the record reports a failure.
    """
    raw = as_object(record, "an event of a stream")
    kind = raw.get("event_type")
    metadata = raw.get("metadata") if isinstance(raw.get("metadata"), Mapping) else {}
    generation_id = text_or_none((metadata or {}).get("generation_id"))
    if kind == "stream_start":
        return StreamStarted(generation_id)
    if kind == "text_generation":
        return TextGenerated(value_text(raw.get("text")))
    if kind == "stream_end":
        usage = usage_from((metadata or {}).get("usage"))
        return StreamEnded(
            generation_id, text_or_none(raw.get("finish_reason")), usage, warning_from(raw.get("error")), raw
        )
    if kind == "stream_error" or (kind is None and ("code" in raw or "error" in raw)):
        raise _failure(raw)
    log.warning("an event of a kind that is not known, %r, is left aside", clean_text(kind))
    return UnknownEvent(str(kind))


@dataclass
class StreamedText:
    """Text of a streamed analysis so far.

    :param show: called with each complete line, or with a piece of a long line.
    """

    show: Callable[[str], None] | None = None
    pieces: list[str] = field(default_factory=list)
    generation_id: str | None = None
    ended: StreamEnded | None = None
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
        if isinstance(event, StreamStarted):
            self.generation_id = event.generation_id
        elif isinstance(event, TextGenerated):
            self.pieces.append(event.text)
            self._unshown += event.text
            self._show(final=False)
        elif isinstance(event, StreamEnded):
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
            usage=self.ended.usage,
            warning=self.ended.warning,
            raw=self.ended.raw,
        )


LONGEST_PIECE = 500
"""Characters of a logged line."""


def _failure(raw: Mapping[str, Any]) -> TwelveLabsError:
    error = raw.get("error")
    fields: Mapping[str, Any] = error if isinstance(error, Mapping) else raw
    code = reason_from(fields.get("code"))
    message = reason_from(fields.get("message") or (error if isinstance(error, str) else None)) or "no reason is given"
    details = ErrorDetails(code=code, message=message)
    kind = TwelveLabsServerError if code in _SERVERS_FAULT else _BY_CODE.get(code or "", TwelveLabsBadRequestError)
    return kind(f"the service broke the stream off: {details}", details)
