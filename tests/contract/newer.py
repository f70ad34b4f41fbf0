"""Calls of the service that its OpenAPI description of July 2026 lacks, each with a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPERATIONS: Mapping[str, str] = {
    "GET /assets/{asset_id}/transcription": "in the vendor's client 1.3.6: assets.transcription",
    "POST /analyze/tasks/{task_id}/cancel": "in the vendor's client 1.3.6: analyze_async.tasks.cancel",
}
"""Operations that the contract does not have."""


@dataclass(frozen=True)
class Value:
    """A value that an enumeration of the contract does not list.

    :param schema: the name of the enumeration among the contract's components.
    """

    schema: str
    value: str
    reason: str


@dataclass(frozen=True)
class Field:
    """A property that an object of the contract does not have.

    :param schema: the name of the object among the contract's components, or the operation whose request body it is in.
    :param definition: its own JSON schema.
    """

    schema: str
    name: str
    definition: Mapping[str, Any]
    reason: str


_CLIENT = "in the vendor's client 1.3.6"
VALUES: tuple[Value, ...] = (
    Value("AssetMethod", "connector", "in the vendor's client 1.3.6: types.AssetMethod"),
    Value("AssetDetailMethod", "connector", "in the vendor's client 1.3.6: types.AssetDetailMethod"),
    Value("IndexedAssetStatus", "validating", _CLIENT),
    Value("IndexedAssetDetailedStatus", "validating", _CLIENT),
    Value("AnalyzeTaskStatus", "canceled", f"{_CLIENT}, with the call that cancels"),
    Value("AnalyzePostRequestBodyContentApplicationJsonSchemaModelName", "pegasus1.6", _CLIENT),
    Value("CreateAsyncAnalyzeRequestModelName", "pegasus1.6", _CLIENT),
    Value("CreateEmbeddingsRequestModelName", "marengo3.5", _CLIENT),
    Value("CreateAsyncEmbeddingRequestModelName", "marengo3.5", _CLIENT),
    Value("CreateAsyncEmbeddingRequestInputType", "image", _CLIENT),
    Value("CreateAsyncEmbeddingRequestInputType", "document", _CLIENT),
    Value("EmbeddingDataEmbeddingOption", "text", _CLIENT),
    Value("SegmentFieldType", "time_array", _CLIENT),
)
FIELDS: tuple[Field, ...] = (
    Field(
        "ImportItem",
        "action",
        {"type": "string", "enum": ["created", "skipped", "retried", "rejected"]},
        "in the vendor's client 1.3.6: types.ImportItem",
    ),
    Field("POST /responses", "stream", {"type": "boolean"}, f"{_CLIENT}: responses.create is answered at once"),
)

STATUSES: Mapping[int, str] = {
    204: "deletes and changes answer 204 in earlier contracts and in the vendor's samples, 200 in this one",
    401: "documented for all calls at once: the key is missing, wrong or expired",
    403: "documented for all calls at once: the plan or the owner does not permit it",
    404: "documented for all calls at once: the id in the path is unknown",
    429: "documented for all calls at once: a limit is reached",
}
"""Statuses that a call may answer although its own description does not list them."""

ANSWERS: Mapping[str, Mapping[str, str]] = {
    "POST /responses": {"application/json": f"{_CLIENT}: responses.create is answered at once"},
}
"""Content types of a success that a call's own description does not list, by operation and type, with the reason.
Their bodies are not judged."""
