"""Many videos of one task: where each of them stands, and what of it is remembered; no I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self

from twelvelabs_provider.api.url_secrets import without_secrets
from twelvelabs_provider.jobs.job import JobKind
from twelvelabs_provider.storage.source import meaning_of

LONGEST_REASON = 500
"""Characters of a reason in a row."""


class Stage(StrEnum):
    """Where a video stands; one that nothing was done about has no entry."""

    UPLOADING = "uploading"
    """Its asset is about to be made, or was made and its id is not known."""
    ASSET = "asset"
    """Its asset is being prepared, or is ready to be indexed."""
    SENDING = "sending"
    """Its indexing is about to be asked for, or was, and the answer was lost: look before it is asked for again."""
    RUNNING = "running"
    INDEXED = "indexed"
    REUSED = "reused"
    FAILED = "failed"


SETTLED = (Stage.INDEXED, Stage.REUSED, Stage.FAILED)


@dataclass(frozen=True)
class VideoState:
    """What is known of one video.

    :param uri: as it may be shown.
    :param attempts: how often something failed about it that may pass.
    :param asset_id: of its file, where there are assets.
    :param job_id: of the indexing: the video's id where there are assets, else the task's.
    :param duration: seconds.
    :param mark: of its content.
    :param size: bytes.
    :param at: epoch seconds at which its indexing was asked for.
    :param known: indexing tasks that were there before, so that none of them is this one's.
    :param shared: somebody else indexes it, or did.
    :param linked: its file is fetched by a link that nobody asked for; False where that came to nothing.
    :param borrowed: the asset was there already: it is not this task's to remove.
    :param found: its task was found by its file's name, the answer was lost.
    :param doubted: it failed, and nobody knows whether its indexing was asked for.
    :param again: it failed for a reason that may pass.
    :param upload: its upload in parts, to go on with.
    :param fingerprint: of the content, where the service fetches the file by a link; compared before it is indexed.
    :param unsurveyed: ``if_indexed`` of a video that could not be read in the survey. Whether it is in the index, and
        what it bills, is found out before its upload.
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
    unsurveyed: str | None = None
    fingerprint: str | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing more happens to it in this try."""
        return self.stage in SETTLED

    @property
    def minutes(self) -> float:
        """Minutes that it bills, or may bill; 0 where somebody else pays."""
        paid = self.stage in (Stage.SENDING, Stage.RUNNING, Stage.INDEXED) or self.doubted
        return (self.duration or 0.0) / 60 if paid and not self.shared else 0.0

    def failed(self, error: BaseException, *, again: bool, doubted: bool = False) -> VideoState:
        """Return the entry of a video that nothing more is done about."""
        reason = without_secrets(str(error) or type(error).__name__)[:LONGEST_REASON]
        kind = type(error).__name__
        return replace(
            self, stage=Stage.FAILED, error_type=kind, reason=reason, again=again, doubted=doubted, upload=None
        )

    def revived(self) -> VideoState | None:
        """Return the entry with which another try begins; None to begin from nothing."""
        if self.stage is not Stage.FAILED or not self.again:
            return self
        stage = Stage.SENDING if self.doubted else Stage.ASSET if self.asset_id else None
        if stage is None:
            return None
        return replace(self, stage=stage, attempts=0, error_type=None, reason=None, again=False, doubted=False)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON without what is usual: there are many."""
        return {name: value for name, value in asdict(self).items() if value != _USUAL.get(name)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`as_json` wrote; fields of a later release are passed over.

        :raises ValueError: if it is something else.
        """
        try:
            given = {name: value[name] for name in _NAMES if name in value}
            return cls(**{**given, "stage": Stage(given["stage"]), "known": tuple(given.get("known") or ())})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the entry of a video: {error!r}") from error


_NAMES = tuple(entry_field.name for entry_field in fields(VideoState))
_USUAL = {entry_field.name: entry_field.default for entry_field in fields(VideoState)} | {"uri": None, "stage": None}


@dataclass
class BulkState:
    """All that one task instance knows of its videos.

    :param identity: of the task instance in this life, the same for its tries.
    :param try_number: which try wrote it last.
    :param began_at: epoch seconds at which that try began.
    :param deadline: epoch seconds at which it gives up.
    :param index_id: the index.
    :param surveyed: digest of the list that was looked through; None where none was.
    :param minutes: that all of it bills, as far as lengths are known.
    """

    identity: str
    try_number: int
    began_at: float
    deadline: float
    index_id: str
    surveyed: str | None = None
    minutes: float = 0.0
    entries: dict[str, VideoState] = field(default_factory=dict)

    def of(self, *stages: Stage) -> dict[str, VideoState]:
        """Return the videos at these stages."""
        return {key: entry for key, entry in self.entries.items() if entry.stage in stages}

    def head(self) -> dict[str, Any]:
        """Return all but the entries, as plain JSON."""
        return {name: value for name, value in vars(self).items() if name != "entries"}

    def reborn(self, identity: str, try_number: int, now: float, deadline: float) -> BulkState:
        """Return the book of another try: failures that may pass are forgotten, what is under way goes on.

        A user's clear begins with what is under way alone: what is in the index is found there.
        """
        same_life = identity == self.identity
        kept = {key: entry.revived() for key, entry in self.entries.items()}
        entries = {key: entry for key, entry in kept.items() if entry and (same_life or not entry.settled)}
        return BulkState(identity, try_number, now, deadline, self.index_id, entries=entries)


@dataclass(frozen=True)
class PendingJobs:
    """What a task waits for before it can do more.

    :param job_ids: of one kind; few, they travel to the triggerer.
    :param enough: so many of them have to end.
    :param started_at: epoch seconds at which the oldest was submitted.
    :param youngest_at: epoch seconds at which the youngest was submitted; it sets the pace of the polls.
    """

    kind: JobKind
    index_id: str | None
    job_ids: tuple[str, ...]
    enough: int
    started_at: float
    youngest_at: float


def key_of(uri: str) -> str:
    """Return what a video is known by, the same for an address that was signed anew."""
    return hashlib.sha256(meaning_of(uri).encode()).hexdigest()[:16]


def digest_of(keys: Iterable[str]) -> str:
    """Return what tells a list of videos from another."""
    return hashlib.sha256("\0".join(keys).encode()).hexdigest()[:32]


def enough_of(waiting: int, free: int | None = None) -> int:
    """Return how many of those that are waited for make it worth to wake up: half of them.

    :param free: how many more could be put to use; None for all.
    """
    half = (waiting + 1) // 2
    return max(1, half if free is None else min(half, free))


def rows_of(keys: Iterable[str], uris: Iterable[str], book: BulkState) -> Iterator[dict[str, Any]]:
    """Return one row for each video that was given; a second one of the same address says so.

    :param keys: of the videos, in the order in which they were given.
    :param uris: the same videos' addresses as they may be shown.
    """
    seen: set[str] = set()
    for key, uri in zip(keys, uris, strict=True):
        entry = book.entries.get(key) or VideoState(uri, Stage.FAILED, error_type="NotBegun", reason="it was not begun")
        row = _row(entry)
        if key in seen:
            row["minutes"] = 0.0
            if entry.stage is Stage.INDEXED:
                row |= {"outcome": Stage.REUSED.value, "reason": "the same address stands in the list before"}
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
        "reason": entry.reason if entry.settled else "it was under way when the task's time was up, and goes on",
        "error_type": entry.error_type if entry.settled else "TwelveLabsJobTimeoutError",
        "duration_seconds": entry.duration,
        "minutes": round(entry.minutes, 4),
    }
