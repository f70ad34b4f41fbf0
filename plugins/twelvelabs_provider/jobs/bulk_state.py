"""State of work on many videos: what the states of indexing and of extraction share."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Generic, Self, TypeVar

from twelvelabs_provider.api.url_secrets import without_secrets
from twelvelabs_provider.jobs.job import JobKind

LONGEST_REASON = 500
"""Characters of a reason in a row."""


class EntryState(ABC):
    """State of one entry: of a video, or of one result of it. Subclasses are frozen dataclasses with these fields.

    :param at: epoch seconds at which its job was requested.
    """

    stage_type: ClassVar[type[StrEnum]]
    settled_stages: ClassVar[frozenset[StrEnum]]
    stage: StrEnum
    at: float | None

    @property
    def settled(self) -> bool:
        """Whether this attempt is done with it."""
        return self.stage in self.settled_stages

    @abstractmethod
    def for_retry(self) -> Self | None:
        """Return the state with which the next attempt begins; None to begin without a state."""

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON without default values."""
        values = ((one, getattr(self, one.name)) for one in _fields_of(type(self)))
        return {one.name: value for one, value in values if value != one.default}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`as_json` wrote; unknown fields of a later release are ignored.

        :raises ValueError: it is something else.
        """
        try:
            given = {one.name: value[one.name] for one in _fields_of(cls) if one.name in value}
            return cls.from_fields({**given, "stage": cls.stage_type(given["stage"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the state of an entry: {error!r}") from error

    @classmethod
    def from_fields(cls, given: Mapping[str, Any]) -> Self:
        """Return the entry with some fields, as JSON holds them."""
        return cls(**given)


@cache
def _fields_of(entry_type: Any) -> tuple[Field[Any], ...]:
    return fields(entry_type)


E = TypeVar("E", bound=EntryState)


@dataclass
class BulkState(Generic[E]):
    """State of all work of one task instance.

    :param identity: the identity of the task instance, the same for its attempts until a clear.
    :param try_number: the attempt that wrote it last.
    :param began_at: epoch seconds at which that attempt began.
    :param deadline: epoch seconds.
    :param preflight_digest: digest of the keys that the preflight has checked; None before.
    :param entries: by key.
    """

    entry_type: ClassVar[type[EntryState]]

    identity: str
    try_number: int
    began_at: float
    deadline: float
    preflight_digest: str | None = field(default=None, kw_only=True)
    entries: dict[str, E] = field(default_factory=dict, kw_only=True)

    @classmethod
    def restored(cls, head: Mapping[str, Any], entries: Mapping[str, Any]) -> Self:
        """Return the state of a checkpoint.

        :raises ValueError: an entry is something else.
        """
        found: dict[str, Any] = {key: cls.entry_type.from_json(value) for key, value in entries.items()}
        return cls(**head, entries=found)

    def head(self) -> dict[str, Any]:
        """Return everything except the entries, as plain JSON."""
        return {name: value for name, value in vars(self).items() if name != "entries"}

    def at(self, *stages: StrEnum) -> dict[str, E]:
        """Return the entries at some stages."""
        return {key: entry for key, entry in self.entries.items() if entry.stage in stages}

    def for_attempt(self, identity: str, try_number: int, now: float, deadline: float) -> Self:
        """Return the state of the next attempt, without failures that a retry may solve.

        After a user's clear it contains only unsettled entries: what was done is found on the service or in the output.
        """
        same_life = identity == self.identity
        kept = {key: entry.for_retry() for key, entry in self.entries.items()}
        entries = {key: entry for key, entry in kept.items() if entry and (same_life or not entry.settled)}
        return replace(
            self,
            identity=identity,
            try_number=try_number,
            began_at=now,
            deadline=deadline,
            preflight_digest=None,
            entries=entries,
        )


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


def digest_of(keys: Iterable[str]) -> str:
    """Return a digest of a list of keys."""
    return hashlib.sha256("\0".join(keys).encode()).hexdigest()[:32]


def enough_of(waiting: int, free: int | None = None) -> int:
    """Return how many of the awaited jobs have to end: half of them.

    :param free: how many the task can use at most; None for all.
    """
    half = (waiting + 1) // 2
    return max(1, half if free is None else min(half, free))


def reason_of(error: BaseException) -> str:
    """Return why an entry failed, without secrets, for its row."""
    return without_secrets(str(error) or type(error).__name__)[:LONGEST_REASON]
