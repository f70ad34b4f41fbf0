"""Making what was asked for with an asset: a stream, a thumbnail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from twelvelabs_local.engine.renditions import make_stream, make_thumbnail
from twelvelabs_local.errors import MediaError
from twelvelabs_local.identity import new_id
from twelvelabs_local.media import content_path, rendition_path
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.renditions import THUMBNAIL, renditions_of, set_rendition
from twelvelabs_local.work.bench import Bench


def render_asset(bench: Bench, asset_id: str) -> None:
    """Bring the renditions of an asset to ``ready`` or ``error``.

    :param bench: what every job works with.
    :param asset_id: the asset; nothing happens when it is gone.
    """
    for kind, status in renditions_of(bench.db, asset_id).items():
        asset = bench.db.find(Asset, id=asset_id)
        if asset is None or asset.sha256 is None or status in ("ready", "error"):
            continue
        set_rendition(bench.db, asset_id, kind, "processing")
        try:
            _render(bench, asset_id, content_path(bench.folder, asset.sha256), kind)
        except MediaError:
            set_rendition(bench.db, asset_id, kind, "error")
        else:
            set_rendition(bench.db, asset_id, kind, "ready")


def _render(bench: Bench, asset_id: str, content: Path, kind: str) -> None:
    """Make one rendition aside and move it to its place when it is whole."""
    aside = bench.folder.incoming / new_id()
    aside.mkdir()
    try:
        if kind == THUMBNAIL:
            make_thumbnail(content, aside / "thumbnail.jpg")
        else:
            make_stream(content, aside)
        final = rendition_path(bench.folder, asset_id, kind)
        final.parent.mkdir(exist_ok=True)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(aside, final)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
