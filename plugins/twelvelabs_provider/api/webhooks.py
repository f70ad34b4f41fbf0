"""Webhook events: signature check, models, and replay protection.

An event is a hint: it may be late, come twice, or not at all. Read the job that it names before acting on it. In a web
framework, for instance::

    guard = ReplayGuard()


    def receive(request):
        event = verify_webhook(request.headers[SIGNATURE_HEADER], request.body, SECRET)
        if guard.is_new(event):
            start_dag_run(event.type, event.subject)

Every answer but a 2xx makes the service send the event again, with the same id.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Mapping
from enum import StrEnum
from threading import Lock
from typing import Any, Protocol

from pydantic import ConfigDict, Field

from twelvelabs_provider.api.decoding import JsonError, decoded_json
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsPermanentError
from twelvelabs_provider.api.service_model import (
    ERROR_NAMES,
    Fields,
    Identifier,
    Moment,
    Number,
    Reason,
    ServiceModel,
    Status,
    Text,
    named,
    part_of,
)

SIGNATURE_HEADER = "TL-Signature"
TOLERANCE = 300.0
"""Seconds by which the two clocks may differ, the way of the message included."""
_SCHEME = "v1"


class WebhookProblem(StrEnum):
    """Why a message is refused."""

    HEADER = "header"
    SIGNATURE = "signature"
    TIME = "time"
    BODY = "body"


class TwelveLabsWebhookError(TwelveLabsPermanentError):
    """A message is not from the service, too old, or no event: answer it with HTTP 400.

    :param problem: why it is refused.
    """

    def __init__(self, problem: WebhookProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


class WebhookType(StrEnum):
    """Known event types; others are tolerated."""

    INDEXING_READY = "index.task.ready"
    INDEXING_FAILED = "index.task.failed"
    ANALYSIS_READY = "analyze.task.ready"
    ANALYSIS_FAILED = "analyze.task.failed"
    ANALYSIS_CANCELED = "analyze.task.canceled"


class JobEnded(ServiceModel):
    """A job that has ended, as an event announces it; fields that are not known are in the ``data`` of the event."""

    model_config = ConfigDict(extra="ignore")

    status: Status = ""


class IndexingEnded(JobEnded):
    """An indexing task has ended.

    :param duration: seconds of video.
    :param models: names of the models that it was indexed with.
    """

    task_id: Identifier = named("id", "_id")
    duration: Number = None
    models: tuple[str, ...] = ()
    error: Reason = named(*ERROR_NAMES, default=None)

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class; v1.1 has one engine, v1.2 several."""
        models = [{"name": body["engine"]}] if "engine" in body else body.get("models") or body.get("engines") or ()
        names = [str(model.get("name") or "") if isinstance(model, Mapping) else model for model in models]
        return {"duration": part_of(body, "metadata").get("duration"), **body, "models": names}


class AnalysisEnded(JobEnded):
    """An analysis task has ended; the result is not in the event.

    :param asset_id: None for a video that was given otherwise.
    :param duration: seconds of video.
    """

    task_id: Identifier = named("id", "task_id")
    custom_id: Text = None
    asset_id: Text = None
    duration: Number = None
    error: Reason = named(*ERROR_NAMES, default=None)

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        source = part_of(body, "video_source")
        duration = part_of(source, "system_metadata").get("duration")
        return {"asset_id": source.get("asset_id"), "duration": duration, **body}


class BatchEnded(JobEnded):
    """An analysis batch has ended; its items are not announced one by one."""

    batch_id: Identifier = named("id", "batch_id")


_SUBJECTS: Mapping[str, type[IndexingEnded | AnalysisEnded | BatchEnded]] = {
    "index.": IndexingEnded,
    "analyze.batch": BatchEnded,
    "analyze.": AnalysisEnded,
}
"""Kinds of jobs by the first words of an event type; the first match counts."""


class WebhookEvent(ServiceModel):
    """One event.

    :param id: the same each time that it is sent.
    :param type: a :class:`WebhookType`, or a newer one.
    :param subject: the job that has ended; None for an event of an unknown type.
    :param data: the fields of the event, as received.
    """

    id: Identifier
    type: str
    created_at: Moment = None
    subject: IndexingEnded | AnalysisEnded | BatchEnded | None = None
    data: Fields = Field(repr=False)

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        kind = next((kind for start, kind in _SUBJECTS.items() if str(body.get("type")).startswith(start)), None)
        if kind is None:
            return {**body, "subject": None}
        ended = body.get("subject") or body.get("data")
        return {**body, "subject": ended if isinstance(ended, kind) else kind.read(ended)}


