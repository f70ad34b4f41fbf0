"""Validation of a video against the limits of its index."""

from __future__ import annotations

from twelvelabs_local.errors import MediaError
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.videos import Video, describe_video, fail_video, queue_video
from twelvelabs_local.video_limits import check_video, limits_of


def validate_video(db: Database, video: Video, index: Index, asset: Asset) -> None:
    """Check a video against the limits of its index, then queue or fail it.

    :param db: the database.
    :param video: a video in ``validating``.
    :param index: its index.
    :param asset: its ready asset.
    """
    assert asset.probe is not None
    describe_video(db, video.id, asset.probe)
    try:
        check_video(asset.probe, limits_of([model.name for model in index.named_models()], index.legacy))
    except MediaError as error:
        fail_video(db, video.id, error.code, error.message)
    else:
        queue_video(db, video.id)
