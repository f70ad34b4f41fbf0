"""Imports from the user's bucket in v1.1 and v1.2: lists of objects, and integrations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
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
from twelvelabs_provider.api.service_model import (
    NO_FIELDS,
    Count,
    Moment,
    ServiceModel,
    Shown,
    Text,
    as_object,
    named,
)
from twelvelabs_provider.api.version import LEGACY, ApiVersion

T = TypeVar("T")
_INSTEAD = (
    "import_files() imports through a connection (v1.3), and every generation fetches a file by its presigned URL"
)

RUNNING = ("validating", "pending", "queued", "indexing")
"""Lists of a transfer whose videos are in progress."""


@dataclass(frozen=True)
class Transfer:
    """One object of a bucket to index.

    :param object: its URL, ``s3://bucket/key.mp4``.
    :param transcription: the URL of its SRT or VTT.
    :param language: of the speech.
    """

    index_id: str
    object: str
    transcription: str | None = None
    language: str = "en"

    def body(self) -> dict[str, str]:
        """Return the JSON object of the entry."""
        entry = {"index_id": self.index_id, "language": self.language, "object": self.object}
        return {**entry, "transcription": self.transcription} if self.transcription else entry


class TransferredFile(ServiceModel):
    """A file of an integration after a transfer.

    :param status: the list that contains it: ``ready``, ``failed``, one of :data:`RUNNING`, or ``not_imported``.
    """

    filename: str
    status: str
    video_id: Text = None
    error: Shown = named("error_message", default=None)
    created_at: Moment = None


class TransferStatus(ServiceModel):
    """The files of an integration in one index."""

    files: tuple[TransferredFile, ...]

    @property
    def is_running(self) -> bool:
        """Whether a video is still in progress."""
        return any(file.status in RUNNING for file in self.files)

    @property
    def newest(self) -> pendulum.DateTime | None:
        """When the newest video was created, by the service's clock."""
        return max((file.created_at for file in self.files if file.created_at), default=None)


class StartedTransfer(ServiceModel):
    """The start of an import.

    :param files: the created videos, and the refused files (``failed``).
    """

    files: tuple[TransferredFile, ...]


class TransferLog(ServiceModel):
    """One import of an integration.

    :param counts: number of videos by status.
    """

    index_id: Text = None
    index_name: Text = None
    created_at: Moment = None
    ended_at: Moment = None
    counts: Mapping[str, Count] = named("video_status", default=NO_FIELDS)
    failed_files: tuple[TransferredFile, ...] = ()

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        return {**body, "failed_files": _files("failed", body.get("failed_files"))}


def create_transfers(transfers: Sequence[Transfer]) -> Call[None]:
    """Return the call that indexes objects of a bucket. It returns no tasks; find them by index and file name.

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
    """Return the call that indexes the files of an integration, without those that the index already has.

    The service compares their content, so a repeat is safe.

    :param incremental: only files that were not imported before.
    :param retry_failed: also files whose earlier import failed.
    """
    body = {
        "index_id": index_id,
        "incremental_import": incremental,
        "retry_failed": retry_failed,
        "user_metadata": dict(user_metadata) if user_metadata else None,
    }
    return _only_v1_2(post(_path(integration_id), _started, body, repeatable=True, category=RateCategory.INDEX))


def read_transfer_status(integration_id: str, index_id: str) -> Call[TransferStatus]:
    """Return the call for the status of the files of an integration in an index."""
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
    files = [*_files("validating", raw.get("videos")), *_files("failed", raw.get("failed_files"))]
    return StartedTransfer(files=tuple(files))


def _status(answer: Any) -> TransferStatus:
    lists = as_object(answer, "the status of a transfer").items()
    files = [
        file.model_copy(update={"status": status})
        for status, entries in lists
        if isinstance(entries, list)
        for file in _files(status, entries)
    ]
    return TransferStatus(files=tuple(files))


def _logs(answer: Any) -> tuple[TransferLog, ...]:
    return tuple(map(TransferLog.read, as_object(answer, "the logs of a transfer").get("data") or ()))


def _files(status: str, entries: Any) -> list[TransferredFile]:
    """Return the files of one list; the service names those that it did not import by their file name alone."""
    named_entries = [{"filename": entry} if isinstance(entry, str) else entry for entry in entries or ()]
    return [
        entry
        if isinstance(entry, TransferredFile)
        else TransferredFile.read({"status": status, **as_object(entry, "a file of a transfer")})
        for entry in named_entries
    ]
