"""The job that makes the renditions of an asset: a stream, a thumbnail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from twelvelabs_local.engine.renditions import make_stream, make_thumbnail
from twelvelabs_local.errors import MediaError
from twelvelabs_local.ids import new_id
from twelvelabs_local.jobs.context import JobContext
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.media_files import content_path, rendition_path
from twelvelabs_local.store.renditions import THUMBNAIL, renditions_of, set_rendition


def render_asset(context: JobContext, asset_id: str) -> None:
    """Make the requested renditions of an asset. A deleted asset is skipped."""
    for kind, status in renditions_of(context.db, asset_id).items():
        asset = context.db.find(Asset, id=asset_id)
        if asset is None or asset.sha256 is None or status in ("ready", "error"):
            continue
        set_rendition(context.db, asset_id, kind, "processing")
        try:
            _render(context, asset_id, content_path(context.folder, asset.sha256), kind)
        except MediaError:
            set_rendition(context.db, asset_id, kind, "error")
        else:
            set_rendition(context.db, asset_id, kind, "ready")


def _render(context: JobContext, asset_id: str, content: Path, kind: str) -> None:
    """Make one rendition in a temporary folder and move the complete folder to its place."""
    temporary = context.folder.incoming / new_id()
    temporary.mkdir()
    try:
        if kind == THUMBNAIL:
            make_thumbnail(content, temporary / "thumbnail.jpg")
        else:
            make_stream(content, temporary)
        final = rendition_path(context.folder, asset_id, kind)
        final.parent.mkdir(exist_ok=True)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
