"""Models of analysis batches and of their results."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field, StrictInt

from twelvelabs_provider.api.analysis.usage import Usage
from twelvelabs_provider.api.service_model import (
    Count,
    Identifier,
    Moment,
    ServiceModel,
    Shown,
    Text,
    named,
    part_of,
)


class BatchStatus(StrEnum):
    """Status of a batch; ``completed`` means that every item has ended, with or without success."""

    PENDING = "pending"
    PROCESSING = "processing"
    CANCELING = "canceling"
    COMPLETED = "completed"
    CANCELED = "canceled"
    EXPIRED = "expired"


ACTIVE = (BatchStatus.PENDING, BatchStatus.PROCESSING, BatchStatus.CANCELING)
"""Statuses that count against :data:`MOST_ACTIVE`."""


class ItemStatus(StrEnum):
    """Status of an item; an item of an expired batch counts as canceled."""

    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    CANCELED = "canceled"


class CreatedItem(ServiceModel):
    """The analysis task of an item."""

    task_id: Identifier
    custom_id: str | None = None


class CreatedBatch(ServiceModel):
    """A batch that the service accepted."""

    id: Identifier = named("batch_id", "_id", "id")
    status: str
    total_items: StrictInt
    expires_at: Moment = None
    items: tuple[CreatedItem, ...] = ()


class WebhookReport(ServiceModel):
    """The delivery to one webhook."""

    url: str = Field(repr=False)
    delivered: bool = False
    attempts: Count = 0
    last_error: Shown = None


class AnalysisBatch(ServiceModel):
    """A batch, and how many of its items have each status.

    :param ended_at: when it was completed or canceled, or expired.
    """

    id: Identifier = named("batch_id", "_id", "id")
    status: str
    mode: str = named("analysis_mode", default="")
    model: str = named("model_name", default="")
    total_items: StrictInt
    queued_items: StrictInt
    processing_items: StrictInt
    ready_items: StrictInt
    failed_items: StrictInt
    canceled_items: StrictInt
    created_at: Moment = None
    expires_at: Moment = None
    ended_at: Moment = named("completed_at", "canceled_at", "expired_at", default=None)
    webhooks: tuple[WebhookReport, ...] = ()

    @property
    def active(self) -> bool:
        """Whether it counts against the account's limit; an unknown status does."""
        return self.status not in (BatchStatus.COMPLETED, BatchStatus.CANCELED, BatchStatus.EXPIRED)

    @property
    def fruitless(self) -> bool:
        """Whether it ended before any work, so that another submission bills nothing twice."""
        done = self.ready_items + self.failed_items
        return not done and self.status in (BatchStatus.CANCELED, BatchStatus.EXPIRED)


class BatchItemResult(ServiceModel):
    """The result of one item.

    :param data: the answer, a JSON text if a response format was requested; None unless ``ready``.
    :param finish_reason: ``stop``, or ``length`` for an answer that was cut off.
    :param error_code: of a failure, if the service gives one.
    """

    task_id: Identifier
    custom_id: Text = None
    status: str
    data: Text = None
    finish_reason: Text = None
    generation_id: Text = None
    usage: Usage | None = None
    error_code: Shown = None
    error_message: Shown = None

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        error = part_of(body, "error")
        found = {"error_code": error.get("code"), "error_message": error.get("message"), **body}
        if isinstance(result := body.get("data"), dict):
            usage = result.get("usage")
            found |= {name: result.get(name) for name in ("data", "finish_reason", "generation_id")}
            found["usage"] = usage if isinstance(usage, dict) else None
        return found
