"""Many videos by way of assets: each is uploaded, prepared, and then indexed; uploads run ahead of the indexing."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import ClassVar

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.jobs.bulk_indexing.lookup import GONE
from twelvelabs_provider.jobs.bulk_indexing.pipeline import MOST_ATTEMPTS, MOST_WAITED_FOR, IndexingPipeline
from twelvelabs_provider.jobs.bulk_indexing.preflight import surveyed_late
from twelvelabs_provider.jobs.bulk_indexing.state import PendingJobs, Stage, VideoState, enough_of
from twelvelabs_provider.jobs.bulk_indexing.steps import VideoUploadState
from twelvelabs_provider.jobs.cost import LIMIT
from twelvelabs_provider.jobs.deduplication import remove_failed
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, Phase
from twelvelabs_provider.storage.locations import display_uri

log = logging.getLogger(__name__)
_MEASURED_ALIKE = 1.0
"""Seconds by which the lengths of a header and of the service may differ."""


@dataclass
class AssetPipeline(IndexingPipeline):
    """The videos of one task where there are assets."""

    _kind: ClassVar[JobKind] = JobKind.INDEXED_ASSET
    _ready: set[str] = field(default_factory=set)

    def _do(self) -> bool:
        sent = self._send()
        return (time.time() >= self.refused_until and self._bring()) or sent

    def _collect(self) -> None:
        super()._collect()
        assets = self._unready()
        for key, state in self._states(JobKind.ASSET, {key: entry.asset_id or "" for key, entry in assets.items()}):
            self._prepared(key, assets[key], state)
        if assets:
            self._save()

    def _mark(self, entry: VideoState, video_id: str) -> None:
        """Nothing is left to do: the mark went with the request."""

    def _unready(self) -> dict[str, VideoState]:
        return {key: entry for key, entry in self.book.of(Stage.ASSET).items() if key not in self._ready}

    def _wait(self) -> PendingJobs | None:
        unready = self._unready()
        if not unready or self._free <= 0:
            return super()._wait()
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
            del self.book.entries[key]
        elif entry.linked and state.status != GONE:
            self._upload_instead(key, entry, state)
        else:
            self._discard(key, entry, JobRef(JobKind.ASSET, entry.asset_id or ""), state)

    def _upload_instead(self, key: str, entry: VideoState, state: JobState) -> None:
        """Have a file uploaded that the service could not fetch by a link that nobody asked for."""
        job = JobRef(JobKind.ASSET, entry.asset_id or "")
        why = "perhaps because the service cannot follow a link of this store"
        told = f"the service fetched {state.size} bytes of {entry.size} by a link"
        told = told if state.phase is Phase.READY else f"{state.failure_of(job)}, {why}"
        log.warning("%s: %s: it is uploaded instead", entry.uri, told)
        remove_failed(self.hook, job, entry.asset_id)
        self.book.entries[key] = replace(entry, stage=Stage.UPLOADING, asset_id=None, linked=False, fingerprint=None)

    def _send_anew(self, key: str, error: Exception) -> None:
        """Have the new content of an object sent that changed while the service fetched its former content."""
        entry = self.book.entries[key]
        remove_failed(self.hook, JobRef(JobKind.ASSET, entry.asset_id or ""), entry.asset_id)
        self._ready.discard(key)
        attempts = entry.attempts + 1
        begun = replace(entry, stage=Stage.UPLOADING, attempts=attempts, asset_id=None, fingerprint=None, mark=None)
        log.warning("%s, attempt %d of %d: %s", entry.uri, attempts, MOST_ATTEMPTS, error)
        self.book.entries[key] = begun if attempts < MOST_ATTEMPTS else begun.failed(error, again=True)

    def _measured(self, key: str, entry: VideoState, duration: float | None) -> None:
        """Take the service's length of an asset, which is what it bills; a header may have told less, or nothing."""
        counted = 0.0 if entry.unsurveyed else entry.duration or 0.0
        length = duration or entry.duration
        self.book.entries[key] = replace(entry, duration=length, unsurveyed=None)
        if length is not None and length - counted > _MEASURED_ALIKE:
            self._afford(key, length - counted)

    def _afford(self, key: str, duration: float) -> None:
        """Refuse a video that is longer than the survey knew, where it would be more than may be billed."""
        if self.limit is not None and self.book.minutes + duration / 60 > self.limit:
            error = TwelveLabsInputError(f"indexing it would bill more than {LIMIT} allows ({self.limit:g})")
            self.book.entries[key] = self.book.entries[key].failed(error, again=False)
        else:
            self.book.minutes += duration / 60

    def _send(self) -> bool:
        """Have the assets indexed that are ready, as many as may be."""
        doubted = list(self.book.of(Stage.SENDING))
        ready = [key for key in self.book.of(Stage.ASSET) if key in self._ready]
        chosen = [*doubted, *ready][: max(0, self._free)]
        if not chosen:
            return False
        affordable = self._affordable([key for key in chosen if key not in doubted])
        chosen = [key for key in chosen if key in doubted or key in affordable]
        look_first = {key for key in chosen if key in self._doubtful or self.book.entries[key].borrowed}
        for key in chosen:
            self.book.entries[key] = replace(self.book.entries[key], stage=Stage.SENDING, at=time.time())
        self._save()
        self._doubtful |= set(chosen)
        for key, future in self.each(
            lambda key: self.steps.index(self.videos[key], self.book.entries[key], look_first=key in look_first), chosen
        ):
            error = future.exception()
            if isinstance(error, TwelveLabsSourceChangedError | TwelveLabsInputError):
                self._send_anew(key, error)
            else:
                self._take(key, future)
        self._save()
        return True

    def _bring(self) -> bool:
        """Upload the next videos, as many as may be."""
        ahead = len(self.book.of(Stage.ASSET))
        chosen = self._next(self.most - ahead, Stage.UPLOADING)
        if not chosen:
            return False
        look_first = {key for key in chosen if key in self._doubtful}
        for key in chosen:
            self.book.entries.setdefault(key, VideoState(display_uri(self.videos[key].uri), Stage.UPLOADING))
        self._save()
        self._doubtful |= set(chosen)
        for key, future in self.each(lambda key: self._uploaded(key, key in look_first), chosen):
            self._take(key, future)
            if self.book.entries[key].stage is Stage.ASSET:
                self._doubtful.discard(key)
        self._save()
        return True

    def _uploaded(self, key: str, look_first: bool) -> VideoState:
        def write(entry: VideoState) -> None:
            self.book.entries[key] = entry
            self._save()

        if self.book.entries[key].unsurveyed and (found := surveyed_late(self, key)):
            return found
        book = VideoUploadState(lambda: self.book.entries[key], write)
        return self.steps.upload(key, self.videos[key], self.book.entries[key], book, look_first=look_first)
