"""State of bulk extraction: the results of one task and the stage of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from twelvelabs_provider.jobs.bulk_state import BulkState, EntryState, reason_of


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


@dataclass(frozen=True)
class ResultState(EntryState):
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

    stage_type = Stage
    settled_stages = frozenset({Stage.PUBLISHED, Stage.REUSED, Stage.FAILED})

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

    def failed(self, error: BaseException, *, again: bool, minutes: float = 0.0) -> ResultState:
        """Return the state after a final failure of this attempt.

        :param minutes: what was billed all the same.
        """
        kind, reason = type(error).__name__, reason_of(error)
        return replace(self, stage=Stage.FAILED, error_type=kind, reason=reason, again=again, minutes=minutes)

    def for_retry(self) -> ResultState | None:
        """Return the state with which the next attempt begins; None to begin without a state."""
        return None if self.stage is Stage.FAILED and self.again else replace(self, attempts=0)


class ExtractionState(BulkState[ResultState]):
    """State of all results of one task instance; the entries are by :func:`key_of`."""

    entry_type = ResultState


def key_of(index_id: str, video_id: str, kind: str) -> str:
    """Return the key of a result."""
    return f"{index_id}/{video_id}/{kind}"
