"""Billable minutes of video or audio, estimated before a submission and reported after it.

There are no prices here: they differ between accounts and change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.time_range import TimeRange

LIMIT = "max_billable_minutes"
_WHOLE = TimeRange(None, None)
ROUNDING = 1e-6


class BilledKind(StrEnum):
    """Kinds of work that are billed by the minute."""

    INDEXING = "indexing"
    ANALYSIS = "analysis"
    EMBEDDING = "embedding"


@dataclass(frozen=True)
class Bill:
    """Billable minutes of some work.

    :param minutes: minutes of the videos of known length.
    :param unknown: the number of further videos, of unknown length.
    :param at_most: whether the work may bill less: batch items without a result are not billed.
    :param input_tokens: tokens read, if the service reports them.
    :param output_tokens: tokens written, if the service reports them.
    """

    kind: BilledKind
    minutes: float = 0.0
    unknown: int = 0
    at_most: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None

    def __str__(self) -> str:
        if not self.unknown:
            return f"about {_shown(self.minutes)} minutes"
        if not self.minutes:
            return "an unknown number of minutes"
        return f"about {_shown(self.minutes)} minutes, and {self.unknown} videos of unknown length"

    @property
    def rounded(self) -> str:
        """Billable minutes for the log, rounded for people."""
        if not self.minutes:
            return "an unknown number of billable minutes" if self.unknown else "no billable minutes"
        minutes = f"about {self.minutes:.1f}" if self.minutes >= 0.1 else "less than 0.1"
        more = f", and {self.unknown} videos of unknown length" if self.unknown else ""
        return f"{minutes} billable minutes{more}"

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON, for manifests and for the memo of a job."""
        return {**asdict(self), "kind": self.kind.value, "minutes": round(self.minutes, 4)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`as_json` wrote."""
        return cls(**{**value, "kind": BilledKind(value["kind"])})

    def with_tokens(self, input_tokens: int | None, output_tokens: int | None) -> Self:
        """Return the bill with the tokens that were used."""
        return replace(self, input_tokens=input_tokens, output_tokens=output_tokens)


def indexing_bill(duration: float | None) -> Bill:
    """Return what indexing a video bills.

    :param duration: seconds, None if unknown.
    """
    return _bill(BilledKind.INDEXING, duration, _WHOLE)


def analysis_bill(window: TimeRange, duration: float | None, definitions: int = 1) -> Bill:
    """Return what an analysis of a video bills.

    :param window: the analysed time range.
    :param duration: seconds of the whole video, None if unknown.
    :param definitions: the video is billed once for each segment definition; see :func:`definitions_in`.
    """
    return _bill(BilledKind.ANALYSIS, duration, window, definitions)


def embedding_bill(window: TimeRange, duration: float | None) -> Bill:
    """Return what embedding an audio file or a video bills.

    :param window: the embedded time range.
    :param duration: seconds of the whole file, None if unknown.
    """
    return _bill(BilledKind.EMBEDDING, duration, window)


def definitions_in(response_format: Mapping[str, Any] | None) -> int:
    """Return how many times an analysis bills the video: once, or once for each segment definition."""
    definitions = (response_format or {}).get("segment_definitions")
    return max(1, len(definitions)) if isinstance(definitions, list | tuple) else 1


def total_of(kind: BilledKind, bills: Iterable[Bill]) -> Bill:
    """Return the sum of some bills, which may be an iterator."""
    minutes, unknown = 0.0, 0
    for bill in bills:
        minutes, unknown = minutes + bill.minutes, unknown + bill.unknown
    return Bill(kind, minutes, unknown)


def must_be_allowed(bill: Bill, limit: float | None, what: str) -> None:
    """Refuse work that bills more than the limit, or an unknown number of minutes.

    :param limit: minutes, None for no limit.
    :param what: the work, for the message.
    :raises TwelveLabsInputError: with both numbers.
    """
    if limit is None:
        return
    refused = f"{sentence(what)} would bill {bill}, but {LIMIT} allows {limit:g}. Nothing was submitted."
    if bill.minutes > limit + ROUNDING:
        raise TwelveLabsInputError(f"{refused} Raise the limit, or request less")
    if bill.unknown:
        raise TwelveLabsInputError(
            f"{refused} The length is known in advance for ready assets, indexed videos, video files with the 'probe'"
            " extra, time ranges with an end, and batch items with a duration"
        )


def sentence(text: str) -> str:
    """Return a text with a capital first letter."""
    return text[:1].upper() + text[1:]


def over_limit(limit: float) -> TwelveLabsInputError:
    """Return the error for a video that would exceed the billable minutes."""
    return TwelveLabsInputError(f"Indexing it would bill more than {LIMIT} allows ({limit:g})")


def unknown_length() -> TwelveLabsInputError:
    """Return the error for a video of unknown length when the billable minutes are limited."""
    return TwelveLabsInputError(
        f"Length is unknown, but {LIMIT} is set. Index the video without a limit, convert it to MP4, or install the"
        " 'probe' extra, which reads the length of files"
    )


def _bill(kind: BilledKind, duration: float | None, window: TimeRange, times: int = 1) -> Bill:
    seconds = _seconds(window, duration)
    return Bill(kind, unknown=1) if seconds is None else Bill(kind, seconds / 60 * times)


def _seconds(window: TimeRange, duration: float | None) -> float | None:
    """Return the seconds of a video in a time range; an end beyond the video's end adds nothing."""
    ends = [end for end in (window.end, duration) if end is not None]
    return max(0.0, min(ends) - (window.start or 0.0)) if ends else None


def _shown(minutes: float) -> str:
    return f"{minutes:.4f}" if minutes < 1 else f"{minutes:.2f}"
