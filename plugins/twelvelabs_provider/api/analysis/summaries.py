"""Summaries, chapters, highlights and gists: prompts for v1.3, and one model for all generations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, FiniteFloat

from twelvelabs_provider.api.analysis.generation import Generation
from twelvelabs_provider.api.analysis.request import DEFAULT_MODEL, AnalysisRequest, VideoSource
from twelvelabs_provider.api.analysis.response_format import json_schema, offset_from
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Segment, Segments
from twelvelabs_provider.api.service_model import ServiceModel, WholeText, as_object, named, value_text


class SummaryKind(StrEnum):
    """Kinds of summaries."""

    SUMMARY = "summary"
    CHAPTERS = "chapters"
    HIGHLIGHTS = "highlights"
    TITLES = "titles"
    TOPICS = "topics"
    HASHTAGS = "hashtags"
    GIST = "gist"

    @property
    def timed(self) -> bool:
        """Whether it has rows with start and end instead of one document."""
        return self in (SummaryKind.CHAPTERS, SummaryKind.HIGHLIGHTS)


def _line(value: Any) -> str:
    text = "" if isinstance(value, Mapping | list) else value_text(value).strip()
    if not text:
        raise ValueError("is no text, or empty")
    return text


def _distinct(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list | tuple):
        raise ValueError(f"is no list but {type(values).__name__}")
    texts = (value_text(value).strip() for value in values)
    return tuple(dict.fromkeys(text for text in texts if text))


Line = Annotated[str, BeforeValidator(_line)]
Lines = Annotated[tuple[str, ...], BeforeValidator(_distinct)]
Offset = Annotated[FiniteFloat, BeforeValidator(offset_from)]
"""Seconds, also from ``hh:mm:ss``."""


class Chapter(ServiceModel):
    """A chapter in the spelling of any generation."""

    start: Offset = named("start_time", "start", "start_sec")
    end: Offset = named("end_time", "end", "end_sec")
    title: WholeText = named("title", "chapter_title", default="")
    summary: WholeText = named("summary", "chapter_summary", default="")


class Highlight(ServiceModel):
    """A highlight in the spelling of any generation."""

    start: Offset = named("start_time", "start", "start_sec")
    end: Offset = named("end_time", "end", "end_sec")
    highlight: WholeText = ""
    summary: WholeText = named("summary", "highlight_summary", default="")


class Summary(ServiceModel):
    """Summary of a video; fields of other kinds are empty.

    :param rows: chapters (``value`` is the title) or highlights, with ``summary`` and, for chapters, ``number``.
    :param generation: the generated text.
    """

    kind: SummaryKind
    generation: Generation
    summary: Line | None = None
    title: Line | None = None
    topics: Lines = ()
    hashtags: Lines = ()
    rows: Segments = ()

    def document(self) -> dict[str, Any]:
        """Return the fields of an untimed kind, as plain JSON."""
        fields = {name: getattr(self, name) for name in _FIELDS[self.kind]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


@dataclass(frozen=True)
class _Question:
    """A packaged prompt.

    :param properties: of the answer's JSON object; all are required.
    :param max_tokens: a long video needs more than the default.
    """

    prompt: str
    properties: Mapping[str, Any]
    max_tokens: int = 4096


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _list_of(items: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "items": dict(items), "description": description}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


_START = {"type": "number", "description": "Seconds from the beginning of the video at which it starts"}
_END = {"type": "number", "description": "Seconds from the beginning of the video at which it ends"}
_TITLE = _text("One title for the whole video, without quotation marks")
_TOPICS = _list_of({"type": "string"}, "What the video is about, most important first, a few words each")
_HASHTAGS = _list_of({"type": "string"}, "Hashtags for the video, each with a leading # and no spaces")
_SUMMARY = _text("What the video shows and says, in one paragraph")
_CHAPTER = _object(
    {
        "start_time": _START,
        "end_time": _END,
        "title": _text("Title of the chapter"),
        "summary": _text("What happens in the chapter, in one or two sentences"),
    }
)
_HIGHLIGHT = _object(
    {
        "start_time": _START,
        "end_time": _END,
        "highlight": _text("What makes the moment stand out, in one sentence"),
        "summary": _text("What is seen and heard in it, in one or two sentences"),
    }
)

_FIELDS: Mapping[SummaryKind, tuple[str, ...]] = {
    SummaryKind.SUMMARY: ("summary",),
    SummaryKind.CHAPTERS: (),
    SummaryKind.HIGHLIGHTS: (),
    SummaryKind.TITLES: ("title",),
    SummaryKind.TOPICS: ("topics",),
    SummaryKind.HASHTAGS: ("hashtags",),
    SummaryKind.GIST: ("title", "topics", "hashtags"),
}
_QUESTIONS: Mapping[SummaryKind, _Question] = {
    SummaryKind.SUMMARY: _Question(
        "Summarize this video: what it shows, what is said, and how it ends. Stay with what is in the video.",
        {"summary": _SUMMARY},
    ),
    SummaryKind.CHAPTERS: _Question(
        "Divide this video into chapters, in order and without gaps, from its first second to its last. Begin a new"
        " chapter where the subject changes.",
        {"chapters": _list_of(_CHAPTER, "The chapters in order")},
        max_tokens=32_768,
    ),
    SummaryKind.HIGHLIGHTS: _Question(
        "Find the moments of this video that a person with little time should see, in order of time.",
        {"highlights": _list_of(_HIGHLIGHT, "The moments in order of time")},
        max_tokens=32_768,
    ),
    SummaryKind.TITLES: _Question("Give this video a title.", {"title": _TITLE}),
    SummaryKind.TOPICS: _Question("Name the topics of this video.", {"topics": _TOPICS}),
    SummaryKind.HASHTAGS: _Question("Give this video hashtags.", {"hashtags": _HASHTAGS}),
    SummaryKind.GIST: _Question(
        "Give this video a title, its topics, and hashtags.",
        {"title": _TITLE, "topics": _TOPICS, "hashtags": _HASHTAGS},
    ),
}


def summary_request(
    kind: SummaryKind,
    video: VideoSource | str,
    *,
    prompt: str | None = None,
    temperature: float | None = None,
    model: str = DEFAULT_MODEL,
    start: float | None = None,
    end: float | None = None,
) -> AnalysisRequest:
    """Return the analysis that replaces the summarize and gist endpoints in v1.3.

    :param prompt: added to the packaged prompt.
    """
    question = _QUESTIONS[kind]
    tokens = question.max_tokens if model == DEFAULT_MODEL else None
    return AnalysisRequest(
        video,
        model=model,
        prompt=f"{question.prompt}\n\n{prompt.strip()}" if prompt and prompt.strip() else question.prompt,
        response_format=json_schema(_object(question.properties)),
        max_tokens=tokens,
        temperature=temperature,
        start=start,
        end=end,
    )


def summary_of(kind: SummaryKind, generation: Generation) -> Summary:
    """Return the summary of an answer to :func:`summary_request`.

    :raises TwelveLabsAnswerError: the answer does not have the requested form.
    """
    return summary_from(kind, generation.structured().data, generation)


def summary_from(kind: SummaryKind, answer: Any, generation: Generation) -> Summary:
    """Return the summary of an answer of any generation: packaged prompt, ``/summarize`` or ``/gist``.

    :raises TwelveLabsAnswerError: the answer does not have the requested form.
    """
    raw = as_object(answer, f"the {kind.value} of a video")
    names = (kind.value,) if kind.timed else _FIELDS[kind]
    if missing := [name for name in names if raw.get(name) is None]:
        raise TwelveLabsAnswerError(f"the answer carries no {' and no '.join(missing)}; its fields are {sorted(raw)}")
    if kind.timed:
        return Summary(kind=kind, generation=generation, rows=_rows(kind, raw[kind.value]))
    return Summary.read({**{name: raw[name] for name in names}, "kind": kind, "generation": generation})


def _rows(kind: SummaryKind, entries: Any) -> tuple[Segment, ...]:
    if not isinstance(entries, list):
        raise TwelveLabsAnswerError(f"the {kind.value} of the answer are {type(entries).__name__}, not a list")
    if kind is SummaryKind.HIGHLIGHTS:
        return tuple(
            Segment(found.start, found.end, found.highlight, {"summary": found.summary})
            for found in sorted(map(Highlight.read, entries), key=_times)
        )
    return tuple(
        Segment(found.start, found.end, found.title, {"number": number, "summary": found.summary})
        for number, found in enumerate(sorted(map(Chapter.read, entries), key=_times), 1)
    )


def _times(found: Chapter | Highlight) -> tuple[float, float]:
    return (found.start, found.end)
