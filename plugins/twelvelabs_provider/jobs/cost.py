"""What work bills: minutes of video or sound, told before it is submitted and after it is done.

Minutes are what is promised. Prices differ from account to account and change, so none are known here.
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
    """The kinds of work that are billed by the minute."""

    INDEXING = "indexing"
    ANALYSIS = "analysis"
    EMBEDDING = "embedding"


@dataclass(frozen=True)
class Bill:
    """What work bills, or has billed.

    :param minutes: of the videos whose length is known, together.
    :param unknown: how many videos there are besides whose length nobody knows.
    :param at_most: some of it may not be billed: items of a batch that have no result are not.
    :param input_tokens: that were read, where the service says so.
    :param output_tokens: that were written, where the service says so.
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

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON, for manifests and for what travels with a job."""
        return {**asdict(self), "kind": self.kind.value, "minutes": round(self.minutes, 4)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`as_json` wrote."""
        return cls(**{**value, "kind": BilledKind(value["kind"])})

    def with_tokens(self, input_tokens: int | None, output_tokens: int | None) -> Self:
        """Return the bill with the tokens that were used."""
        return replace(self, input_tokens=input_tokens, output_tokens=output_tokens)


def indexing_bill(duration: float | None) -> Bill:
    """Return what it bills to index a video.

    :param duration: seconds, None where nobody knows.
    """
    return _bill(BilledKind.INDEXING, duration, _WHOLE)


def analysis_bill(window: TimeRange, duration: float | None, definitions: int = 1) -> Bill:
    """Return what it bills to ask a model about a video.

    :param window: the stretch that is looked at.
    :param duration: seconds of the whole video, None where nobody knows.
    :param definitions: the video is billed once for each segment definition; see :func:`definitions_in`.
    """
    return _bill(BilledKind.ANALYSIS, duration, window, definitions)


def embedding_bill(window: TimeRange, duration: float | None) -> Bill:
    """Return what it bills to embed a sound or a video.

    :param window: the stretch that is embedded.
    :param duration: seconds of all of it, None where nobody knows.
    """
    return _bill(BilledKind.EMBEDDING, duration, window)


def definitions_in(response_format: Mapping[str, Any] | None) -> int:
    """Return how many times a question bills the video: once, or once for each segment definition."""
    definitions = (response_format or {}).get("segment_definitions")
    return max(1, len(definitions)) if isinstance(definitions, list | tuple) else 1


def total_of(kind: BilledKind, bills: Iterable[Bill]) -> Bill:
    """Return some bills as one; the bills are taken one at a time and not kept."""
    minutes, unknown = 0.0, 0
    for bill in bills:
        minutes, unknown = minutes + bill.minutes, unknown + bill.unknown
    return Bill(kind, minutes, unknown)


def must_be_allowed(bill: Bill, limit: float | None, what: str) -> None:
    """Refuse work that bills more than is allowed; what may bill anything is refused where there is a limit.

    :param limit: minutes, None where there is no limit.
    :param what: names the work.
    :raises TwelveLabsInputError: with both numbers.
    """
    if limit is None:
        return
    refused = f"{what} would bill {bill}, and {LIMIT} allows {limit:g}: nothing was submitted."
    if bill.minutes > limit + ROUNDING:
        raise TwelveLabsInputError(f"{refused} Allow more, or ask for less")
    if bill.unknown:
        raise TwelveLabsInputError(
            f"{refused} Lengths are known before of assets that are ready, of indexed videos, of video files where the"
            " 'probe' extra is installed, of windows that have an end, and of a batch's items that say their duration"
        )


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
    """Return how much of a video a window covers; an end beyond the video's own adds nothing."""
    ends = [end for end in (window.end, duration) if end is not None]
    return max(0.0, min(ends) - (window.start or 0.0)) if ends else None


def _shown(minutes: float) -> str:
    return f"{minutes:.4f}" if minutes < 1 else f"{minutes:.2f}"
