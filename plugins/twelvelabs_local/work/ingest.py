"""Taking an item into its knowledge store: read what is shown, hear what is said."""

from __future__ import annotations

from collections.abc import Iterator

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.knowledge import KnowledgeItem, fail_item, finish_item, start_item
from twelvelabs_local.store.passages import Modality, Passage, delete_passages, save_passages
from twelvelabs_local.work.bench import Bench, Progress


def ingest_item(bench: Bench, item_id: str) -> None:
    """Bring an item to ``ready`` or ``failed``.

    :param bench: what every job works with.
    :param item_id: the item; nothing happens when it is gone or done.
    :raises JobGone: when it is deleted meanwhile.
    """
    item = bench.db.find(KnowledgeItem, id=item_id)
    if item is None or item.status in ("ready", "failed"):
        return
    asset = bench.db.find(Asset, id=item.asset_id)
    found = asset.probe if asset else None
    if asset is None or found is None:
        reason = asset.error_message if asset else "The asset of the item is gone."
        fail_item(bench.db, item_id, reason or "The asset cannot be used.")
        return
    if ("image" if found.still else "video") != item.asset_type:
        fail_item(bench.db, item_id, f"The asset is no {item.asset_type}: its type is {found.file_type}.")
        return
    if start_item(bench.db, item_id, found):
        passages = list(_passages(bench, item_id, asset, found))
        with bench.db.transaction():
            if finish_item(bench.db, item_id):
                # a job that is done again after a crash must not leave them twice
                delete_passages(bench.db, item_id)
                save_passages(bench.db, passages)
                bill(bench.db, "knowledge_store_ingestion", found.duration / 60, item_id)


def _passages(bench: Bench, item_id: str, asset: Asset, found: Probe) -> Iterator[Passage]:
    content = bench.content(asset)
    if found.still:
        text = " ".join(bench.understanding.text_in_picture(content))
        if text:
            yield Passage(item_id, Modality.VISUAL, 0.0, 0.0, text)
        return
    progress = Progress(lambda _: bench.db.find(KnowledgeItem, id=item_id) is not None)
    if found.video_codec:
        for row in bench.understanding.text_in_video(content, progress.part(0.0, 0.5)):
            yield Passage(item_id, Modality.VISUAL, row["start"], row["end"], row["value"])
    for row in bench.understanding.transcript(content, progress.part(0.5, 1.0)).segments:
        yield Passage(item_id, Modality.AUDIO, row["start"], row["end"], row["value"])
