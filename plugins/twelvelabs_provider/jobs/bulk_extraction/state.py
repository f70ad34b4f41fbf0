"""State of bulk extraction: the results of one task and the stage of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self

from twelvelabs_provider.api.url_secrets import without_secrets

LONGEST_REASON = 500
"""Characters of a reason in a row."""


class Stage(StrEnum):
    """Stage of a result; a result without any request has no state."""

    WAITING = "waiting"
    """Its last request failed for certain, and is repeated."""
    SENDING = "sending"
    """Its billed request is being sent, or was sent and the response was lost."""
    RUNNING = "running"
    """Its analysis task runs on the service."""
    PUBLISHED = "published"
    REUSED = "reused"
    FAILED = "failed"


SETTLED = (Stage.PUBLISHED, Stage.REUSED, Stage.FAILED)


@dataclass(frozen=True)
class ResultState:
    """State of one result of one video.

    :param attempts: failed attempts of its current step.
    :param job_id: its analysis task.
    :param at: epoch seconds at which its analysis was requested.
    :param sent_as: what identified the task instance when its analysis was requested, so that a repeat after a clear
        finds the same analysis.
    :param manifest: address of its manifest.
    :param rows: rows of its files.
    :param minutes: billed minutes.
    :param again: it failed, and a retry may succeed.
    """

    stage: Stage
    attempts: int = 0
    job_id: str | None = None
    at: float | None = None
    sent_as: Mapping[str, Any] | None = None
    manifest: str | None = None
    rows: int | None = None
    minutes: float = 0.0
    again: bool = False
    error_type: str | None = None
    reason: str | None = None

    @property
    def settled(self) -> bool:
        """Whether this attempt is done with it."""
        return self.stage in SETTLED

    def failed(self, error: BaseException, *, again: bool, minutes: float = 0.0) -> ResultState:
        """Return the state after a final failure of this attempt.

        :param minutes: what was billed all the same.
        """
        reason = without_secrets(str(error) or type(error).__name__)[:LONGEST_REASON]
        kind = type(error).__name__
        return replace(self, stage=Stage.FAILED, error_type=kind, reason=reason, again=again, minutes=minutes)

    def for_retry(self) -> ResultState | None:
        """Return the state with which the next attempt begins; None to begin without a state."""
        return None if self.stage is Stage.FAILED and self.again else replace(self, attempts=0)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON without default values."""
        return {name: value for name, value in asdict(self).items() if value != _DEFAULTS.get(name)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`as_json` wrote; unknown fields of a later release are ignored.

        :raises ValueError: it is something else.
        """
        try:
            given = {name: value[name] for name in _NAMES if name in value}
            return cls(**{**given, "stage": Stage(given["stage"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the state of a result: {error!r}") from error


_NAMES = tuple(one.name for one in fields(ResultState))
_DEFAULTS = {one.name: one.default for one in fields(ResultState)} | {"stage": None}


@dataclass
class ExtractionState:
    """State of all results of one task instance.

    :param identity: the identity of the task instance, the same for its attempts until a clear.
    :param try_number: the attempt that wrote it last.
    :param began_at: epoch seconds at which that attempt began.
    :param deadline: epoch seconds.
    :param checked: digest of the results whose published files were looked for; None before.
    :param results: by :func:`key_of`.
    """

    identity: str
    try_number: int
    began_at: float
    deadline: float
    checked: str | None = None
    results: dict[str, ResultState] = field(default_factory=dict)

    @classmethod
    def restored(cls, head: Mapping[str, Any], entries: Mapping[str, Any]) -> Self:
        """Return the state of a checkpoint.

        :raises ValueError: an entry is something else.
        """
        return cls(**head, results={key: ResultState.from_json(value) for key, value in entries.items()})

    def entries(self) -> Mapping[str, ResultState]:
        """Return the results, for the checkpoint."""
        return self.results

    def head(self) -> dict[str, Any]:
        """Return everything except the results, as plain JSON."""
        return {name: value for name, value in vars(self).items() if name != "results"}

    def at(self, *stages: Stage) -> dict[str, ResultState]:
        """Return the results at some stages."""
        return {key: entry for key, entry in self.results.items() if entry.stage in stages}

    def for_attempt(self, identity: str, try_number: int, now: float, deadline: float) -> ExtractionState:
        """Return the state of the next attempt, without failures that a retry may solve.

        After a user's clear it contains only unsettled results: published ones are found in the output.
        """
        same_life = identity == self.identity
        kept = {key: entry.for_retry() for key, entry in self.results.items()}
        entries = {key: entry for key, entry in kept.items() if entry and (same_life or not entry.settled)}
        return ExtractionState(identity, try_number, now, deadline, results=entries)


def key_of(index_id: str, video_id: str, kind: str) -> str:
    """Return the key of a result."""
    return f"{index_id}/{video_id}/{kind}"
