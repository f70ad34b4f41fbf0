"""The manifest: what a result is, where it comes from, and how to tell that its files are whole.

A reader takes the manifest first, then the files that it names, and compares their SHA-256. Where one differs, the
result was replaced meanwhile: read the manifest again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

import pendulum

from twelvelabs_provider import __version__
from twelvelabs_provider.storage.layout import Place
from twelvelabs_provider.storage.locations import PACKAGE, redact_url
from twelvelabs_provider.version_compat import map_index_of

SCHEMA_VERSION = 1
"""Raised when a reader of the former manifest would misread the new one."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Origin(StrEnum):
    """Who made the words."""

    OCR = "ocr"
    SPEECH = "speech"
    GIVEN = "given"
    GENERATED = "generated"
    SERVICE = "service"


@dataclass(frozen=True)
class Provenance:
    """The task instance that published."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    @classmethod
    def of(cls, ti: Any) -> Provenance:
        """The task instance of a context."""
        return cls(ti.dag_id, ti.run_id, ti.task_id, map_index_of(ti))

    def file_stem(self) -> str:
        """Return a file stem that no other task instance has; the same for every attempt.

        The digest separates instances whose ids read the same once they are joined.
        """
        ids = "\0".join((self.dag_id, self.run_id, self.task_id, str(self.map_index)))
        return f"{self.run_id}.{self.task_id}-{hashlib.sha256(ids.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Answer:
    """What lets a later task tell that a result answers its question, and return the same.

    :param question: digest of all that the question consists of.
    :param request: digest of the task instance that asked, the same for its retries and another after a clear.
    :param result: what the task returns besides the files: small, plain JSON.
    """

    question: str
    request: str
    result: Mapping[str, Any]

    def described(self) -> Mapping[str, Any]:
        """The manifest's entries."""
        return {"question": self.question, "request": self.request, "result": dict(self.result)}


class Facts(Protocol):
    """What the publishing task knows about a result, of whichever kind."""

    @property
    def provenance(self) -> Provenance:
        """The task instance."""

    def described(self) -> Mapping[str, Any]:
        """The manifest's entries between its kind and its counts."""


@dataclass(frozen=True)
class ManifestFacts:
    """What the publishing task knows about the segments of a video.

    :param source_uri: where the video came from; a query string is dropped.
    :param index_id: None for an asset that is in no index.
    :param video_id: id of the video (or asset, where there is no video).
    :param origin: who made the words.
    :param provenance: the task instance.
    :param duration: seconds.
    :param options: what was asked for; URLs among the values lose their query strings.
    :param prompt_hash: digest of the prompt of a generated result.
    :param window_start: first second that was asked for, None for the beginning.
    :param window_end: last second that was asked for, None for the end.
    :param billed: minutes and tokens, None where nothing was billed.
    :param answer: of a result that is billed.
    """

    source_uri: str
    index_id: str | None
    video_id: str
    origin: Origin
    provenance: Provenance
    asset_id: str | None = None
    duration: float | None = None
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    prompt_hash: str | None = None
    window_start: float | None = None
    window_end: float | None = None
    billed: Mapping[str, Any] | None = None
    answer: Answer | None = None

    def described(self) -> Mapping[str, Any]:
        """The manifest's entries about the video and what was asked of it."""
        return {
            "origin": self.origin,
            "source": {"uri": redact_url(self.source_uri)},
            "index_id": self.index_id,
            "video_id": self.video_id,
            "asset_id": self.asset_id,
            "duration": self.duration,
            "window": {"start": self.window_start, "end": self.window_end},
            "model": self.model,
            "options": without_secrets(self.options),
            "prompt_hash": self.prompt_hash,
            "billed": self.billed,
            **(self.answer.described() if self.answer else {}),
        }


@dataclass(frozen=True)
class FileRecord:
    """One data file, as it was written."""

    format: str
    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Published:
    """What was published and where.

    :param manifest_uri: address of the manifest, without connection id or credential.
    :param files: format to address.
    :param rows: rows in each file.
    :param bytes: size of the data files together.
    """

    manifest_uri: str
    files: Mapping[str, str]
    rows: int
    bytes: int

    def as_xcom(self) -> dict[str, Any]:
        """Small and plain, fit for an XCom."""
        return {"manifest": self.manifest_uri, "files": dict(self.files), "rows": self.rows, "bytes": self.bytes}


def render_manifest(place: Place, facts: Facts, files: Sequence[FileRecord], rows: int) -> bytes:
    """The manifest's JSON.

    :param rows: rows in each data file.
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "kind": str(place.kind),
        **facts.described(),
        "rows": rows,
        "bytes": sum(file.bytes for file in files),
        "files": [asdict(file) for file in files],
        "provenance": asdict(facts.provenance),
        "provider": {"package": PACKAGE, "version": __version__},
        "published_at": pendulum.now("UTC").to_iso8601_string(),
    }
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False, default=str)
    return text.encode("utf-8", errors="replace") + b"\n"


def without_secrets(value: Any) -> Any:
    """A value of a manifest; URLs in it lose their query strings."""
    if isinstance(value, str):
        return redact_url(value) if "://" in value else value
    if isinstance(value, Mapping):
        return {str(name): without_secrets(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [without_secrets(inner) for inner in value]
    return value
