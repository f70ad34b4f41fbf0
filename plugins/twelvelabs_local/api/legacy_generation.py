"""Text about indexed videos in v1.2: answers, summaries, chapters, highlights and gists."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator
from starlette.responses import Response

from twelvelabs_local.api.analysis_request import Temperature, checked_prompt
from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.direct_analysis import indexed_answer
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.parameters import Id, Required
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.api.video_text import video_text
from twelvelabs_local.engine.analysis import LETTERS_PER_TOKEN, MODEL_NAME
from twelvelabs_local.engine.summary import chapters_of, hashtags_of, highlights_of, keywords_of, title_of
from twelvelabs_local.engine.topics import VideoText, summary_of
from twelvelabs_local.store.billing import bill

Prompt = Annotated[str, Required, AfterValidator(checked_prompt)]


class VideoTextRequest(RequestModel):
    """What the requests for text about an indexed video share."""

    video_id: Id


class GenerateRequest(VideoTextRequest):
    """A request for the answer to a prompt."""

    prompt: Prompt
    temperature: Temperature | None = None
    stream: bool = False


class SummarizeRequest(VideoTextRequest):
    """A request for a summary, chapters or highlights."""

    type: Literal["summary", "chapter", "highlight"]
    prompt: Prompt | None = None
    temperature: Temperature | None = None


class GistRequest(VideoTextRequest):
    """A request for a title, topics or hashtags."""

    types: Annotated[list[Literal["title", "topic", "hashtag"]], Required]


async def generate(call: Call) -> Response:
    """POST /generate, and the same as POST /analyze (v1.2)."""
    request = await call.json(GenerateRequest)
    return indexed_answer(call, request.given(), stream=request.stream)


async def summarize(call: Call) -> Response:
    """POST /summarize (v1.2)."""
    request = await call.json(SummarizeRequest)
    text = video_text(call, request.video_id)
    return _answered(call, request, text, {"summarize_type": request.type, **_summarized(request.type, text)})


async def gist(call: Call) -> Response:
    """POST /gist (v1.2)."""
    request = await call.json(GistRequest)
    text = video_text(call, request.video_id)
    keywords = keywords_of(text.screen, text.speech)
    found = {
        "title": ("title", title_of(text.screen, text.speech)),
        "topic": ("topics", keywords),
        "hashtag": ("hashtags", hashtags_of(keywords)),
    }
    return _answered(call, request, text, dict(found[kind] for kind in found if kind in request.types))


def _summarized(kind: str, text: VideoText) -> Mapping[str, Any]:
    if kind == "summary":
        return {"summary": summary_of(text)}
    if kind == "highlight":
        rows = highlights_of(text.screen, text.speech)
        return {"highlights": [{"start": row["start"], "end": row["end"], "highlight": row["value"]} for row in rows]}
    chapters = chapters_of(text.screen, text.speech, 0.0, text.duration)
    return {
        "chapters": [
            {
                "chapter_number": number,
                "start": chapter.start,
                "end": chapter.end,
                "chapter_title": chapter.title,
                "chapter_summary": chapter.summary,
            }
            for number, chapter in enumerate(chapters)
        ]
    }


def _answered(call: Call, request: RequestModel, text: VideoText, found: Mapping[str, Any]) -> Response:
    generation_id = str(uuid.uuid4())
    bill(call.db, "analysis", text.duration / 60, generation_id)
    counts = {"input_tokens": request.given(), "output_tokens": found}
    usage = {name: max(1, len(json.dumps(value)) // LETTERS_PER_TOKEN) for name, value in counts.items()}
    shown = {"id": generation_id, "model_name": MODEL_NAME, **found, "usage": usage}
    return answer(shown, headers=call.counted("analyze"))


ROUTES: Sequence[Endpoint] = (
    ("POST", "/generate", generate),
    ("POST", "/analyze", generate),
    ("POST", "/summarize", summarize),
    ("POST", "/gist", gist),
)
