"""A discovery run: list, compare with the previous run, write chunks, save the records."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from twelvelabs_provider.storage.discovery.changes import Counts, MinimumAge, compare
from twelvelabs_provider.storage.discovery.external_sort import Row, Spool
from twelvelabs_provider.storage.discovery.listed_files import DiscoveredVideo, ListedFile
from twelvelabs_provider.storage.discovery.listing import VANISHED
from twelvelabs_provider.storage.discovery.outcomes import not_done
from twelvelabs_provider.storage.discovery.search_roots import SearchRoot
from twelvelabs_provider.storage.discovery.state import DiscoveryRun, DiscoveryState
from twelvelabs_provider.storage.discovery.videos import VideoSelection, compare_looks, videos_in
from twelvelabs_provider.storage.video_list import ListedVideo, list_lines

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Discovery:
    """Arguments of a discovery run.

    :param roots: folders, prefixes, files and patterns to list.
    :param selection: the files that count as videos.
    :param min_age: seconds for which a video must be unchanged.
    :param stable_for: seconds between two listings, in which a video must not change; 0 for one listing.
    :param chunk_size: videos per chunk.
    :param max_chunks: maximum number of chunks; with more videos, chunks are larger.
    :param only_new: return only new and changed videos.
    :param outcomes: output path of the tasks that index the videos: videos of the last run that they did not index are
        returned again. None assumes that all are indexed.
    """

    roots: Sequence[SearchRoot]
    selection: VideoSelection
    min_age: float
    stable_for: float
    chunk_size: int
    max_chunks: int
    only_new: bool
    outcomes: str | None = None
    clock: Callable[[], float] = field(default=time.time, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def run(self, state: DiscoveryState, details: dict[str, Any]) -> DiscoveryRun:
        """Run and return the run; a finished run is returned unchanged.

        :param details: further entries of the manifest.
        """
        finished = state.finished()
        if finished and finished.asked == state.asked:
            log.info("This run is finished: returning the same list")
            state.point_to(finished)
            return finished
        if finished:
            log.info("This run is finished with other arguments: listing again")
        base = state.base(finished)
        log.info("Comparing with run %s", base.name) if base else log.info("First run: every video is new")
        counts = Counts()
        spool = self._compare(state, base, counts)
        chunks = self._write_chunks(state, spool)
        return self._finish(state, base, details, counts, spool.count, chunks)

    def _compare(self, state: DiscoveryState, base: DiscoveryRun | None, counts: Counts) -> Spool:
        """Save the records and return the videos of this run."""
        min_age = MinimumAge(self.clock(), self.min_age)
        again = self._not_done(state, base)
        writer = state.create_records()
        try:
            pairs = compare(
                state.records(base),
                self._present(counts),
                min_age,
                only_new=self.only_new,
                counts=counts,
                again=again,
            )

            def rows() -> Iterator[Row]:
                for known, found in pairs:
                    writer.add(known)
                    if found is not None:
                        listed = found.listed()
                        yield [listed.uri, listed.size, listed.version, listed.modified, listed.subtitle]

            spool = Spool(rows())
            writer.commit()
        except BaseException:
            writer.discard()
            raise
        return spool

    def _not_done(self, state: DiscoveryState, base: DiscoveryRun | None) -> frozenset[str]:
        if base is None or self.outcomes is None:
            return frozenset()
        names = not_done(state.returned_names(base), self.outcomes, base.published_at)
        if names:
            log.warning("%d videos of run %s are not done: returning them again", len(names), base.name)
        return names

    def _present(self, counts: Counts) -> Iterator[DiscoveredVideo]:
        if self.stable_for <= 0:
            return videos_in(self.roots, self.selection, counts.skipped, counts.unpaired)
        first = Spool(_as_row(found) for found in videos_in(self.roots, self.selection, Counter()))
        log.info("%d videos in the first listing; listing again in %g s", first.count, self.stable_for)
        self.sleep(self.stable_for)
        second = videos_in(self.roots, self.selection, counts.skipped, counts.unpaired)
        return compare_looks(map(_as_found, first), second, counts.skipped, VANISHED)

    def _write_chunks(self, state: DiscoveryState, spool: Spool) -> list[str]:
        size = max(self.chunk_size, -(-spool.count // self.max_chunks))
        if size > self.chunk_size:
            log.warning(
                "%d videos need more than %d chunks of %d: writing chunks of %d",
                spool.count, self.max_chunks, self.chunk_size, size,
            )  # fmt: skip
        rows = iter(spool)
        count = -(-spool.count // size)
        return [
            state.write_chunk(number, list_lines(ListedVideo(*row) for row in islice(rows, size)))
            for number in range(count)
        ]

    def _finish(
        self,
        state: DiscoveryState,
        base: DiscoveryRun | None,
        details: dict[str, Any],
        counts: Counts,
        videos: int,
        chunks: list[str],
    ) -> DiscoveryRun:
        skipped = dict(sorted((reason, count) for reason, count in counts.skipped.items() if count))
        names = ("new", "changed", "unchanged", "deleted", *(("again",) if self.outcomes is not None else ()))
        numbers = {name: getattr(counts, name) for name in names}
        log.info("%d videos in %d chunks; %s; skipped: %s", videos, len(chunks), numbers, skipped or "nothing")
        result = {
            "videos": videos,
            "bytes": counts.bytes,
            "skipped": skipped,
            "chunks": chunks,
            "manifest": state.manifest_uri(),
        }
        if counts.unpaired:
            log.warning("Subtitles without a video, for instance: %s", ", ".join(counts.unpaired))
        return state.finish(base, result, {**details, "counts": numbers, "unpaired_subtitles": counts.unpaired})


def _as_row(found: DiscoveredVideo) -> Row:
    entries = (found.video, found.subtitle) if found.subtitle else (found.video,)
    return [[entry.uri, entry.size, entry.version, entry.modified] for entry in entries]


def _as_found(row: Row) -> DiscoveredVideo:
    video, *subtitle = (ListedFile(*entry) for entry in row)
    return DiscoveredVideo(video, subtitle[0] if subtitle else None)
