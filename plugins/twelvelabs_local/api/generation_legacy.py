"""Text about indexed videos as v1.2 asks for it: prompts, summaries, chapters, highlights, gists."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from twelvelabs_local.api.analysis_request import check_prompt
from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.entry import Entry
from twelvelabs_local.api.generation import indexed_answer
from twelvelabs_local.api.indexed_material import indexed_material
from twelvelabs_local.engine.analysis import LETTERS_PER_TOKEN, MODEL_NAME
from twelvelabs_local.engine.summary import chapters_of, hashtags_of, highlights_of, keywords_of, title_of
from twelvelabs_local.engine.topics import VideoText, summary_of
from twelvelabs_local.errors import ServiceError, invalid, missing
from twelvelabs_local.identity import is_id
from twelvelabs_local.store.billing import bill

SUMMARIES = ("summary", "chapter", "highlight")
GISTS = ("title", "topic", "hashtag")


async def generate(call: Call) -> Response:
    """POST /generate, and the same as POST /analyze (v1.2)."""
    body = await _body(call, ("video_id", "prompt", "temperature", "stream"))
    prompt = body.get("prompt")
    if not prompt:
        raise missing("prompt")
    if not isinstance(prompt, str):
        raise invalid("prompt", "It must be text.")
    if not isinstance(body.get("stream", False), bool):
        raise invalid("stream", f"It is {body['stream']!r}; it must be true or false.")
    return indexed_answer(call, body, stream=body.get("stream", False))


async def summarize(call: Call) -> Response:
    """POST /summarize (v1.2)."""
    body = await _body(call, ("video_id", "type", "prompt", "temperature"))
    kind = body.get("type")
    if not kind:
        raise missing("type")
    if kind not in SUMMARIES:
        raise invalid("type", f"It is {kind!r}; it must be one of {', '.join(SUMMARIES)}.")
    material = indexed_material(call, body["video_id"])
    return _answered(call, body, material, {"summarize_type": kind, **_summarized(kind, material)})


async def gist(call: Call) -> Response:
    """POST /gist (v1.2)."""
    body = await _body(call, ("video_id", "types"))
    types = body.get("types")
    if not types:
        raise missing("types")
    if not isinstance(types, list) or not set(map(str, types)) <= set(GISTS):
        raise invalid("types", f"It is {types!r}; it must be a list of {', '.join(GISTS)}.")
    material = indexed_material(call, body["video_id"])
    keywords = keywords_of(material.screen, material.speech)
    found = {
        "title": ("title", title_of(material.screen, material.speech)),
        "topic": ("topics", keywords),
        "hashtag": ("hashtags", hashtags_of(keywords)),
    }
    return _answered(call, body, material, dict(found[kind] for kind in GISTS if kind in types))


async def _body(call: Call, allowed: Collection[str]) -> dict[str, Any]:
    """Return the body of a request, with the fields checked that all of these calls share.

    :raises ServiceError: there is no such call before v1.2, or a field is wrong.
    """
    if call.dialect.version == "v1.1":
        raise ServiceError(404, "not_found", f"There is no such call in {call.dialect.version}.")
    body = await call.body(allowed)
    video_id, temperature = body.get("video_id"), body.get("temperature")
    if not video_id:
        raise missing("video_id")
    if not (isinstance(video_id, str) and is_id(video_id)):
        raise invalid("video_id", f"{video_id!r} is not an id.")
    number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if temperature is not None and not (number and 0 <= temperature <= 1):
        raise invalid("temperature", f"It is {temperature!r}; it must be a number from 0 to 1.")
    check_prompt(body)
    return body


def _summarized(kind: str, material: VideoText) -> Mapping[str, Any]:
    if kind == "summary":
        return {"summary": summary_of(material)}
    if kind == "highlight":
        rows = highlights_of(material.screen, material.speech)
        return {"highlights": [{"start": row["start"], "end": row["end"], "highlight": row["value"]} for row in rows]}
    chapters = chapters_of(material.screen, material.speech, 0.0, material.duration)
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


def _answered(call: Call, body: Mapping[str, Any], material: VideoText, found: Mapping[str, Any]) -> Response:
    generation_id = str(uuid.uuid4())
    bill(call.db, "analysis", material.duration / 60, generation_id)
    counts = {"input_tokens": body, "output_tokens": found}
    usage = {name: max(1, len(json.dumps(value)) // LETTERS_PER_TOKEN) for name, value in counts.items()}
    shown = {"id": generation_id, "model_name": MODEL_NAME, **found, "usage": usage}
    return answer(shown, headers=call.counted("analyze"))


ROUTES: Sequence[Entry] = (
    ("POST", "/generate", generate),
    ("POST", "/analyze", generate),
    ("POST", "/summarize", summarize),
    ("POST", "/gist", gist),
)
