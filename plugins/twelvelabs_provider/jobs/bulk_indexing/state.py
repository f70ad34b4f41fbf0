"""State of bulk indexing: the videos of one task and the stage of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from twelvelabs_provider.jobs.bulk_state import BulkState, EntryState, reason_of
from twelvelabs_provider.storage.locations import without_signatures


class Stage(StrEnum):
    """Stage of a video; a video without any request has no state."""

    UPLOADING = "uploading"
    """Its asset is being created, or was created and the response was lost."""
    ASSET = "asset"
    """Its asset is being prepared, or is ready to be indexed."""
    SENDING = "sending"
    """Its indexing is being requested, or was requested and the response was lost: search it before a retry."""
    RUNNING = "running"
    INDEXED = "indexed"
    REUSED = "reused"
    FAILED = "failed"


@dataclass(frozen=True)
class VideoState(EntryState):
    """State of one video.

    :param uri: the URI without secrets.
    :param attempts: failed attempts of its current step.
    :param asset_id: its asset, if the generation has assets.
    :param job_id: its indexing job: the video's id if there are assets, else the indexing task's.
    :param duration: seconds.
    :param mark: its content mark.
    :param size: bytes.
    :param at: epoch seconds at which its indexing was requested.
    :param known: indexing tasks that existed before its submission.
    :param shared: another task indexes it, or has indexed it.
    :param linked: the service fetches the file by a link that was not requested; False after that failed.
    :param borrowed: the asset existed already, so this task does not delete it.
    :param found: its response was lost, and its task was found by the file's name.
    :param doubted: it failed, and its indexing may have been requested.
    :param again: it failed, and a retry may succeed.
    :param upload: its multipart upload, to be continued.
    :param fingerprint: the content's fingerprint if the service fetches the file by a link; compared before indexing.
    :param preflight_pending: ``if_indexed`` of a video that could not be read in the preflight; it is checked before
        its upload.
    """

    stage_type = Stage
    settled_stages = frozenset({Stage.INDEXED, Stage.REUSED, Stage.FAILED})

    uri: str
    stage: Stage
    attempts: int = 0
    asset_id: str | None = None
    job_id: str | None = None
    video_id: str | None = None
    duration: float | None = None
    mark: str | None = None
    size: int | None = None
    at: float | None = None
    known: tuple[str, ...] = ()
    shared: bool = False
    linked: bool | None = None
    borrowed: bool = False
    found: bool = False
    doubted: bool = False
    again: bool = False
    error_type: str | None = None
    reason: str | None = None
    upload: Mapping[str, Any] | None = None
    preflight_pending: str | None = None
    fingerprint: str | None = None

    @property
    def minutes(self) -> float:
        """Minutes that it bills or may bill; 0 if another task pays."""
        paid = self.stage in (Stage.SENDING, Stage.RUNNING, Stage.INDEXED) or self.doubted
        return (self.duration or 0.0) / 60 if paid and not self.shared else 0.0

    def failed(self, error: BaseException, *, again: bool, doubted: bool = False) -> VideoState:
        """Return the state after a final failure of this attempt."""
        failed = replace(self, stage=Stage.FAILED, again=again, doubted=doubted, upload=None)
        return replace(failed, error_type=type(error).__name__, reason=reason_of(error))

    def for_retry(self) -> VideoState | None:
        """Return the state with which the next attempt begins; None to begin without a state."""
        if self.stage is not Stage.FAILED or not self.again:
            return self
        stage = Stage.SENDING if self.doubted else Stage.ASSET if self.asset_id else None
        if stage is None:
            return None
        return replace(self, stage=stage, attempts=0, error_type=None, reason=None, again=False, doubted=False)

    @classmethod
    def from_fields(cls, given: Mapping[str, Any]) -> Self:
        """Return the entry with some fields; JSON has no tuples."""
        return cls(**{**given, "known": tuple(given.get("known") or ())})


@dataclass
class IndexingState(BulkState[VideoState]):
    """State of all videos of one task instance; the entries are by :func:`key_of`.

    :param index_id: the index.
    :param minutes: what all videos bill, as far as their lengths are known.
    """

    entry_type = VideoState

    index_id: str
    minutes: float = 0.0


def key_of(uri: str) -> str:
    """Return the key of a video, the same for a newly signed URL."""
    return hashlib.sha256(without_signatures(uri).encode()).hexdigest()[:16]


def rows_of(keys: Iterable[str], uris: Iterable[str], state: IndexingState) -> Iterator[dict[str, Any]]:
    """Yield the outcome row of each given video.

    :param keys: the videos in the order in which they were given.
    :param uris: their URIs without secrets.
    """
    seen: set[str] = set()
    for key, uri in zip(keys, uris, strict=True):
        entry = state.entries.get(key) or VideoState(uri, Stage.FAILED, error_type="NotBegun", reason="not started")
        row = _row(entry)
        if key in seen:
            row["minutes"] = 0.0
            if entry.stage is Stage.INDEXED:
                row |= {"outcome": Stage.REUSED.value, "reason": "duplicate of an earlier video in the list"}
        seen.add(key)
        yield row


def _row(entry: VideoState) -> dict[str, Any]:
    by_task = bool(entry.job_id) and entry.asset_id is None
    return {
        "uri": entry.uri,
        "outcome": entry.stage.value if entry.settled else Stage.FAILED.value,
        "video_id": entry.video_id,
        "asset_id": entry.asset_id,
        "task_id": entry.job_id if by_task and entry.job_id != entry.video_id else None,
        "reason": entry.reason if entry.settled else "still running at the task's deadline; it continues",
        "error_type": entry.error_type if entry.settled else "TwelveLabsJobTimeoutError",
        "duration_seconds": entry.duration,
        "minutes": round(entry.minutes, 4),
    }
