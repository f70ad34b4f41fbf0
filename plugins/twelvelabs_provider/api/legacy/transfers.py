"""Imports from the user's bucket in v1.1 and v1.2: lists of objects, and integrations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from types import MappingProxyType
from typing import Any, TypeVar

import pendulum

from twelvelabs_provider.api.call import (
    Call,
    FilePart,
    FormBody,
    Method,
    RateCategory,
    get,
    nothing,
    only_in,
    path_of,
    post,
)
from twelvelabs_provider.api.models import Json
from twelvelabs_provider.api.reading import as_object, reason_from, text_from
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import moment_from
from twelvelabs_provider.api.version import LEGACY, ApiVersion

T = TypeVar("T")
_NOTHING: Json = MappingProxyType({})
_INSTEAD = (
    "import_files() imports through a connection (v1.3), and every generation fetches a file by its presigned URL"
)

RUNNING = ("validating", "pending", "queued", "indexing")
"""The lists of a transfer whose videos are still on their way."""


@dataclass(frozen=True)
class Transfer:
    """One object of a bucket that is to be indexed.

    :param object: its address, ``s3://bucket/key.mp4``.
    :param transcription: the address of its SRT or VTT.
    :param language: of the speech.
    """

    index_id: str
    object: str
    transcription: str | None = None
    language: str = "en"

    def body(self) -> dict[str, str]:
        """Return the entry of the list that is sent."""
        entry = {"index_id": self.index_id, "language": self.language, "object": self.object}
        return {**entry, "transcription": self.transcription} if self.transcription else entry


@dataclass(frozen=True)
class TransferredFile(Answer):
    """A file of an integration, as a transfer left it.

    :param status: the list that it is in: ``ready``, ``failed``, one of :data:`RUNNING`, or ``not_imported``.
    """

    filename: str
    status: str
    video_id: str | None = None
    error: str | None = None
    created_at: pendulum.DateTime | None = None


@dataclass(frozen=True)
class TransferStatus(Answer):
    """Where all files of an integration stand in one index."""

    files: tuple[TransferredFile, ...]

    @property
    def is_running(self) -> bool:
        """Whether a video is still in progress."""
        return any(file.status in RUNNING for file in self.files)

    @property
    def newest(self) -> pendulum.DateTime | None:
        """When the newest video came, by the service's clock."""
        return max((file.created_at for file in self.files if file.created_at), default=None)


@dataclass(frozen=True)
class StartedTransfer(Answer):
    """What an import began with.

    :param files: the videos that it made, and the files that it could not take (``failed``).
    """

    files: tuple[TransferredFile, ...]


@dataclass(frozen=True)
class TransferLog(Answer):
    """One import of an integration.

    :param counts: status to number of videos.
    :param failed_files: what could not be taken at all.
    """

    index_id: str | None
    index_name: str | None
    created_at: pendulum.DateTime | None
    ended_at: pendulum.DateTime | None
    counts: Mapping[str, int]
    failed_files: tuple[TransferredFile, ...]
    raw: Json = field(repr=False, default_factory=lambda: _NOTHING)


def create_transfers(transfers: Sequence[Transfer]) -> Call[None]:
    """Return the call that indexes objects of a bucket; it names no task, they are found by index and file name.

    It is billed and the service does not detect duplicates, so it is never repeated automatically.
    """
    content = json.dumps([transfer.body() for transfer in transfers]).encode()
    part = FilePart("transfers.json", lambda: BytesIO(content), len(content), "application/json")
    body = FormBody((("file", part),))
    call = Call(Method.POST, "/tasks/transfers", nothing, body=body, category=RateCategory.INDEX)
    return only_in(call, *LEGACY, instead="index each file by its presigned URL, or import it through a connection")


def start_transfer_import(
    integration_id: str,
    index_id: str,
    *,
    incremental: bool = True,
    retry_failed: bool = False,
    user_metadata: Mapping[str, Any] | None = None,
) -> Call[StartedTransfer]:
    """Return the call that indexes the files of an integration; files that the index has already are left out.

    The service compares their content, so a repeat is safe.

    :param incremental: only files that were not imported before.
    :param retry_failed: those too whose earlier import failed.
    """
    body = {
        "index_id": index_id,
        "incremental_import": incremental,
        "retry_failed": retry_failed,
        "user_metadata": dict(user_metadata) if user_metadata else None,
    }
    return _only_v1_2(post(_path(integration_id), _started, body, repeatable=True, category=RateCategory.INDEX))


def read_transfer_status(integration_id: str, index_id: str) -> Call[TransferStatus]:
    """Return the call for where the files of an integration stand in an index."""
    return _only_v1_2(get(_path(integration_id, "status"), _status, {"index_id": index_id}))


def read_transfer_logs(integration_id: str) -> Call[tuple[TransferLog, ...]]:
    """Return the call for the imports of an integration."""
    return _only_v1_2(get(_path(integration_id, "logs"), _logs))


def _path(integration_id: str, *below: str) -> str:
    return path_of("tasks", "transfers", "import", integration_id, *below)


def _only_v1_2(call: Call[T]) -> Call[T]:
    return only_in(call, ApiVersion.V1_2, instead=_INSTEAD)


def _started(answer: Any) -> StartedTransfer:
    raw = as_object(answer, "a transfer")
    made = [_file(entry, "validating") for entry in raw.get("videos") or ()]
    return StartedTransfer((*made, *_failed_files(raw)))


def _status(answer: Any) -> TransferStatus:
    raw = as_object(answer, "the status of a transfer")
    lists = {status: entries for status, entries in raw.items() if isinstance(entries, list)}
    return TransferStatus(tuple(_file(entry, status) for status, entries in lists.items() for entry in entries))


def _logs(answer: Any) -> tuple[TransferLog, ...]:
    return tuple(_log(entry) for entry in as_object(answer, "the logs of a transfer").get("data") or ())


def _log(answer: Any) -> TransferLog:
    raw = as_object(answer, "a log of a transfer")
    return TransferLog(
        index_id=raw.get("index_id"),
        index_name=raw.get("index_name"),
        created_at=moment_from(raw.get("created_at")),
        ended_at=moment_from(raw.get("ended_at")),
        counts={status: int(count or 0) for status, count in (raw.get("video_status") or {}).items()},
        failed_files=_failed_files(raw),
        raw=raw,
    )


def _failed_files(raw: Json) -> tuple[TransferredFile, ...]:
    return tuple(_file(entry, "failed") for entry in raw.get("failed_files") or ())


def _file(answer: Any, status: str) -> TransferredFile:
    """What was not imported is named by its file name alone."""
    if isinstance(answer, str):
        return TransferredFile(answer, status)
    raw = as_object(answer, "a file of a transfer")
    return TransferredFile(
        filename=text_from(raw, "filename", "a file of a transfer"),
        status=status,
        video_id=raw.get("video_id"),
        error=reason_from(raw.get("error_message")),
        created_at=moment_from(raw.get("created_at")),
    )
