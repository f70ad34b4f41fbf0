"""Rows as typed values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.database import Row

TERMINAL = ("ready", "failed")
"""Statuses of assets, tasks and videos that do not change any more."""


@dataclass(frozen=True)
class Model:
    """A model of an index with its options, whatever the generation calls them."""

    name: str
    options: Sequence[str]


class _Record:
    """Reads a row whose columns have the names of the fields; the JSON columns are decoded."""

    _json: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a row."""
        values: dict[str, Any] = {}
        for field in fields(cls):  # type: ignore[arg-type]
            value = row[field.name]
            if field.name in cls._json and value is not None:
                value = json.loads(value)
            values[field.name] = value
        return cls(**values)


@dataclass(frozen=True)
class Index(_Record):
    """An index."""

    _json = ("models", "addons")
    id: str
    name: str
    legacy: int
    models: Sequence[Any]
    addons: Sequence[str]
    created_at: str
    updated_at: str

    def named_models(self) -> list[Model]:
        """Return the models with their options."""
        return [Model(item["name"], item["options"]) for item in self.models]


@dataclass(frozen=True)
class Asset(_Record):
    """An uploaded or fetched file."""

    _json = ("probe", "user_metadata")
    id: str
    method: str
    status: str
    filename: str
    url: str | None
    size_limit: int
    implicit: int
    sha256: str | None
    file_type: str | None
    probe: Mapping[str, Any] | None
    user_metadata: Mapping[str, Any]
    error_code: str | None
    error_message: str | None
    transcription_error: str | None
    created_at: str
    updated_at: str

    def probed(self) -> Probe | None:
        """Return what is known about the content, once it is."""
        return Probe(**self.probe) if self.probe else None


@dataclass(frozen=True)
class Video(_Record):
    """A video in an index: the service's video and indexed asset."""

    _json = ("user_metadata", "subtitles")
    id: str
    index_id: str
    asset_id: str
    legacy: int
    status: str
    progress: float
    filename: str
    duration: float | None
    fps: float | None
    width: int | None
    height: int | None
    size: int | None
    title: str | None
    user_metadata: Mapping[str, Any]
    subtitles_url: str | None
    subtitles: Sequence[SegmentRow] | None
    error_code: str | None
    error_message: str | None
    created_at: str
    updated_at: str
    indexed_at: str | None


@dataclass(frozen=True)
class Task(_Record):
    """An indexing task: an upload and the indexing of it."""

    id: str
    index_id: str
    video_id: str
    status: str
    filename: str
    duration: float | None
    width: int | None
    height: int | None
    error_code: str | None
    error_message: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Analysis(_Record):
    """An asynchronous analysis task."""

    _json = ("request", "result")
    id: str
    asset_id: str
    status: str
    custom_id: str | None
    analysis_mode: str
    video_url: str | None
    request: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error_message: str | None
    created_at: str
    completed_at: str | None


@dataclass(frozen=True)
class Job(_Record):
    """Work that the worker still has to do."""

    id: int
    lane: str
    kind: str
    subject: str
    crashes: int
