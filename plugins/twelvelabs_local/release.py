"""Letting a video whose file is known go on to its indexing."""

from __future__ import annotations

from twelvelabs_local.errors import MediaError
from twelvelabs_local.requirements import check_video, requirements_of
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.records import Asset, Index, Video
from twelvelabs_local.store.videos import describe_video, fail_video, release_video


def release(db: Database, video: Video, index: Index, asset: Asset) -> None:
    """Check a video against the limits of its index, then queue or fail it.

    :param db: the database.
    :param video: a video in ``validating``.
    :param index: its index.
    :param asset: its file, ready.
    """
    found = asset.probed()
    assert found is not None
    describe_video(db, video.id, found)
    try:
        check_video(found, requirements_of([model.name for model in index.named_models()], bool(index.legacy)))
    except MediaError as error:
        fail_video(db, video.id, error.code, error.message)
    else:
        release_video(db, video.id)
