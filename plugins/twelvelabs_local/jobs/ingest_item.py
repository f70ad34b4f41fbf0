"""The job that ingests an item into its knowledge store."""

from __future__ import annotations

from collections.abc import Iterator

from twelvelabs_local.engine.probe import Probe
from twelvelabs_local.jobs.context import JobContext, ProgressReport
from twelvelabs_local.store.assets import TERMINAL, Asset
from twelvelabs_local.store.billing import bill
from twelvelabs_local.store.knowledge import KnowledgeItem, fail_item, finish_item, start_item
from twelvelabs_local.store.passages import Modality, Passage, delete_passages, save_passages


def ingest_item(context: JobContext, item_id: str) -> None:
    """Ingest an item. A deleted or ingested item is skipped.

    :raises JobCanceled: when the item is deleted meanwhile.
    """
    item = context.db.find(KnowledgeItem, id=item_id)
    if item is None or item.status in TERMINAL:
        return
    asset = context.db.find(Asset, id=item.asset_id)
    if asset is None or asset.probe is None:
        reason = asset.error_message if asset else "The asset of the item was deleted."
        fail_item(context.db, item_id, reason or "The asset cannot be used.")
        return
    probe = asset.probe
    if ("image" if probe.still else "video") != item.asset_type:
        fail_item(context.db, item_id, f"The asset is no {item.asset_type}: its type is {probe.file_type}.")
        return
    if start_item(context.db, item_id, probe):
        passages = list(_passages(context, item_id, asset, probe))
        with context.db.transaction():
            if finish_item(context.db, item_id):
                # a job that runs again after a crash must not save them twice
                delete_passages(context.db, item_id)
                save_passages(context.db, passages)
                bill(context.db, "knowledge_store_ingestion", probe.duration / 60, item_id)


def _passages(context: JobContext, item_id: str, asset: Asset, probe: Probe) -> Iterator[Passage]:
    file = context.media_file(asset)
    if probe.still:
        text = " ".join(context.extractor.text_in_picture(file))
        if text:
            yield Passage(item_id, Modality.VISUAL, 0.0, 0.0, text)
        return
    progress = ProgressReport(lambda _: context.db.find(KnowledgeItem, id=item_id) is not None)
    if probe.video_codec:
        for row in context.extractor.text_in_video(file, progress.part(0.0, 0.5)):
            yield Passage(item_id, Modality.VISUAL, row["start"], row["end"], row["value"])
    for row in context.extractor.transcript(file, progress.part(0.5, 1.0)).segments:
        yield Passage(item_id, Modality.AUDIO, row["start"], row["end"], row["value"])
