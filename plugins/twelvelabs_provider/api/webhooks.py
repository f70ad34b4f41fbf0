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
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any, Protocol

import pendulum

from twelvelabs_provider.api.conformity import conforming
from twelvelabs_provider.api.decoding import JsonError, decoded_json
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsPermanentError
from twelvelabs_provider.api.models import Json
from twelvelabs_provider.api.reading import as_object, error_text_from, identifier, number_from, text_from
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import moment_from

SIGNATURE_HEADER = "TL-Signature"
TOLERANCE = 300.0
"""Seconds by which the two clocks may differ, the way of the message included."""
_SCHEME = "v1"
_BATCH = "analyze.batch"
_NOTHING: Json = {}


class WebhookProblem(StrEnum):
    """Why a message is not taken."""

    HEADER = "header"
    SIGNATURE = "signature"
    TIME = "time"
    BODY = "body"


class TwelveLabsWebhookError(TwelveLabsPermanentError):
    """A message that claims to be the service's and is not taken: answer it with 400.

    :param problem: what is wrong with it.
    """

    def __init__(self, problem: WebhookProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


class WebhookType(StrEnum):
    """The events that are known; others are tolerated."""

    INDEXING_READY = "index.task.ready"
    INDEXING_FAILED = "index.task.failed"
    ANALYSIS_READY = "analyze.task.ready"
    ANALYSIS_FAILED = "analyze.task.failed"
    ANALYSIS_CANCELED = "analyze.task.canceled"


@dataclass(frozen=True)
class IndexingEnded(Answer):
    """An indexing task has ended.

    :param duration: seconds of video.
    :param models: names of the models that it was indexed with.
    """

    task_id: str
    status: str
    duration: float | None
    models: tuple[str, ...]
    error: str | None


@dataclass(frozen=True)
class AnalysisEnded(Answer):
    """An analysis task has ended; the result is not in the event.

    :param asset_id: None for a video that was given otherwise.
    :param duration: seconds of video.
    """

    task_id: str
    custom_id: str | None
    status: str
    asset_id: str | None
    duration: float | None
    error: str | None


@dataclass(frozen=True)
class BatchEnded(Answer):
    """An analysis batch has ended; its items are not announced one by one."""

    batch_id: str
    status: str


@dataclass(frozen=True)
class WebhookEvent(Answer):
    """One event.

    :param id: the same each time that it is sent.
    :param type: a :class:`WebhookType`, or a word that is not known yet.
    :param subject: what has ended; None for an event of an unknown type.
    :param data: the fields of the event, as received.
    """

    id: str
    type: str
    created_at: pendulum.DateTime | None
    subject: IndexingEnded | AnalysisEnded | BatchEnded | None
    data: Json = field(repr=False, default_factory=lambda: _NOTHING)


def verify_webhook(
    header: str | bytes | None,
    body: bytes | str,
    secret: str,
    *,
    now: float | None = None,
    tolerance: float = TOLERANCE,
) -> WebhookEvent:
    """Return the event of a message that the service has signed, in constant time whatever is wrong with it.

    :param header: the ``TL-Signature`` header as it came.
    :param body: the body as it came, before any decoding of its JSON.
    :param secret: of this webhook, from the dashboard.
    :param now: epoch seconds; None takes the clock.
    :param tolerance: seconds by which the message's time may lie before or after ``now``.
    :raises TwelveLabsWebhookError: if it is not to be taken; ``problem`` says why.
    :raises ValueError: if there is no secret: everybody could sign with an empty one.
    """
    if not secret:
        raise ValueError("the secret of the webhook is empty")
    raw = body.encode("utf-8", errors="surrogatepass") if isinstance(body, str) else body
    moment, signatures = _read_header(header)
    expected = hmac.new(secret.encode(), f"{moment}.".encode() + raw, hashlib.sha256).hexdigest().encode()
    # Every signature is compared, so that the time taken does not reveal which one is valid.
    if not sum([hmac.compare_digest(given, expected) for given in signatures]):
        raise TwelveLabsWebhookError(
            WebhookProblem.SIGNATURE, "no signature fits: another secret, or a body that was changed on its way"
        )
    age = (time.time() if now is None else now) - int(moment)
    if abs(age) > tolerance:
        where = f"{age:.0f} s ago" if age > 0 else f"{-age:.0f} s ahead of this clock"
        raise TwelveLabsWebhookError(WebhookProblem.TIME, f"it was signed {where}; {tolerance:g} s are tolerated")
    return _read_event(raw)


def event_from(answer: Any) -> WebhookEvent:
    """Read an event, wherever it comes from.

    :raises TwelveLabsAnswerError: if something is missing that every event has.
    """
    try:
        return conforming(_event(answer))
    except TwelveLabsAnswerError:
        raise
    except Exception as error:
        raise TwelveLabsAnswerError(f"a webhook's event cannot be read: {type(error).__name__}: {error}") from None


def _event(answer: Any) -> WebhookEvent:
    raw = as_object(answer, "a webhook's event")
    data, kind = as_object(raw.get("data"), "a webhook's data"), text_from(raw, "type", "a webhook's event")
    return WebhookEvent(
        id=identifier(raw, "a webhook's event", "id"),
        type=kind,
        created_at=moment_from(raw.get("created_at")),
        subject=_subject(kind, data),
        data=data,
    )


class SeenEvents(Protocol):
    """Remembers the ids of events; several receivers can share one (a table, a cache)."""

    def add(self, event_id: str, now: float) -> bool:
        """Remember an id atomically and return whether it is new."""

    def forget(self, event_id: str) -> None:
        """Forget an id; one that is not known is no error."""


class EventsInMemory:
    """Ids in the memory of one process, as many as are bounded.

    :param keep: seconds for which an id is known.
    :param most: ids that are known at most; the oldest goes first.
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
    """Lets every event through once.

    :param seen: remembers the ids; by default in the memory of this process, for a day.
    """

    def __init__(self, seen: SeenEvents | None = None) -> None:
        self._seen = seen if seen is not None else EventsInMemory()

    def is_new(self, event: WebhookEvent, *, now: float | None = None) -> bool:
        """Return whether an event is new, and remember it.

        :param now: epoch seconds; None takes the clock.
        """
        return self._seen.add(event.id, time.time() if now is None else now)

    def release(self, event: WebhookEvent) -> None:
        """Let an event through again: it could not be handled, and the service shall send it once more."""
        self._seen.forget(event.id)


def _read_header(header: str | bytes | None) -> tuple[str, list[bytes]]:
    """Return the time and the signatures of the known scheme; other schemes are passed over."""
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
        return event_from(decoded_json(raw))
    except (JsonError, TwelveLabsAnswerError) as error:
        raise TwelveLabsWebhookError(WebhookProblem.BODY, f"it is signed, but its body is no event: {error}") from None


def _subject(kind: str, data: Json) -> IndexingEnded | AnalysisEnded | BatchEnded | None:
    if kind.startswith(_BATCH):
        return BatchEnded(identifier(data, "a batch", "id", "batch_id"), str(data.get("status") or ""))
    if kind.startswith("index."):
        return _indexing(data)
    return _analysis(data) if kind.startswith("analyze.") else None


def _indexing(data: Json) -> IndexingEnded:
    models = data.get("models") or data.get("engines") or ()
    names = [str(model.get("name") or "") for model in models if isinstance(model, Mapping)]
    if data.get("engine"):
        names = [str(data["engine"])]
    return IndexingEnded(
        task_id=identifier(data, "an indexing task", "id", "_id"),
        status=str(data.get("status") or ""),
        duration=number_from(_part(data, "metadata").get("duration")),
        models=tuple(names),
        error=error_text_from(data),
    )


def _analysis(data: Json) -> AnalysisEnded:
    source = _part(data, "video_source")
    return AnalysisEnded(
        task_id=identifier(data, "an analysis task", "id", "task_id"),
        custom_id=data.get("custom_id"),
        status=str(data.get("status") or ""),
        asset_id=source.get("asset_id"),
        duration=number_from(_part(source, "system_metadata").get("duration")),
        error=error_text_from(data),
    )


def _part(raw: Json, name: str) -> Json:
    part = raw.get(name)
    return part if isinstance(part, Mapping) else {}
