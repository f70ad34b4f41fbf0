"""Preparing an asset: fetch it, look into it, and let the videos that wait for it go on."""

from __future__ import annotations

from collections.abc import Iterator

from twelvelabs_local.engine.probe import Probe, probe
from twelvelabs_local.engine.subtitles import LIMIT, read_subtitles
from twelvelabs_local.errors import JobGone, MediaError
from twelvelabs_local.media import Arrival, content_path, fetched
from twelvelabs_local.parts import assembled, forget_parts
from twelvelabs_local.release import release
from twelvelabs_local.requirements import MARENGO, Requirements, check_video
from twelvelabs_local.store.analyses import queue_analyses_of
from twelvelabs_local.store.assets import Asset, asset_downloaded, asset_failed, asset_ready
from twelvelabs_local.store.embeddings import queue_embedding_tasks_of
from twelvelabs_local.store.entities import queue_entities_of
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.knowledge import queue_items_of
from twelvelabs_local.store.renditions import fail_renditions, queue_renditions_of
from twelvelabs_local.store.uploads import Upload
from twelvelabs_local.store.videos import Video, fail_video, videos_of_asset
from twelvelabs_local.work.bench import Bench

ANY_LENGTH = Requirements(MARENGO.shortest, float("inf"), MARENGO.smallest_side, MARENGO.long_side, MARENGO.short_side)
"""An asset may be of any length; each model has its own limit."""


def prepare_asset(bench: Bench, asset_id: str) -> None:
    """Bring an asset to ``ready`` or ``failed``, and its waiting videos to their next status.

    :param bench: what every job works with.
    :param asset_id: the asset; nothing happens when it is gone.
    :raises JobGone: when it is deleted meanwhile.
    """
    asset = bench.db.find(Asset, id=asset_id)
    if asset is None:
        return
    try:
        found = _look(bench, asset)
    except MediaError as error:
        asset_failed(bench.db, asset.id, error.code, error.message)
        fail_renditions(bench.db, asset.id)
        for video in _waiting(bench, asset):
            fail_video(bench.db, video.id, error.code, error.message)
    else:
        asset_ready(bench.db, asset.id, found)
        queue_renditions_of(bench.db, asset.id)
        for video in _waiting(bench, asset):
            _release(bench, video)
    queue_analyses_of(bench.db, asset.id)
    queue_entities_of(bench.db, asset.id)
    queue_items_of(bench.db, asset.id)
    queue_embedding_tasks_of(bench.db, asset.id)


def _waiting(bench: Bench, asset: Asset) -> list[Video]:
    return [video for video in videos_of_asset(bench.db, asset.id) if video.status == "validating"]


def _look(bench: Bench, asset: Asset) -> Probe:
    """Fetch the file if need be and look into it.

    :raises MediaError: when it cannot be used.
    """
    # the file may be missing when a fetch was cut off at its very end
    if asset.sha256 and content_path(bench.folder, asset.sha256).exists():
        sha256 = asset.sha256
    else:
        sha256 = _fetch(bench, asset)
    found = probe(content_path(bench.folder, sha256))
    # a file that came for an index is measured by that index's own limits when its video is released
    if not asset.implicit and not found.still and found.video_codec:
        check_video(found, ANY_LENGTH)
    return found


def _fetch(bench: Bench, asset: Asset) -> str:
    with Arrival(bench.folder) as arrival:
        arrival.receive(_pieces(bench, asset), asset.size_limit)
        # noted first: the API removes contents that no asset has
        if not asset_downloaded(bench.db, asset.id, arrival.sha256):
            raise JobGone
        sha256 = arrival.keep()
    if upload := bench.db.find(Upload, asset_id=asset.id):
        forget_parts(bench.folder, upload.id)
    return sha256


def _pieces(bench: Bench, asset: Asset) -> Iterator[bytes]:
    if asset.method == "multipart":
        return assembled(bench.db, bench.folder, asset)
    if asset.url is None:
        raise MediaError("video_file_broken", "The uploaded file is gone.")
    return fetched(asset.url)


def _release(bench: Bench, video: Video) -> None:
    # the row is read anew: it has been described by now
    asset, index = bench.db.find(Asset, id=video.asset_id), bench.db.find(Index, id=video.index_id)
    if asset is None or index is None:
        return
    try:
        if video.subtitles_url and video.subtitles is None:
            _fetch_subtitles(bench, video, video.subtitles_url)
    except MediaError as error:
        fail_video(bench.db, video.id, error.code, error.message)
        return
    release(bench.db, video, index, asset)


def _fetch_subtitles(bench: Bench, video: Video, link: str) -> None:
    content = bytearray()
    for piece in fetched(link):
        content += piece
        if len(content) > LIMIT:
            break
    rows = read_subtitles(bytes(content))
    bench.db.update(Video, video.id, subtitles=rows)
