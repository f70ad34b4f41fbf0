"""Time range of a video."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import SECONDS, optional_number


@dataclass(frozen=True)
class TimeRange:
    """Seconds from and to; None leaves a side open."""

    start: float | None
    end: float | None

    @classmethod
    def parse(cls, start: float | str | timedelta | None, end: float | str | timedelta | None) -> Self:
        """Read two arguments, which may be texts after rendering.

        :raises TwelveLabsInputError: an argument is no offset, or the end is not after the start.
        """
        found = cls(
            optional_number("start", start, least=0, what=SECONDS), optional_number("end", end, least=0, what=SECONDS)
        )
        if found.end is not None and found.end <= (found.start or 0.0):
            raise TwelveLabsInputError(
                f"end={found.end:g} must be after start={found.start or 0:g} (seconds from the video's beginning)"
            )
        return found

    def length(self, duration: float | None) -> float | None:
        """Return the seconds from start to end; None if the end is unknown.

        :param duration: seconds of the video, None if unknown.
        """
        end = duration if self.end is None else self.end
        return None if end is None else end - (self.start or 0.0)

    @property
    def is_open(self) -> bool:
        """Whether it covers the whole video."""
        return not self.start and self.end is None

    def suffix(self) -> str:
        """Return the suffix of result names for this time range; empty for the whole video."""
        if self.is_open:
            return ""
        end = "end" if self.end is None else f"{self.end:.15g}s"
        return f"-{self.start or 0:.15g}s-{end}"

    def ensure_before_end(self, duration: float | None) -> None:
        """Refuse a time range that begins after the video's end.

        :param duration: seconds, None if unknown.
        :raises TwelveLabsInputError: with both numbers.
        """
        if duration is not None and self.start is not None and self.start >= duration:
            raise TwelveLabsInputError(f"start={self.start:g} is beyond the video's end at {duration:g} seconds")
