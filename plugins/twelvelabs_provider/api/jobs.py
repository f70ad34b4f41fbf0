"""Remote jobs: their kinds, the meaning of their statuses, and the pauses between polls."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from twelvelabs_provider.api.redaction import clean_text

log = logging.getLogger(__name__)

# A job that ends t seconds after its submission is noticed within max(SHORTEST_PAUSE, t / 10), LONGEST_PAUSE at most.
SHORTEST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
_SHARE_OF_WAIT = 0.1
# A poll starts a little before it is due: the request takes time, and many waits must not poll at the same moment.
_EARLY = 0.05
_JITTER = 0.15


class JobKind(StrEnum):
    """Kinds of asynchronous work of the service."""

    INDEXING_TASK = "indexing_task"
    ASSET = "asset"
    INDEXED_ASSET = "indexed_asset"
    ANALYSIS_TASK = "analysis_task"
    ANALYSIS_BATCH = "analysis_batch"
    EMBEDDING_TASK = "embedding_task"
    IMPORT = "import"
    TRANSFER = "transfer"
    ENTITY = "entity"
    KNOWLEDGE_STORE_ITEM = "knowledge_store_item"


class Phase(StrEnum):
    """Meaning of a status for a wait."""

    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    CANCELED = "canceled"


_PHASES: Mapping[str, Phase] = {
    **dict.fromkeys(("uploading", "validating", "pending", "queued", "indexing", "processing"), Phase.RUNNING),
    "canceling": Phase.RUNNING,
    "ready": Phase.READY,
    "completed": Phase.READY,
    "failed": Phase.FAILED,
    "expired": Phase.FAILED,
    "canceled": Phase.CANCELED,
}


def phase_of(status: str) -> Phase:
    """Return the phase of a status; an unknown status counts as running."""
    phase = _PHASES.get(status.lower())
    return phase or _unknown(status)


@lru_cache(maxsize=64)
def _unknown(status: str) -> Phase:
    # Cached, so that each unknown status is logged once and not at every poll.
    log.warning("Unknown job status %r counts as running until the deadline", clean_text(status))
    return Phase.RUNNING


@dataclass(frozen=True)
class JobRef:
    """Identity of a job.

    :param index_id: the index, if the job's URL contains one; the connector of an import or a transfer, the collection
        of an entity, the knowledge store of an item.
    """

    kind: JobKind
    id: str
    index_id: str | None = None

    def __str__(self) -> str:
        # The id of a sensor or of a hook's caller may be a signed URL.
        return f"{self.kind.value.replace('_', ' ')} {clean_text(self.id)}"


def pause_after(waited: float, poll_interval: float | None, jitter: float) -> float:
    """Return the seconds from one poll to the next.

    :param waited: seconds from the submission of the youngest job to the poll.
    :param poll_interval: seconds between polls; None lets the pause grow from 5 to 60 seconds.
    :param jitter: a random number from 0 to 1.
    """
    interval = poll_interval if poll_interval and poll_interval > 0 else _grown(waited)
    return interval * (1 - _EARLY - _JITTER * jitter)


def _grown(waited: float) -> float:
    return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, waited * _SHARE_OF_WAIT))
