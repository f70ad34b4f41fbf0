"""The jobs that index a video and transcribe an asset."""

from __future__ import annotations

from collections.abc import Sequence

from twelvelabs_local.jobs.context import JobContext, ProgressReport
from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.assets import TERMINAL, Asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.indexes import Index, has_option
from twelvelabs_local.store.videos import Video, fail_video, finish_video, set_status


def index_video(context: JobContext, video_id: str) -> None:
    """Index a video. A deleted or indexed video is skipped.

    :raises JobCanceled: when the video is deleted meanwhile.
    """
    video = context.db.find(Video, id=video_id)
    if video is None or video.status in TERMINAL:
        return
    asset = context.db.find(Asset, id=video.asset_id)
    if asset is None or asset.status != "ready":
        fail_video(context.db, video.id, "resource_not_exist", "The asset of the video was deleted.")
        return
    set_status(context.db, video.id, "indexing")
    results = _results(context, video, asset)
    with context.db.transaction():
        if finish_video(context.db, video.id, results):
            bill(context.db, "indexing", (video.duration or 0.0) / 60, video.id)


def _results(context: JobContext, video: Video, asset: Asset) -> dict[str, Sequence[SegmentRow]]:
    index = context.db.find(Index, id=video.index_id)
    if index is None:
        return {}
    progress = ProgressReport(lambda share: context.db.update(Video, video.id, progress=share) == 1)
    file = context.media_file(asset)
    results: dict[str, Sequence[SegmentRow]] = {}
    if has_option(index, "visual"):
        results["text_in_video"] = context.extractor.text_in_video(file, progress.part(0.0, 0.5))
    if video.subtitles is not None:
        results["transcription"] = video.subtitles
    elif has_option(index, "audio"):
        results["transcription"] = context.extractor.transcript(file, progress.part(0.5, 1.0)).segments
    return results


def transcribe_asset(context: JobContext, asset_id: str) -> None:
    """Transcribe an asset into the cache. A deleted asset is skipped.

    :raises JobCanceled: when the asset is deleted meanwhile.
    """
    asset = context.db.find(Asset, id=asset_id)
    if asset is None or asset.status != "ready":
        return
    file = context.media_file(asset)
    progress = ProgressReport(lambda _: context.db.find(Asset, id=asset_id) is not None)
    context.extractor.transcript(file, progress.part(0.0, 1.0))
    bill(context.db, "transcription", file.duration / 60, asset_id)
