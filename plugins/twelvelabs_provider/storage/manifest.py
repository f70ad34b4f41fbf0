"""Manifest of a result: what it is, where it comes from, and the digests of its files.

Read the manifest first, then its files, and compare their SHA-256. If one differs, the result was replaced meanwhile:
read the manifest again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pendulum

from twelvelabs_provider import __version__
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.locations import PACKAGE, Location, redact_url
from twelvelabs_provider.storage.rows import RowSchema
from twelvelabs_provider.version_compat import map_index_of

SCHEMA_VERSION = 1
"""Raised when a reader of the former manifest would misread the new one."""

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Origin(StrEnum):
    """Origin of the content of a result."""

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
        """Return the task instance of a context."""
        return cls(ti.dag_id, ti.run_id, ti.task_id, map_index_of(ti))

    def file_stem(self) -> str:
        """Return a file stem that no other task instance has; the same for every attempt.

        The digest separates instances whose joined ids are equal.
        """
        ids = "\0".join((self.dag_id, self.run_id, self.task_id, str(self.map_index)))
        return f"{self.run_id}.{self.task_id}-{hashlib.sha256(ids.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Answer:
    """Identity of a billed result, by which a later task finds and reuses it.

    :param question: digest of all parts of the question.
    :param request: digest of the task instance that asked, equal for its retries and different after a clear.
    :param result: what the task returns besides the files: small, plain JSON.
    """

    question: str
    request: str
    result: Mapping[str, Any]

    def as_entries(self) -> dict[str, Any]:
        """Return the manifest's entries."""
        return {"question": self.question, "request": self.request, "result": dict(self.result)}


@dataclass(frozen=True)
class ResultFacts:
    """Manifest entries that the publishing task knows. Missing ones are ``null`` in the manifest.

    :param provenance: the task instance; ``Provenance.of(context["ti"])``.
    :param origin: how the content was made.
    :param source_uri: the input, where it is one file or URL; its query string is removed.
    :param index_id: the index, where there is one.
    :param video_id: the video (or asset), where the result is about one.
    :param duration: seconds of the video.
    :param window: ``start`` and ``end`` of the request in seconds, None for the beginning and the end.
    :param model: the model that responded.
    :param options: options of the request; URLs among the values lose their query strings.
    :param prompt_hash: digest of the prompt of a generated result.
    :param billed: minutes and tokens, None where nothing was billed.
    :param details: further entries of the kind (counts, ids); URLs lose their query strings.
    :param answer: identity of a billed result.
    """

    provenance: Provenance
    origin: Origin = Origin.SERVICE
    source_uri: str | None = None
    index_id: str | None = None
    video_id: str | None = None
    asset_id: str | None = None
    duration: float | None = None
    window: Mapping[str, float | None] | None = None
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    prompt_hash: str | None = None
    billed: Mapping[str, Any] | None = None
    details: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    answer: Answer | None = None

    @classmethod
    def repeated(cls, manifest: Mapping[str, Any], provenance: Provenance) -> ResultFacts:
        """Return the facts of a published result, for publishing it again in another task instance.

        :param manifest: the manifest of the published result.
        """
        source, question = manifest.get("source"), manifest.get("question")
        identity = (manifest.get("request") or "", manifest.get("result") or {})
        return cls(
            provenance,
            manifest.get("origin") or Origin.SERVICE,
            source_uri=source.get("uri") if isinstance(source, Mapping) else None,
            options=manifest.get("options") or {},
            details={name: value for name, value in manifest.items() if name not in _ENTRIES},
            answer=Answer(question, *identity) if question else None,
            **{name: manifest.get(name) for name in _PLAIN},
        )

    def as_entries(self) -> dict[str, Any]:
        """Return the manifest's entries between its kind and its counts."""
        return {
            "origin": self.origin,
            "source": {"uri": redact_url(self.source_uri)} if self.source_uri else None,
            **{name: getattr(self, name) for name in _PLAIN},
            "options": without_secrets(self.options),
            **without_secrets(self.details),
            **(self.answer.as_entries() if self.answer else {}),
        }


_PLAIN = ("index_id", "video_id", "asset_id", "duration", "window", "model", "prompt_hash", "billed")
_PER_PUBLICATION = (
    "schema_version", "kind", "schema", "columns", "rows", "bytes", "files", "provenance", "provider", "published_at",
)  # fmt: skip
_ENTRIES = frozenset({"origin", "source", "options", "question", "request", "result", *_PLAIN, *_PER_PUBLICATION})


@dataclass(frozen=True)
class FileRecord:
    """One data file, as it was written."""

    format: str
    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Published:
    """Addresses and counts of a published result.

    :param manifest_uri: address of the manifest, without connection id or credential.
    :param files: format to address.
    :param rows: rows in each file.
    :param bytes: size of the data files together.
    :param conn_id: the Airflow connection of the output; empty if it names none.
    """

    manifest_uri: str
    files: Mapping[str, str]
    rows: int
    bytes: int
    conn_id: str = ""

    def as_xcom(self) -> dict[str, Any]:
        """Return a small, plain mapping for an XCom, with addresses that the next task can open."""
        files = {format: self.address(uri) for format, uri in self.files.items()}
        return {"manifest": self.address(self.manifest_uri), "files": files, "rows": self.rows, "bytes": self.bytes}

    def address(self, uri: str) -> str:
        """Return the address of a file with the connection of the output."""
        return Location.parse(uri).with_connection(self.conn_id).value if self.conn_id else uri


def render_manifest(
    path: ResultPath, facts: ResultFacts, schema: RowSchema | None, files: Sequence[FileRecord], rows: int
) -> bytes:
    """Return the manifest's JSON.

    :param schema: the columns of the rows; None for a result without rows.
    :param rows: rows in each data file.
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "kind": str(path.kind),
        "schema": schema.identity() if schema else None,
        **facts.as_entries(),
        **({"columns": schema.described()} if schema else {}),
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
    """Return a value of a manifest in which every URL has lost its query string."""
    if isinstance(value, str):
        return redact_url(value) if "://" in value else value
    if isinstance(value, Mapping):
        return {str(name): without_secrets(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [without_secrets(inner) for inner in value]
    return value
