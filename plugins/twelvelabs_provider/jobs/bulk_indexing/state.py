"""State of bulk indexing: the videos of one task and the stage of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self

from twelvelabs_provider.api.url_secrets import without_secrets
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.storage.locations import without_signatures

LONGEST_REASON = 500
"""Characters of a reason in a row."""


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


SETTLED = (Stage.INDEXED, Stage.REUSED, Stage.FAILED)


@dataclass(frozen=True)
class VideoState:
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
    def settled(self) -> bool:
        """Whether this attempt is done with it."""
        return self.stage in SETTLED

    @property
    def minutes(self) -> float:
        """Minutes that it bills or may bill; 0 if another task pays."""
        paid = self.stage in (Stage.SENDING, Stage.RUNNING, Stage.INDEXED) or self.doubted
        return (self.duration or 0.0) / 60 if paid and not self.shared else 0.0

    def failed(self, error: BaseException, *, again: bool, doubted: bool = False) -> VideoState:
        """Return the state after a final failure of this attempt."""
        reason = without_secrets(str(error) or type(error).__name__)[:LONGEST_REASON]
        kind = type(error).__name__
        return replace(
            self, stage=Stage.FAILED, error_type=kind, reason=reason, again=again, doubted=doubted, upload=None
        )

    def for_retry(self) -> VideoState | None:
        """Return the state with which the next attempt begins; None to begin without a state."""
        if self.stage is not Stage.FAILED or not self.again:
            return self
        stage = Stage.SENDING if self.doubted else Stage.ASSET if self.asset_id else None
        if stage is None:
            return None
        return replace(self, stage=stage, attempts=0, error_type=None, reason=None, again=False, doubted=False)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON without default values."""
        return {name: value for name, value in asdict(self).items() if value != _DEFAULTS.get(name)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`as_json` wrote; unknown fields of a later release are ignored.

        :raises ValueError: if it is something else.
        """
        try:
            given = {name: value[name] for name in _NAMES if name in value}
            return cls(**{**given, "stage": Stage(given["stage"]), "known": tuple(given.get("known") or ())})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the state of a video: {error!r}") from error


_NAMES = tuple(entry_field.name for entry_field in fields(VideoState))
_DEFAULTS = {entry_field.name: entry_field.default for entry_field in fields(VideoState)} | {"uri": None, "stage": None}


@dataclass
class BulkState:
    """State of all videos of one task instance.

    :param identity: the identity of the task instance, the same for its attempts until a clear.
    :param try_number: the attempt that wrote it last.
    :param began_at: epoch seconds at which that attempt began.
    :param deadline: epoch seconds.
    :param index_id: the index.
    :param preflight_digest: digest of the list that the preflight has checked; None before.
    :param minutes: what all videos bill, as far as their lengths are known.
    :param videos: by key, see :func:`key_of`.
    """

    identity: str
    try_number: int
    began_at: float
    deadline: float
    index_id: str
    preflight_digest: str | None = None
    minutes: float = 0.0
    videos: dict[str, VideoState] = field(default_factory=dict)

    def at(self, *stages: Stage) -> dict[str, VideoState]:
        """Return the videos at some stages."""
        return {key: entry for key, entry in self.videos.items() if entry.stage in stages}

    @classmethod
    def restored(cls, head: Mapping[str, Any], entries: Mapping[str, Any]) -> Self:
        """Return the state of a checkpoint.

        :raises ValueError: an entry is something else.
        """
        return cls(**head, videos={key: VideoState.from_json(value) for key, value in entries.items()})

    def entries(self) -> Mapping[str, VideoState]:
        """Return the videos, for the checkpoint."""
        return self.videos

    def head(self) -> dict[str, Any]:
        """Return everything except the videos, as plain JSON."""
        return {name: value for name, value in vars(self).items() if name != "videos"}

    def for_attempt(self, identity: str, try_number: int, now: float, deadline: float) -> BulkState:
        """Return the state of the next attempt, without failures that a retry may solve.

        After a user's clear it contains only unsettled videos: indexed ones are found in the index.
        """
        same_life = identity == self.identity
        kept = {key: entry.for_retry() for key, entry in self.videos.items()}
        entries = {key: entry for key, entry in kept.items() if entry and (same_life or not entry.settled)}
        return BulkState(identity, try_number, now, deadline, self.index_id, videos=entries)


@dataclass(frozen=True)
class PendingJobs:
    """Jobs that have to end before the task can continue.

    :param job_ids: jobs of one kind; a few hundred at most, because a trigger stores them.
    :param enough: how many of them have to end.
    :param started_at: epoch seconds at which the oldest was submitted.
    :param youngest_at: epoch seconds at which the youngest was submitted; it determines the pause between polls.
    """

    kind: JobKind
    index_id: str | None
    job_ids: tuple[str, ...]
    enough: int
    started_at: float
    youngest_at: float


def key_of(uri: str) -> str:
    """Return the key of a video, the same for a newly signed URL."""
    return hashlib.sha256(without_signatures(uri).encode()).hexdigest()[:16]


def digest_of(keys: Iterable[str]) -> str:
    """Return a digest of a list of videos."""
    return hashlib.sha256("\0".join(keys).encode()).hexdigest()[:32]


def enough_of(waiting: int, free: int | None = None) -> int:
    """Return how many of the awaited jobs have to end: half of them.

    :param free: how many the task can use at most; None for all.
    """
    half = (waiting + 1) // 2
    return max(1, half if free is None else min(half, free))


def rows_of(keys: Iterable[str], uris: Iterable[str], state: BulkState) -> Iterator[dict[str, Any]]:
    """Yield the outcome row of each given video.

    :param keys: the videos in the order in which they were given.
    :param uris: their URIs without secrets.
    """
    seen: set[str] = set()
    for key, uri in zip(keys, uris, strict=True):
        entry = state.videos.get(key) or VideoState(uri, Stage.FAILED, error_type="NotBegun", reason="not started")
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
