"""Bulk indexing with assets: upload, preparation, indexing; uploads run ahead of the indexing."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import ClassVar

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.jobs.bulk_failures import MOST_ATTEMPTS
from twelvelabs_provider.jobs.bulk_indexing.lookup import NOT_FOUND
from twelvelabs_provider.jobs.bulk_indexing.pipeline import IndexingPipeline
from twelvelabs_provider.jobs.bulk_indexing.preflight import late_preflight
from twelvelabs_provider.jobs.bulk_indexing.state import Stage, VideoState
from twelvelabs_provider.jobs.bulk_indexing.steps import VideoUploadState
from twelvelabs_provider.jobs.bulk_pipeline import MOST_WAITED_FOR
from twelvelabs_provider.jobs.bulk_state import PendingJobs, enough_of
from twelvelabs_provider.jobs.cost import over_limit
from twelvelabs_provider.jobs.deduplication import remove_failed
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Phase
from twelvelabs_provider.storage.locations import Location

log = logging.getLogger(__name__)
_MEASURED_ALIKE = 1.0
"""Seconds by which the length in a file's header and that of the service may differ."""


@dataclass
class AssetPipeline(IndexingPipeline):
    """Indexing of many videos on a generation with assets."""

    _kind: ClassVar[JobKind] = JobKind.INDEXED_ASSET
    _ready: set[str] = field(default_factory=set)

    def send_next(self) -> bool:
        indexed = self._index()
        return (time.time() >= self.refused_until and self._upload()) or indexed

    def collect_ended(self) -> None:
        super().collect_ended()
        assets = self._unready()
        for key, state in self._ended_jobs(JobKind.ASSET, {key: entry.asset_id or "" for key, entry in assets.items()}):
            self._prepared(key, assets[key], state)
        if assets:
            self.save()

    def _mark(self, entry: VideoState, video_id: str) -> None:
        """Do nothing: the indexing request contained the mark."""

    def _unready(self) -> dict[str, VideoState]:
        return {key: entry for key, entry in self.state.at(Stage.ASSET).items() if key not in self._ready}

    def jobs_to_wait_for(self) -> PendingJobs | None:
        unready = self._unready()
        if not unready or self._free <= 0:
            return super().jobs_to_wait_for()
        ids = tuple(entry.asset_id or "" for entry in unready.values())[:MOST_WAITED_FOR]
        now = time.time()
        began = [self._began(asset_id, now) for asset_id in ids]
        return PendingJobs(JobKind.ASSET, None, ids, enough_of(len(ids), self._free), min(began), max(began))

    def _prepared(self, key: str, entry: VideoState, state: JobState) -> None:
        otherwise = entry.linked and entry.fingerprint and None not in (entry.size, state.size)
        if state.phase is Phase.READY and otherwise and entry.size != state.size:
            self._upload_instead(key, entry, state)
        elif state.phase is Phase.READY:
            self._ready.add(key)
            self._measured(key, entry, state.duration)
        elif entry.borrowed:
            del self.state.entries[key]
        elif entry.linked and state.status != NOT_FOUND:
            self._upload_instead(key, entry, state)
        else:
            self._discard(key, entry, JobRef(JobKind.ASSET, entry.asset_id or ""), state)

    def _upload_instead(self, key: str, entry: VideoState, state: JobState) -> None:
        """Upload a file that the service could not fetch by a link."""
        job = JobRef(JobKind.ASSET, entry.asset_id or "")
        why = "perhaps because the service cannot fetch links of this store"
        reason = f"the service fetched {state.size} of {entry.size} bytes by a link"
        reason = reason if state.phase is Phase.READY else f"{state.failure_of(job)}, {why}"
        log.warning("%s is uploaded instead of a link: %s", entry.uri, reason)
        remove_failed(self.hook, job, entry.asset_id)
        self.state.entries[key] = replace(entry, stage=Stage.UPLOADING, asset_id=None, linked=False, fingerprint=None)

    def _upload_again(self, key: str, error: Exception) -> None:
        """Upload an object again that changed while the service fetched it."""
        entry = self.state.entries[key]
        remove_failed(self.hook, JobRef(JobKind.ASSET, entry.asset_id or ""), entry.asset_id)
        self._ready.discard(key)
        attempts = entry.attempts + 1
        begun = replace(entry, stage=Stage.UPLOADING, attempts=attempts, asset_id=None, fingerprint=None, mark=None)
        log.warning("%s, attempt %d of %d: %s", entry.uri, attempts, MOST_ATTEMPTS, error)
        self.state.entries[key] = begun if attempts < MOST_ATTEMPTS else begun.failed(error, again=True)

    def _measured(self, key: str, entry: VideoState, duration: float | None) -> None:
        """Use the service's length of an asset, which it bills; the file's header may have had another or none."""
        counted = 0.0 if entry.preflight_pending else entry.duration or 0.0
        length = duration or entry.duration
        self.state.entries[key] = replace(entry, duration=length, preflight_pending=None)
        if length is not None and length - counted > _MEASURED_ALIKE:
            self._check_limit(key, length - counted)

    def _check_limit(self, key: str, duration: float) -> None:
        """Refuse a video that is longer than in the preflight, if it would exceed the limit."""
        if self.limit is not None and self.state.minutes + duration / 60 > self.limit:
            error = over_limit(self.limit)
            self.state.entries[key] = self.state.entries[key].failed(error, again=False)
        else:
            self.state.minutes += duration / 60

    def _index(self) -> bool:
        """Index ready assets, as many as the limit allows."""
        doubted = list(self.state.at(Stage.SENDING))
        ready = [key for key in self.state.at(Stage.ASSET) if key in self._ready]
        chosen = [*doubted, *ready][: max(0, self._free)]
        if not chosen:
            return False
        affordable = self._within_limit([key for key in chosen if key not in doubted])
        chosen = [key for key in chosen if key in doubted or key in affordable]
        look_first = {key for key in chosen if key in self._unconfirmed or self.state.entries[key].borrowed}
        for key in chosen:
            self.state.entries[key] = replace(self.state.entries[key], stage=Stage.SENDING, at=time.time())
        self.save()
        self._unconfirmed |= set(chosen)
        for key, future in self.run_each(
            lambda key: self.steps.index(self.videos[key], self.state.entries[key], look_first=key in look_first),
            chosen,
        ):
            error = future.exception()
            if isinstance(error, TwelveLabsSourceChangedError | TwelveLabsInputError):
                self._upload_again(key, error)
            else:
                self._apply(key, future)
        self.save()
        return True

    def _upload(self) -> bool:
        """Upload the next videos, as many as the limit allows."""
        ahead = len(self.state.at(Stage.ASSET))
        chosen = self._next(self.most - ahead, Stage.UPLOADING)
        if not chosen:
            return False
        look_first = {key for key in chosen if key in self._unconfirmed}
        for key in chosen:
            self.state.entries.setdefault(key, VideoState(Location.parse(self.videos[key].uri).uri, Stage.UPLOADING))
        self.save()
        self._unconfirmed |= set(chosen)
        for key, future in self.run_each(lambda key: self._uploaded(key, key in look_first), chosen):
            self._apply(key, future)
            if self.state.entries[key].stage is Stage.ASSET:
                self._unconfirmed.discard(key)
        self.save()
        return True

    def _uploaded(self, key: str, look_first: bool) -> VideoState:
        def write(entry: VideoState) -> None:
            self.state.entries[key] = entry
            self.save()

        if self.state.entries[key].preflight_pending and (found := late_preflight(self, key)):
            return found
        upload_state = VideoUploadState(lambda: self.state.entries[key], write)
        return self.steps.upload(key, self.videos[key], self.state.entries[key], upload_state, look_first=look_first)
