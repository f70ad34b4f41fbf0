"""The text of a video and the topic of a question: on-screen text or speech."""

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


class Topic(StrEnum):
    """The topic of a request."""

    SCREEN = "screen"
    SPEECH = "speech"
    OTHER = "other"


@dataclass(frozen=True)
class VideoText:
    """The text of a video.

    :param duration: length of the video in seconds.
    :param screen: on-screen text.
    :param speech: transcript.
    """

    duration: float
    screen: Sequence[SegmentRow]
    speech: Sequence[SegmentRow]

    def about(self, topic: Topic) -> Sequence[SegmentRow]:
        """Return the rows of a topic. Other topics than text have none."""
        return {Topic.SCREEN: self.screen, Topic.SPEECH: self.speech}.get(topic, [])


def topic_of(*texts: str) -> Topic:
    """Return the topic of some texts.

    :param texts: an id, a description, field names; the most specific first.
    """
    for text in texts:
        # words about the screen come first ("transcribe the text on screen"); the word "text" alone comes last ("the
        # text that is spoken")
        for pattern, topic in ((_SCREEN, Topic.SCREEN), (_SPEECH, Topic.SPEECH), (_TEXT, Topic.SCREEN)):
            if pattern.search(text):
                return topic
    return Topic.OTHER


def clock(seconds: float, time_format: str | None) -> float | str:
    """Return an offset in the requested format."""
    if time_format == "hh:mm:ss":
        whole = round(seconds)
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    if time_format == "hh:mm:ss.fff":
        thousandths = round(seconds * 1000)
        whole, rest = divmod(thousandths, 1000)
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{rest:03d}"
    return round(seconds, 3)


def summary_of(video: VideoText) -> str:
    """Return a summary: the first sentences and the texts that stay on screen longest."""
    said = [row["value"] for row in video.speech[:3]]
    seconds: dict[str, float] = {}
    for row in video.screen:
        seconds[row["value"]] = seconds.get(row["value"], 0.0) + row["end"] - row["start"]
    shown = sorted(seconds, key=lambda text: -seconds[text])[:5]
    parts = [f"The video is {video.duration:.0f} seconds long."]
    parts.append(f"It is heard to say: {'; '.join(said)}." if said else "No speech was recognised.")
    parts.append(f"Text on screen: {'; '.join(shown)}." if shown else "No on-screen text was recognised.")
    return " ".join(parts)
