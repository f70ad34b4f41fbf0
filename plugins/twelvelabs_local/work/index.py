"""Indexing a video: read what is shown, hear what is said."""

from __future__ import annotations

from collections.abc import Sequence

from twelvelabs_local.segments import SegmentRow
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.indexes import Index, has_option
from twelvelabs_local.store.videos import Video, fail_video, finish_video, set_status
from twelvelabs_local.work.bench import Bench, Progress


def index_video(bench: Bench, video_id: str) -> None:
    """Bring a video to ``ready``.

    :param bench: what every job works with.
    :param video_id: the video; nothing happens when it is gone or done.
    :raises JobGone: when it is deleted meanwhile.
    """
    video = bench.db.find(Video, id=video_id)
    if video is None or video.status in ("ready", "failed"):
        return
    asset = bench.db.find(Asset, id=video.asset_id)
    if asset is None or asset.status != "ready":
        fail_video(bench.db, video.id, "resource_not_exist", "The asset of the video is gone.")
        return
    set_status(bench.db, video.id, "indexing")
    results = _results(bench, video, asset)
    with bench.db.transaction():
        if finish_video(bench.db, video.id, results):
            bill(bench.db, "indexing", (video.duration or 0.0) / 60, video.id)


def _results(bench: Bench, video: Video, asset: Asset) -> dict[str, Sequence[SegmentRow]]:
    index = bench.db.find(Index, id=video.index_id)
    if index is None:
        return {}
    progress = Progress(lambda share: bench.db.update(Video, video.id, progress=share) == 1)
    content = bench.content(asset)
    results: dict[str, Sequence[SegmentRow]] = {}
    if has_option(index, "visual"):
        results["text_in_video"] = bench.understanding.text_in_video(content, progress.part(0.0, 0.5))
    if video.subtitles is not None:
        results["transcription"] = video.subtitles
    elif has_option(index, "audio"):
        transcript = bench.understanding.transcript(content, progress.part(0.5, 1.0))
        results["transcription"] = transcript.segments
    return results


def transcribe_asset(bench: Bench, asset_id: str) -> None:
    """Listen to an asset; the transcript is found by its content afterwards.

    :param bench: what every job works with.
    :param asset_id: the asset; nothing happens when it is gone.
    :raises JobGone: when it is deleted meanwhile.
    """
    asset = bench.db.find(Asset, id=asset_id)
    if asset is None or asset.status != "ready":
        return
    content = bench.content(asset)
    progress = Progress(lambda _: bench.db.find(Asset, id=asset_id) is not None)
    bench.understanding.transcript(content, progress.part(0.0, 1.0))
    bill(bench.db, "transcription", content.duration / 60, asset_id)
