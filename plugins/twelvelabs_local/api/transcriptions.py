"""Transcripts and on-screen text: the older calls per video, and the transcript of an asset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import ValidationInfo, field_validator
from starlette.responses import Response

from twelvelabs_local.api.assets import asset_of
from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.parameters import Seconds
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.api.videos import ready_video
from twelvelabs_local.engine.text_extraction import TextExtractor, Transcript
from twelvelabs_local.errors import ServiceError, not_exist
from twelvelabs_local.segments import SegmentRow, within
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.indexes import has_option
from twelvelabs_local.store.job_queue import JobKind, enqueue, job_status
from twelvelabs_local.store.videos import segments_of


class WindowQuery(RequestModel):
    """The query of what was found in a video; the window is in seconds."""

    start: Seconds | None = None
    end: Seconds | None = None

    @field_validator("end")
    @classmethod
    def _check_end(cls, end: float, info: ValidationInfo) -> float:
        start = info.data.get("start")
        if start is not None and end <= start:
            raise ValueError(f"It is {end:g}; it must be greater than start, which is {start:g}.")
        return end


class TranscriptQuery(RequestModel):
    """The query of the transcript of an asset."""

    include: list[Literal["words", "sentences", "utterances"]] = ["words"]


async def text_in_video(call: Call) -> Response:
    """GET /indexes/{index_id}/videos/{video_id}/text-in-video (v1.1 and v1.2)."""
    return segments_answer(call, "text_in_video", "text_in_video")


async def transcription(call: Call) -> Response:
    """GET /indexes/{index_id}/videos/{video_id}/transcription (v1.1 and v1.2)."""
    return segments_answer(call, "transcription", "conversation")


def segments_answer(call: Call, kind: str, option: str) -> Response:
    """Return the segments of a video for the older generations.

    :param kind: the kind of segments.
    :param option: the option that the index must have.
    :raises ServiceError: when the index lacks the option, or the window is invalid.
    """
    query = call.query(WindowQuery)
    index, video = ready_video(call)
    if not has_option(index, option):
        message = f"The index {index.id} was created without the option {option}."
        raise ServiceError(400, "parameter_invalid", f"{message} Create an index with it and index the video again.")
    rows = within(segments_of(call.db, video.id, kind), query.start, query.end)
    return answer({"_id": video.id, "index_id": index.id, "data": rows or None, "type": f"video_index_meta_{kind}"})


async def of_asset(call: Call) -> Response:
    """GET /assets/{asset_id}/transcription: the first call starts the speech recognition."""
    include = call.query(TranscriptQuery).include
    asset = asset_of(call)
    if asset.status == "ready":
        return _transcript(call, asset, include)
    if asset.status == "failed":
        raise not_exist(asset.id, "transcriptions")
    return answer({"status": "pending"})


def _transcript(call: Call, asset: Asset, include: Sequence[str]) -> Response:
    probe = asset.probe
    if asset.sha256 is None or probe is None or not (probe.audio_codec or probe.subtitle_tracks):
        raise not_exist(asset.id, "transcriptions")
    known = TextExtractor(call.engine.settings.data.cache).known_transcript(asset.sha256)
    if known is not None:
        return answer({"status": "ready", **{kind: _rows(known, kind) for kind in include}})
    if asset.transcription_error:
        return answer({"status": "failed", "error": {"message": asset.transcription_error}})
    status = job_status(call.db, JobKind.TRANSCRIBE_ASSET, asset.id)
    if status is None:
        enqueue(call.db, JobKind.TRANSCRIBE_ASSET, asset.id)
        call.work_to_do()
    return answer({"status": status or "pending"})


def _rows(transcript: Transcript, kind: str) -> Sequence[SegmentRow]:
    return transcript.words if kind == "words" else transcript.segments
