"""What is known about a video, and what a question is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from twelvelabs_local.segments import SegmentRow

_SCREEN = re.compile(
    r"on.?screen|screen|text.?in.?video|\bocr\b|readable|legible|visible|shown|displayed|written|writing|slide|overlay|"
    r"\bsign(s|age)?\b|lettering",
    re.IGNORECASE,
)
_SPEECH = re.compile(
    r"speech|spoken|speak|\bsaid\b|\bsays?\b|transcri|dialog|narrat|utter|voice|quote|sentence", re.IGNORECASE
)
_TEXT = re.compile(r"\btexts?\b|_text|text_|caption|\btitle", re.IGNORECASE)


class Subject(StrEnum):
    """What a request asks about."""

    SCREEN = "screen"
    SPEECH = "speech"
    OTHER = "other"


@dataclass(frozen=True)
class Material:
    """What an answer is made of.

    :param duration: length of the video in seconds.
    :param screen: on-screen text.
    :param speech: transcript.
    """

    duration: float
    screen: Sequence[SegmentRow]
    speech: Sequence[SegmentRow]

    def about(self, subject: Subject) -> Sequence[SegmentRow]:
        """Return the rows of a subject; there are none for what can only be understood by looking."""
        return {Subject.SCREEN: self.screen, Subject.SPEECH: self.speech}.get(subject, [])


def subject_of(*texts: str) -> Subject:
    """Tell what some words are about.

    :param texts: an id, a description, field names: the most telling first.
    """
    for text in texts:
        # plain words for pictures come first ("transcribe the text on screen"), the word text alone comes last
        # ("the text that is spoken")
        for pattern, subject in ((_SCREEN, Subject.SCREEN), (_SPEECH, Subject.SPEECH), (_TEXT, Subject.SCREEN)):
            if pattern.search(text):
                return subject
    return Subject.OTHER


def clock(seconds: float, time_format: str | None) -> float | str:
    """Write an offset as the request asks for."""
    if time_format == "hh:mm:ss":
        whole = round(seconds)
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    if time_format == "hh:mm:ss.fff":
        thousandths = round(seconds * 1000)
        whole, rest = divmod(thousandths, 1000)
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{rest:03d}"
    return round(seconds, 3)


def summary_of(material: Material) -> str:
    """Return the first sentences that are heard and the words that are seen longest."""
    said = [row["value"] for row in material.speech[:3]]
    seconds: dict[str, float] = {}
    for row in material.screen:
        seconds[row["value"]] = seconds.get(row["value"], 0.0) + row["end"] - row["start"]
    shown = sorted(seconds, key=lambda text: -seconds[text])[:5]
    parts = [f"The video is {material.duration:.0f} seconds long."]
    parts.append(f"It is heard to say: {'; '.join(said)}." if said else "No speech was recognised.")
    parts.append(f"Text on screen: {'; '.join(shown)}." if shown else "No on-screen text was recognised.")
    return " ".join(parts)
