"""What was heard and read: the older per-video calls, and the transcript of an asset."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from twelvelabs_local.api.assets import asset_of
from twelvelabs_local.api.call import Call, answer
from twelvelabs_local.api.lists import number, refuse_unknown
from twelvelabs_local.api.videos import ready_video
from twelvelabs_local.engine.text_extraction import TextExtractor, Transcript
from twelvelabs_local.errors import ServiceError, invalid, not_exist
from twelvelabs_local.segments import SegmentRow, within
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.indexes import has_option
from twelvelabs_local.store.job_queue import JobKind, enqueue, job_status
from twelvelabs_local.store.videos import segments_of

KINDS = ("words", "sentences", "utterances")


async def text_in_video(call: Call) -> Response:
    """GET /indexes/{index_id}/videos/{video_id}/text-in-video (v1.1 and v1.2)."""
    return segments_answer(call, "text_in_video", "text_in_video")


async def transcription(call: Call) -> Response:
    """GET /indexes/{index_id}/videos/{video_id}/transcription (v1.1 and v1.2)."""
    return segments_answer(call, "transcription", "conversation")


def segments_answer(call: Call, kind: str, option: str) -> Response:
    """Answer what was found in a video of the older generations.

    :param kind: what of it.
    :param option: the option that the index must have for it.
    :raises ServiceError: when it has not, or the window is wrong.
    """
    query = call.request.query_params
    refuse_unknown(query, ("start", "end"))
    start, end = number(query, "start"), number(query, "end")
    if start is not None and end is not None and end <= start:
        raise invalid("end", f"It is {end:g}; it must be greater than start, which is {start:g}.")
    index, video = ready_video(call)
    if not has_option(index, option):
        message = f"The index {index.id} was created without the option {option}."
        raise ServiceError(400, "parameter_invalid", f"{message} Create an index with it and index the video again.")
    rows = within(segments_of(call.db, video.id, kind), start, end)
    return answer({"_id": video.id, "index_id": index.id, "data": rows or None, "type": f"video_index_meta_{kind}"})


async def of_asset(call: Call) -> Response:
    """GET /assets/{asset_id}/transcription: the first call starts the listening."""
    query = call.request.query_params
    refuse_unknown(query, ("include",))
    include = query.getlist("include") or ["words"]
    for kind in include:
        if kind not in KINDS:
            raise invalid("include", f"It is {kind!r}; it must be one of {', '.join(KINDS)}.")
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
