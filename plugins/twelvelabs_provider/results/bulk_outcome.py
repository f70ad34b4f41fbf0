"""Outcome of work on many videos, and the limit of failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsPartialFailureError, TwelveLabsVideosFailedError
from twelvelabs_provider.storage.manifest import Published


@dataclass(frozen=True)
class BulkOutcome:
    """The published outcome: one row per video.

    :param videos: number of given videos; duplicates count.
    :param counts: numbers of videos by outcome.
    :param minutes: minutes that were billed to the task.
    :param again: a retry may succeed with a failed video.
    :param facts: further fields of the result.
    """

    videos: int
    counts: Mapping[str, int]
    minutes: float
    again: bool
    published: Published
    facts: Mapping[str, Any]

    @property
    def uri(self) -> str:
        """Address of the rows, without connection."""
        return self.published.files["jsonl"]

    def __str__(self) -> str:
        numbers = ", ".join(f"{number} {name}" for name, number in self.counts.items() if number)
        return f"{self.videos} videos ({numbers})" if numbers else "no videos"

    def as_result(self) -> dict[str, Any]:
        """Return the return value of the task, with addresses that the next task can open."""
        return {
            **self.facts,
            "videos": self.videos,
            **self.counts,
            "minutes": round(self.minutes, 4),
            "outcome": self.published.address(self.uri),
            "manifest": self.published.address(self.published.manifest_uri),
        }


def ensure_few_failures(outcome: BulkOutcome, allowed: int | None) -> None:
    """Raise if too many videos failed.

    :param allowed: maximum number of failed videos; None for any.
    :raises TwelveLabsVideosFailedError: some of them may succeed with a retry.
    :raises TwelveLabsPartialFailureError: all of them failed permanently.
    """
    failed = outcome.counts["failed"]
    if allowed is None or failed <= allowed:
        return
    summary = (
        f"{failed} of {outcome.videos} videos failed, and max_failed allows {allowed}; the rows say why: {outcome.uri}"
    )
    if outcome.again:
        raise TwelveLabsVideosFailedError(f"{summary}. A retry processes only those that may succeed")
    raise TwelveLabsPartialFailureError(f"{summary}. Fix these videos and clear the task")
