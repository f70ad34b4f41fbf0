"""Summaries, chapters, highlights and gists: prompts for v1.3, and one model for all generations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from twelvelabs_provider.api.analysis.generation import Generation
from twelvelabs_provider.api.analysis.request import DEFAULT_MODEL, AnalysisRequest, VideoSource
from twelvelabs_provider.api.analysis.response_format import json_schema, offset_from
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.models import Segment, segments_from
from twelvelabs_provider.api.reading import as_object
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import value_text


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


@dataclass(frozen=True)
class Summary(Answer):
    """Summary of a video; fields of other kinds are empty.

    :param rows: chapters (``value`` is the title) or highlights, with ``summary`` and, for chapters, ``number``.
    :param generation: the generated text.
    """

    kind: SummaryKind
    generation: Generation
    summary: str | None = None
    title: str | None = None
    topics: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    rows: tuple[Segment, ...] = ()

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
    if kind.timed:
        return Summary(kind, generation, rows=_rows(kind, raw))
    texts = {name: _one_text(raw, name) for name in ("summary", "title") if name in _FIELDS[kind]}
    lists = {name: _texts(raw, name) for name in ("topics", "hashtags") if name in _FIELDS[kind]}
    return Summary(kind, generation, **texts, **lists)  # type: ignore[arg-type]


def _one_text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    text = "" if isinstance(value, Mapping | list) else value_text(value).strip()
    if not text:
        raise TwelveLabsAnswerError(f"the answer carries no {name}; its fields are {sorted(raw)}")
    return text


def _texts(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = raw.get(name)
    if not isinstance(value, list):
        raise TwelveLabsAnswerError(f"the answer carries no list of {name}; its fields are {sorted(raw)}")
    texts = (value_text(entry).strip() for entry in value)
    return tuple(dict.fromkeys(text for text in texts if text))


def _rows(kind: SummaryKind, raw: Mapping[str, Any]) -> tuple[Segment, ...]:
    entries = raw.get(kind.value)
    if not isinstance(entries, list):
        raise TwelveLabsAnswerError(f"the answer carries no list of {kind.value}; its fields are {sorted(raw)}")
    read = _chapter if kind is SummaryKind.CHAPTERS else _highlight
    try:
        rows = segments_from([read(entry) for entry in entries])
    except (TypeError, ValueError, AttributeError) as error:
        raise TwelveLabsAnswerError(f"an entry of the {kind.value} cannot be read: {error}") from error
    if kind is SummaryKind.HIGHLIGHTS:
        return rows
    return tuple(
        Segment(row.start, row.end, row.value, {"number": number, **row.extra}) for number, row in enumerate(rows, 1)
    )


def _chapter(entry: Mapping[str, Any]) -> dict[str, Any]:
    title, summary = _first(entry, "title", "chapter_title"), _first(entry, "summary", "chapter_summary")
    return {**_times(entry), "value": title, "summary": summary}


def _highlight(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_times(entry),
        "value": _first(entry, "highlight"),
        "summary": _first(entry, "summary", "highlight_summary"),
    }


def _times(entry: Mapping[str, Any]) -> dict[str, float]:
    """Offsets under any of the names that they have had."""
    start = next((entry[name] for name in ("start_time", "start", "start_sec") if entry.get(name) is not None), None)
    end = next((entry[name] for name in ("end_time", "end", "end_sec") if entry.get(name) is not None), None)
    return {"start": offset_from(start), "end": offset_from(end)}


def _first(entry: Mapping[str, Any], *names: str) -> str:
    return next((value_text(entry[name]) for name in names if entry.get(name) not in (None, "")), "")
