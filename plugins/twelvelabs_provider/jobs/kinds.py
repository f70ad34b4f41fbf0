"""Kinds of jobs: how each is read and cancelled, and what its statuses mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from twelvelabs_provider.api.jobs import phase_of
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Phase

if TYPE_CHECKING:
    from twelvelabs_provider.api.analysis.batch_models import AnalysisBatch
    from twelvelabs_provider.api.call import Call
    from twelvelabs_provider.api.connections import Import
    from twelvelabs_provider.api.embedding.models import EmbeddingTask
    from twelvelabs_provider.api.entities import Entity
    from twelvelabs_provider.api.generations import Dialect
    from twelvelabs_provider.api.knowledge.knowledge_stores import KnowledgeStoreItem
    from twelvelabs_provider.api.legacy.transfers import TransferStatus
    from twelvelabs_provider.api.models import AnalysisTask, Asset, IndexingTask, Video


@dataclass(frozen=True)
class KindOfJob:
    """The calls of one kind.

    :param read: returns the call that reads the state of one job.
    :param cancel: returns the call that cancels it; None if the service has none.
    """

    read: Callable[[Dialect, JobRef], Call[JobState]]
    cancel: Callable[[Dialect, JobRef], Call[None]] | None = None


def read_state(dialect: Dialect, job: JobRef) -> Call[JobState]:
    """Return the call that reads the state of a job."""
    return KINDS[job.kind].read(dialect, job)


def cancellation(dialect: Dialect, job: JobRef) -> Call[None] | None:
    """Return the call that cancels a job, or None if the service cannot cancel it."""
    cancel = KINDS[job.kind].cancel
    return cancel(dialect, job) if cancel else None


def _epoch(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def indexing_task_state(task: IndexingTask) -> JobState:
    """Return the state of an indexing task."""
    return JobState(
        phase_of(task.status),
        task.status,
        task.error,
        task.video_id,
        task.duration,
        task.index_id,
        created_at=_epoch(task.created_at),
        changed_at=_epoch(task.updated_at),
    )


def asset_state(asset: Asset) -> JobState:
    """Return the state of an asset."""
    return JobState(
        phase_of(asset.status),
        asset.status,
        asset.error,
        duration=asset.duration,
        size=asset.size,
        created_at=_epoch(asset.created_at),
    )


def indexed_asset_state(video: Video) -> JobState:
    """Return the state of an indexed asset."""
    status = video.status or "ready"
    return JobState(
        phase_of(status), status, video.error, video.id, video.duration, created_at=_epoch(video.created_at)
    )


def _embedding_state(task: EmbeddingTask) -> JobState:
    return JobState(
        phase_of(task.status),
        task.status,
        task.error,
        duration=task.input.duration,
        created_at=_epoch(task.created_at),
        changed_at=_epoch(task.updated_at),
    )


def _analysis_state(task: AnalysisTask) -> JobState:
    return JobState(
        phase_of(task.status),
        task.status,
        task.error,
        duration=task.duration,
        created_at=_epoch(task.created_at),
    )


def _batch_state(batch: AnalysisBatch) -> JobState:
    unfinished = f"{batch.canceled_items} of {batch.total_items} items were canceled, {batch.failed_items} failed"
    return JobState(phase_of(batch.status), batch.status, unfinished, created_at=_epoch(batch.created_at))


def _import_state(found: Import) -> JobState:
    # An import has no status: it is ready when none of its assets is being processed.
    running = any(item.status and phase_of(item.status) is Phase.RUNNING for item in found.items)
    return JobState(Phase.RUNNING, "processing") if running else JobState(Phase.READY, "ready")


def _transfer_state(status: TransferStatus) -> JobState:
    return JobState(Phase.RUNNING, "indexing") if status.is_running else JobState(Phase.READY, "ready")


def _entity_state(entity: Entity) -> JobState:
    return JobState(phase_of(entity.status), entity.status, created_at=_epoch(entity.created_at))


def _item_state(item: KnowledgeStoreItem) -> JobState:
    return JobState(
        phase_of(item.status), item.status, item.error, duration=item.duration, created_at=_epoch(item.created_at)
    )


# The calls are imported when they are made: a DAG file that imports an operator needs none of them.
def _read_batch(_: Dialect, job: JobRef) -> Call[JobState]:
    from twelvelabs_provider.api.analysis.batches import read_batch

    return read_batch(job.id).then(_batch_state)


def _cancel_batch(_: Dialect, job: JobRef) -> Call[None]:
    from twelvelabs_provider.api.analysis.batches import cancel_batch
    from twelvelabs_provider.api.call import nothing

    return cancel_batch(job.id).then(nothing)


def _read_import(_: Dialect, job: JobRef) -> Call[JobState]:
    from twelvelabs_provider.api.connections import read_import

    return read_import(job.index_id or "", job.id).then(_import_state)


def _read_entity(_: Dialect, job: JobRef) -> Call[JobState]:
    from twelvelabs_provider.api.entities import read_entity

    return read_entity(job.index_id or "", job.id).then(_entity_state)


def _read_item(_: Dialect, job: JobRef) -> Call[JobState]:
    from twelvelabs_provider.api.knowledge.knowledge_stores import read_knowledge_store_item

    return read_knowledge_store_item(job.index_id or "", job.id).then(_item_state)


def _read_transfer(_: Dialect, job: JobRef) -> Call[JobState]:
    from twelvelabs_provider.api.legacy.transfers import read_transfer_status

    return read_transfer_status(job.id, job.index_id or "").then(_transfer_state)


KINDS: Mapping[JobKind, KindOfJob] = {
    JobKind.INDEXING_TASK: KindOfJob(lambda api, job: api.read_task(job.id).then(indexing_task_state)),
    JobKind.ASSET: KindOfJob(lambda api, job: api.read_asset(job.id).then(asset_state)),
    JobKind.INDEXED_ASSET: KindOfJob(
        lambda api, job: api.read_indexed_asset(job.index_id or "", job.id).then(indexed_asset_state)
    ),
    JobKind.ANALYSIS_TASK: KindOfJob(
        lambda api, job: api.read_analysis_task(job.id).then(_analysis_state),
        cancel=lambda api, job: api.cancel_analysis_task(job.id),
    ),
    JobKind.ANALYSIS_BATCH: KindOfJob(_read_batch, cancel=_cancel_batch),
    JobKind.IMPORT: KindOfJob(_read_import),
    JobKind.ENTITY: KindOfJob(_read_entity),
    JobKind.KNOWLEDGE_STORE_ITEM: KindOfJob(_read_item),
    JobKind.TRANSFER: KindOfJob(_read_transfer),
    # Today's API returns the status together with the embeddings, which are not parsed here.
    JobKind.EMBEDDING_TASK: KindOfJob(lambda api, job: api.embedding_task_status(job.id).then(_embedding_state)),
}
