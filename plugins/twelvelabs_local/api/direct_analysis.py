"""Direct analyses, whose response is the answer, at once or as a stream of lines."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from twelvelabs_local.api.analyses import asset_of, decode_inline
from twelvelabs_local.api.analysis_request import DirectAnalysisRequest
from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.endpoint import Endpoint
from twelvelabs_local.api.video_text import video_text
from twelvelabs_local.engine.analysis import MODEL_NAME, Limited, billed_minutes, limited
from twelvelabs_local.engine.analysis import answer as answered
from twelvelabs_local.errors import MediaError, ServiceError
from twelvelabs_local.store.analyses import DONE, Analysis, create_analysis, delete_analysis
from twelvelabs_local.store.assets import TERMINAL, Asset, delete_if_unused
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.media_files import IncomingFile, delete_unused_content
from twelvelabs_local.video_limits import PEGASUS_DIRECT, check_length, check_window

PAUSE = 0.05
"""Seconds between two polls of the worker."""
NDJSON = "application/x-ndjson"
_PIECES = re.compile(r"\S+\s*|\s+")


async def analyze(call: Call) -> Response:
    """POST /analyze (v1.3)."""
    request = await call.json(DirectAnalysisRequest)
    body = {**request.given(), "stream": request.stream}
    if request.video is None:
        return indexed_answer(call, body, stream=request.stream)
    with IncomingFile(call.engine.settings.data) as arrival:
        inline = request.video.base64_string
        if inline is not None:
            await run_in_threadpool(decode_inline, arrival, inline)
            body["video"] = {**body["video"], "base64_string": ""}
        asset_id = asset_of(call, request.video, arrival if inline is not None else None, missing=404)
    call.work_to_do()
    await _prepared(call, asset_id, body)
    task = create_analysis(call.db, asset_id, body)
    call.work_to_do()
    headers = call.counted("analyze")
    if request.stream:
        return StreamingResponse(_events(call, task), media_type=NDJSON, headers=headers)
    done = await _done(call, task)
    if done.result is None:
        raise ServiceError(500, "generic_error", done.error_message or "The analysis failed.")
    return answer(_whole(done), headers=headers)


def indexed_answer(call: Call, body: Mapping[str, Any], *, stream: bool) -> Response:
    """Return the response about a video that is already indexed.

    :param body: a checked request with ``video_id``.
    :param stream: whether the response is a stream of lines.
    """
    text = video_text(call, body["video_id"])
    found = limited(body, answered(body, text))
    generation_id = str(uuid.uuid4())
    bill(call.db, "analysis", billed_minutes(body, text.duration), generation_id)
    headers = call.counted("analyze")
    if stream:
        lines = (_line(event) for event in _events_of(generation_id, found))
        return StreamingResponse(lines, media_type=NDJSON, headers=headers)
    return answer(_body(generation_id, found), headers=headers)


async def _prepared(call: Call, asset_id: str, body: Mapping[str, Any]) -> None:
    """Wait until a file is prepared; reject and delete one that cannot be analysed.

    :raises ServiceError: the file is broken, too long, or does not have the window.
    """
    asset = call.db.find(Asset, id=asset_id)
    while asset is not None and asset.status not in TERMINAL:
        await asyncio.sleep(PAUSE)
        asset = call.db.find(Asset, id=asset_id)
    try:
        probe = asset.probe if asset else None
        if asset is None or probe is None:
            code = (asset.error_code if asset else None) or "video_file_broken"
            raise MediaError(code, (asset.error_message if asset else None) or "The asset was deleted.")
        check_length(probe, PEGASUS_DIRECT)
        check_window(body, probe, PEGASUS_DIRECT)
    except MediaError as error:
        delete_unused_content(call.engine.settings.data, call.db, delete_if_unused(call.db, asset_id))
        raise error.as_service_error() from error


async def _done(call: Call, task: Analysis) -> Analysis:
    """Wait for the worker, and return the analysis after it is deleted."""
    current: Analysis | None = task
    while current is not None and current.status not in DONE:
        await asyncio.sleep(PAUSE)
        current = call.db.find(Analysis, id=task.id)
    if current is None:
        raise ServiceError(500, "generic_error", "The analysis was lost.")
    delete_unused_content(call.engine.settings.data, call.db, delete_analysis(call.db, current))
    return current


async def _events(call: Call, task: Analysis) -> AsyncIterator[str]:
    """Yield the events of a running analysis: the start at once, the text when it is ready, the end last."""
    generation_id = str(uuid.uuid5(uuid.NAMESPACE_OID, task.id))
    yield _line({"event_type": "stream_start", "metadata": {"generation_id": generation_id}})
    done = await _done(call, task)
    if done.result is None:
        message = done.error_message or "The analysis failed."
        yield _line({"event_type": "stream_error", "error": {"code": "generic_error", "message": message}})
        return
    result = done.result
    found = Limited(result["data"], result["finish_reason"], result["usage"], done.error_message)
    for event in _events_of(generation_id, found):
        if event["event_type"] != "stream_start":
            yield _line(event)
            # sends each event in a piece of its own
            await asyncio.sleep(0)


def _events_of(generation_id: str, found: Limited) -> Iterator[Mapping[str, Any]]:
    """Yield the events of an answer."""
    yield {"event_type": "stream_start", "metadata": {"generation_id": generation_id}}
    for piece in pieces(found.data):
        yield {"event_type": "text_generation", "text": piece}
    metadata = {"generation_id": generation_id, "usage": found.usage}
    end = {"event_type": "stream_end", "finish_reason": found.finish_reason, "metadata": metadata}
    yield {**end, "error": {"message": found.warning}} if found.finish_reason == "length" else end


def pieces(text: str, words: int = 3) -> Sequence[str]:
    """Cut a text into pieces of some words; together they are the text."""
    found = _PIECES.findall(text)
    return ["".join(found[begin : begin + words]) for begin in range(0, len(found), words)]


def _whole(task: Analysis) -> Mapping[str, Any]:
    result = task.result or {}
    found = Limited(result["data"], result["finish_reason"], result["usage"], task.error_message)
    return _body(result["generation_id"], found)


def _body(generation_id: str, found: Limited) -> Mapping[str, Any]:
    body = {
        "id": generation_id,
        "model_name": MODEL_NAME,
        "data": found.data,
        "finish_reason": found.finish_reason,
        "usage": found.usage,
    }
    return {**body, "error": {"message": found.warning}} if found.warning else body


def _line(event: Mapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False) + "\n"


ROUTES: Sequence[Endpoint] = (("POST", "/analyze", analyze),)
