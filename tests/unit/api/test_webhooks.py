"""Webhook events: signature, time, models, replay protection."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from twelvelabs_provider.api.webhooks import (
    AnalysisEnded,
    BatchEnded,
    EventsInMemory,
    IndexingEnded,
    ReplayGuard,
    TwelveLabsWebhookError,
    WebhookEvent,
    WebhookProblem,
    WebhookType,
    verify_webhook,
)

SECRET = "whsec_of_this_webhook"
MOMENT = 1_717_171_717
BODY = json.dumps(
    {
        "id": "whe_66f0c0ffee",
        "created_at": "2026-06-01T10:00:00Z",
        "type": "index.task.ready",
        "data": {
            "id": "665f00000000000000000a01",
            "metadata": {"duration": 532.1},
            "status": "ready",
            "models": [{"name": "marengo3.0", "options": ["visual", "audio"]}],
            "tags": [],
        },
    }
).encode()


def signed(body: bytes = BODY, secret: str = SECRET, moment: int = MOMENT) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


def header(**fields: Any) -> str:
    return f"t={fields.get('moment', MOMENT)},v1={signed(**fields)}"


def verified(head: str | None = None, body: bytes | str = BODY, **options: Any) -> WebhookEvent:
    return verify_webhook(header() if head is None else head, body, SECRET, **{"now": MOMENT, **options})


def event_of(kind: str, data: dict[str, Any]) -> WebhookEvent:
    body = json.dumps({"id": "whe_1", "created_at": "2026-06-01T10:00:00Z", "type": kind, "data": data}).encode()
    return verified(header(body=body), body)


def refused(*args: Any, **options: Any) -> tuple[WebhookProblem, str]:
    with pytest.raises(TwelveLabsWebhookError) as caught:
        verified(*args, **options)
    assert SECRET not in str(caught.value)
    return caught.value.problem, str(caught.value)


def test_signed_event_is_accepted() -> None:
    event = verified()
    assert (event.id, event.type) == ("whe_66f0c0ffee", WebhookType.INDEXING_READY)
    assert event.created_at and event.created_at.to_iso8601_string() == "2026-06-01T10:00:00Z"
    assert event.subject == IndexingEnded(
        task_id="665f00000000000000000a01", status="ready", duration=532.1, models=("marengo3.0",)
    )
    assert event.data["tags"] == []
    assert verified(body=BODY.decode()) == event


def test_signature_of_the_documented_example() -> None:
    """The value was computed with openssl, not with the code under test."""
    body = b'{"id":"whe_1","type":"x.y","data":{}}'
    known = "b7cf9de58548f42ab9082209c44ab42e1d6882eed882a7c9f18668520a179a23"
    assert verified(f"t={MOMENT},v1={known}", body).subject is None


@pytest.mark.parametrize("age", [-300, 0, 300])
def test_small_clock_difference_is_tolerated(age: int) -> None:
    assert verified(now=MOMENT + age).id


@pytest.mark.parametrize(("age", "said"), [(301, "301 s ago"), (-301, "301 s ahead")])
def test_event_of_another_time_is_refused(age: int, said: str) -> None:
    problem, message = refused(now=MOMENT + age)
    assert problem is WebhookProblem.TIME and said in message
    assert verified(now=MOMENT + age, tolerance=400).id


def test_current_time_is_the_default() -> None:
    assert refused(now=None)[0] is WebhookProblem.TIME


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (header(secret="another"), BODY),
        (header(), BODY + b" "),
        (f"t={MOMENT + 1},v1={signed()}", BODY),
        (f"t={MOMENT},v1=", BODY),
        (f"t={MOMENT},v1=Ünicode", BODY),
        (f"t={MOMENT},v0={signed()}", BODY),
    ],
)
def test_wrong_signature_is_refused(head: str, body: bytes) -> None:
    assert refused(head, body)[0] in (WebhookProblem.SIGNATURE, WebhookProblem.HEADER)


@pytest.mark.parametrize(
    "head", ["", "nonsense", "v1=abc", f"v1={signed()}", f"t=soon,v1={signed()}", f"t={MOMENT}", f"t=-1,v1={signed()}",
             f"t={'9' * 40},v1={signed()}", f"t={MOMENT},t={MOMENT},v1={signed()}", f"t=²,v1={signed()}", ",,,="]
)  # fmt: skip
def test_invalid_header_is_refused(head: str) -> None:
    assert refused(head)[0] is WebhookProblem.HEADER


def test_one_valid_signature_of_several_is_enough() -> None:
    others = f"v1={'0' * 64}"
    assert verified(f"t={MOMENT}, {others}, v1={signed()}, v0=old").id
    assert verified(f"t={MOMENT},v1={signed()},{others}").id
    assert refused(f"t={MOMENT},{others},{others}")[0] is WebhookProblem.SIGNATURE


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"not json", b'{"id":"whe_1","type":"x"}', b'{"id":"e","data":{}}']
)
def test_signed_body_without_an_event_is_refused(body: bytes) -> None:
    assert refused(header(body=body), body)[0] is WebhookProblem.BODY


def test_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        verify_webhook(header(secret=""), BODY, "", now=MOMENT)


def test_analysis_event() -> None:
    source = {"type": "asset_id", "asset_id": "c03", "system_metadata": {"duration": 532.1}}
    data = {"id": "b02", "custom_id": "dagrun-42", "status": "failed", "video_source": source}
    event = event_of("analyze.task.failed", {**data, "error": {"message": "too long"}})
    assert event.subject == AnalysisEnded(
        task_id="b02", custom_id="dagrun-42", status="failed", asset_id="c03", duration=532.1, error="too long"
    )
    assert event.type == WebhookType.ANALYSIS_FAILED
    url = event_of("analyze.task.canceled", {"id": "b02", "status": "canceled", "video_source": {"type": "url"}})
    assert url.subject == AnalysisEnded(task_id="b02", status="canceled")


def test_model_names_in_older_generations() -> None:
    data = {"id": "a01", "status": "ready", "metadata": {}}
    second = event_of("index.task.ready", {**data, "engines": [{"name": "marengo2.6", "options": ["visual"]}]})
    first = event_of("index.task.ready", {**data, "engine": "marengo2.5", "index_options": ["visual"]})
    assert isinstance(second.subject, IndexingEnded) and second.subject.models == ("marengo2.6",)
    assert isinstance(first.subject, IndexingEnded) and first.subject.models == ("marengo2.5",)


@pytest.mark.parametrize("kind", ["analyze.batch.completed", "analyze.batch.whatever"])
def test_batch_event(kind: str) -> None:
    assert event_of(kind, {"batch_id": "b01", "status": "completed"}).subject == BatchEnded(
        batch_id="b01", status="completed"
    )
    assert event_of(kind, {"id": "b01", "status": "completed"}).subject == BatchEnded(
        batch_id="b01", status="completed"
    )


def test_event_of_an_unknown_type() -> None:
    event = event_of("embed.task.ready", {"id": "e01", "more": 1})
    assert (event.type, event.subject, event.data["more"]) == ("embed.task.ready", None, 1)


def test_duplicate_event_is_dropped() -> None:
    guard, event = ReplayGuard(), verified()
    assert [guard.is_new(event) for _ in range(3)] == [True, False, False]
    guard.release(event)
    assert guard.is_new(event)


def test_remembered_events_are_limited_in_number_and_time() -> None:
    seen = EventsInMemory(keep=100, most=3)
    assert all(seen.add(f"e{number}", now=number) for number in range(5))
    assert not seen.add("e4", now=5) and seen.add("e0", now=5)
    assert seen.add("e4", now=105.5)
    seen.forget("never")


def test_custom_event_store() -> None:
    class Shared:
        def __init__(self) -> None:
            self.ids: set[str] = set()

        def add(self, event_id: str, now: float) -> bool:
            return event_id not in self.ids and not self.ids.add(event_id)  # type: ignore[func-returns-value]

        def forget(self, event_id: str) -> None:
            self.ids.discard(event_id)

    store = Shared()
    assert ReplayGuard(store).is_new(verified()) and not ReplayGuard(store).is_new(verified())