def verify_webhook(
    header: str | bytes | None,
    body: bytes | str,
    secret: str,
    *,
    now: float | None = None,
    tolerance: float = TOLERANCE,
) -> WebhookEvent:
    """Return the event of a message, if the service has signed it. The comparison takes constant time.

    :param header: the unchanged ``TL-Signature`` header.
    :param body: the unchanged body, before its JSON is decoded.
    :param secret: of this webhook, from the dashboard.
    :param now: epoch seconds; None for the current time.
    :param tolerance: seconds by which the time of the message may lie before or after ``now``.
    :raises TwelveLabsWebhookError: the message is refused; ``problem`` says why.
    :raises ValueError: the secret is empty, so that anyone could sign.
    """
    if not secret:
        raise ValueError("the secret of the webhook is empty")
    raw = body.encode("utf-8", errors="surrogatepass") if isinstance(body, str) else body
    moment, signatures = _read_header(header)
    expected = hmac.new(secret.encode(), f"{moment}.".encode() + raw, hashlib.sha256).hexdigest().encode()
    # Every signature is compared, so that the time taken does not reveal which one is valid.
    if not sum([hmac.compare_digest(given, expected) for given in signatures]):
        raise TwelveLabsWebhookError(
            WebhookProblem.SIGNATURE, "no signature matches: the secret is another one, or the body was changed"
        )
    age = (time.time() if now is None else now) - int(moment)
    if abs(age) > tolerance:
        where = f"{age:.0f} s ago" if age > 0 else f"{-age:.0f} s ahead of this clock"
        raise TwelveLabsWebhookError(WebhookProblem.TIME, f"signed {where}; {tolerance:g} s are tolerated")
    return _read_event(raw)


class SeenEvents(Protocol):
    """Store of the ids of received events; several receivers can share one (a table, a cache)."""

    def add(self, event_id: str, now: float) -> bool:
        """Remember an id atomically and return whether it is new."""

    def forget(self, event_id: str) -> None:
        """Forget an id; an unknown id is no error."""


class EventsInMemory:
    """Bounded store of ids in the memory of one process.

    :param keep: seconds for which an id is kept.
    :param most: maximum number of ids; the oldest is dropped first.
    """

    def __init__(self, keep: float = 24 * 3600.0, most: int = 100_000) -> None:
        self._keep = keep
        self._most = most
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def add(self, event_id: str, now: float) -> bool:
        """See the protocol."""
        with self._lock:
            while self._seen and next(iter(self._seen.values())) < now - self._keep:
                self._seen.popitem(last=False)
            if event_id in self._seen:
                return False
            self._seen[event_id] = now
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)
            return True

    def forget(self, event_id: str) -> None:
        """See the protocol."""
        with self._lock:
            self._seen.pop(event_id, None)


class ReplayGuard:
    """Replay protection: an event is new only once.

    :param seen: store of the ids; by default in the memory of this process, for a day.
    """

    def __init__(self, seen: SeenEvents | None = None) -> None:
        self._seen = seen if seen is not None else EventsInMemory()

    def is_new(self, event: WebhookEvent, *, now: float | None = None) -> bool:
        """Return whether an event is new, and remember it.

        :param now: epoch seconds; None for the current time.
        """
        return self._seen.add(event.id, time.time() if now is None else now)

    def release(self, event: WebhookEvent) -> None:
        """Accept an event again: its handling failed, and the service will send it again."""
        self._seen.forget(event.id)


def _read_header(header: str | bytes | None) -> tuple[str, list[bytes]]:
    """Return the time and the signatures of the known scheme; other schemes are ignored."""
    text = header.decode("latin-1") if isinstance(header, bytes) else str(header or "")
    pairs = [part.strip().partition("=") for part in text.split(",")]
    moments = [value for name, _, value in pairs if name == "t"]
    signatures = [value.encode(errors="replace") for name, _, value in pairs if name == _SCHEME and value]
    if len(moments) != 1 or not (moments[0].isascii() and moments[0].isdigit()) or len(moments[0]) > 18:
        raise TwelveLabsWebhookError(WebhookProblem.HEADER, f"the {SIGNATURE_HEADER} header has no time (t=...)")
    if not signatures:
        raise TwelveLabsWebhookError(WebhookProblem.HEADER, f"the {SIGNATURE_HEADER} header has no signature (v1=...)")
    return moments[0], signatures


def _read_event(raw: bytes) -> WebhookEvent:
    try:
        return WebhookEvent.read(decoded_json(raw))
    except (JsonError, TwelveLabsAnswerError) as error:
        raise TwelveLabsWebhookError(WebhookProblem.BODY, f"the signed body is no event: {error}") from None
