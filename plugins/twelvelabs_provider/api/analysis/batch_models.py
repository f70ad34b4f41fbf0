"""What the service answers about analysis batches, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pendulum

from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Json
from twelvelabs_provider.api.reading import as_object, identifier, optional_text, reason_from, text_from
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import moment_from

_NOTHING: Json = {}


class BatchStatus(StrEnum):
    """Where a batch stands; ``completed`` says that every item has ended, not how."""

    PENDING = "pending"
    PROCESSING = "processing"
    CANCELING = "canceling"
    COMPLETED = "completed"
    CANCELED = "canceled"
    EXPIRED = "expired"


ACTIVE = (BatchStatus.PENDING, BatchStatus.PROCESSING, BatchStatus.CANCELING)
"""Statuses that count against :data:`MOST_ACTIVE`."""


class ItemStatus(StrEnum):
    """Where an item stands; an item of a batch that expired counts as canceled."""

    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True)
class CreatedItem(Answer):
    """The analysis task that an item became."""

    task_id: str
    custom_id: str | None


@dataclass(frozen=True)
class CreatedBatch(Answer):
    """A batch that was taken."""

    id: str
    status: str
    total_items: int
    expires_at: pendulum.DateTime | None
    items: tuple[CreatedItem, ...]
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class WebhookReport(Answer):
    """How the announcement to one webhook went."""

    url: str = field(repr=False)
    delivered: bool
    attempts: int
    last_error: str | None = None


@dataclass(frozen=True)
class AnalysisBatch(Answer):
    """Where a batch stands, and how many of its items stand where.

    :param ended_at: when it was completed, canceled, or expired.
    """

    id: str
    status: str
    mode: str
    model: str
    total_items: int
    queued_items: int
    processing_items: int
    ready_items: int
    failed_items: int
    canceled_items: int
    created_at: pendulum.DateTime | None
    expires_at: pendulum.DateTime | None
    ended_at: pendulum.DateTime | None
    webhooks: tuple[WebhookReport, ...] = ()
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)

    @property
    def active(self) -> bool:
        """Whether it counts against the account's limit; a status that is not known does."""
        return self.status not in (BatchStatus.COMPLETED, BatchStatus.CANCELED, BatchStatus.EXPIRED)

    @property
    def fruitless(self) -> bool:
        """Whether it ended before anything was done (or billed): sending the same again pays for nothing twice."""
        done = self.ready_items + self.failed_items
        return not done and self.status in (BatchStatus.CANCELED, BatchStatus.EXPIRED)


@dataclass(frozen=True)
class Usage(Answer):
    """Tokens of one answer."""

    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True)
class BatchItemResult(Answer):
    """What became of one item.

    :param data: the answer, a JSON text where a response format was asked for; None unless ``ready``.
    :param finish_reason: ``stop``, or ``length`` for an answer that was cut off.
    :param error_code: the service's word for a failure, where it says one.
    """

    task_id: str
    custom_id: str | None
    status: str
    data: str | None = None
    finish_reason: str | None = None
    generation_id: str | None = None
    usage: Usage | None = None
    error_code: str | None = None
    error_message: str | None = None
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


def created_batch_from(answer: Any) -> CreatedBatch:
    """Read the answer to a new batch."""
    raw = as_object(answer, "the new batch")
    items = tuple(
        CreatedItem(identifier(item, "an item of the new batch", "task_id"), item.get("custom_id"))
        for item in raw.get("items") or ()
    )
    return CreatedBatch(
        id=identifier(raw, "the new batch", "batch_id", "_id"),
        status=text_from(raw, "status", "the new batch"),
        total_items=_count(raw, "total_items"),
        expires_at=moment_from(raw.get("expires_at")),
        items=items,
        raw=raw,
    )


def batch_from(answer: Any) -> AnalysisBatch:
    """Read a batch."""
    raw = as_object(answer, "a batch")
    ended = raw.get("completed_at") or raw.get("canceled_at") or raw.get("expired_at")
    return AnalysisBatch(
        id=identifier(raw, "a batch", "batch_id", "_id"),
        status=text_from(raw, "status", "a batch"),
        mode=str(raw.get("analysis_mode") or ""),
        model=str(raw.get("model_name") or ""),
        total_items=_count(raw, "total_items"),
        queued_items=_count(raw, "queued_items"),
        processing_items=_count(raw, "processing_items"),
        ready_items=_count(raw, "ready_items"),
        failed_items=_count(raw, "failed_items"),
        canceled_items=_count(raw, "canceled_items"),
        created_at=moment_from(raw.get("created_at")),
        expires_at=moment_from(raw.get("expires_at")),
        ended_at=moment_from(ended),
        webhooks=tuple(webhook_report_from(entry) for entry in raw.get("webhooks") or ()),
        raw=raw,
    )


def webhook_report_from(answer: Any) -> WebhookReport:
    """Read how the announcement to one webhook went."""
    raw = as_object(answer, "a webhook's delivery")
    return WebhookReport(
        text_from(raw, "url", "a webhook's delivery"),
        bool(raw.get("delivered")),
        int(raw.get("attempts") or 0),
        reason_from(raw.get("last_error")),
    )


def item_result_from(answer: Any) -> BatchItemResult:
    """Read one line of a batch's results."""
    raw = as_object(answer, "a batch's result")
    result, error = _part(raw, "data"), _part(raw, "error")
    usage = result.get("usage")
    return BatchItemResult(
        task_id=identifier(raw, "a batch's result", "task_id"),
        custom_id=optional_text(raw.get("custom_id")),
        status=text_from(raw, "status", "a batch's result"),
        data=optional_text(result.get("data")),
        finish_reason=optional_text(result.get("finish_reason")),
        generation_id=optional_text(result.get("generation_id")),
        usage=_usage_from(usage),
        error_code=reason_from(error.get("code")),
        error_message=reason_from(error.get("message")),
        raw=raw,
    )


def _usage_from(value: Any) -> Usage | None:
    """Read the tokens; what is no whole number counts as not said."""
    if not isinstance(value, Mapping):
        return None
    counts = [value.get(name) for name in ("input_tokens", "output_tokens")]
    return Usage(*(count if isinstance(count, int) and not isinstance(count, bool) else None for count in counts))


def _part(raw: Json, name: str) -> Json:
    part = raw.get(name)
    return part if isinstance(part, Mapping) else {}


def _count(raw: Json, name: str) -> int:
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TwelveLabsAnswerError(f"the service's answer for a batch has no count {name}: {value!r}")
    return value
