"""One run: look, compare, hand out in chunks, remember."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from twelvelabs_provider.storage.discovery.changes import Patience, Tally, compare
from twelvelabs_provider.storage.discovery.entries import Entry, Found
from twelvelabs_provider.storage.discovery.listing import VANISHED
from twelvelabs_provider.storage.discovery.outcomes import not_indexed
from twelvelabs_provider.storage.discovery.places import Place
from twelvelabs_provider.storage.discovery.sorting import Row, Spool
from twelvelabs_provider.storage.discovery.state import DiscoveryState, Run
from twelvelabs_provider.storage.discovery.videos import Wanted, steady, videos_in
from twelvelabs_provider.storage.video_list import ListedVideo, list_lines

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Discovery:
    """What is looked for and how it is handed out.

    :param places: where to look.
    :param wanted: which files are meant.
    :param min_age: seconds that a video has to have been left alone.
    :param stable_for: seconds between two looks, between which a video must not change; 0 for one look.
    :param chunk_size: videos of one chunk.
    :param max_chunks: chunks at most; with more videos, chunks are larger.
    :param only_new: hand out only what was not handed out as it is.
    :param outcomes: output path of the tasks that index what is handed out: what the last run handed out and they did
        not index is handed out again. None takes it for done.
    """

    places: Sequence[Place]
    wanted: Wanted
    min_age: float
    stable_for: float
    chunk_size: int
    max_chunks: int
    only_new: bool
    outcomes: str | None = None
    clock: Callable[[], float] = field(default=time.time, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def run(self, state: DiscoveryState, details: dict[str, Any]) -> Run:
        """Do the work and return this run; one that has finished already is returned as it is.

        :param details: what the manifest says besides.
        """
        finished = state.finished()
        if finished and finished.asked == state.asked:
            log.info("this run has listed its videos already: the same list again")
            state.point_to(finished)
            return finished
        if finished:
            log.info("this run has listed its videos already, with other arguments: it lists them anew")
        base = state.base(finished)
        log.info("what is there is compared with %s", f"run {base.name}" if base else "nothing: it is the first time")
        tally = Tally()
        spool = self._compared(state, base, tally)
        chunks = self._handed_out(state, spool)
        return self._finish(state, base, details, tally, spool.count, chunks)

    def _compared(self, state: DiscoveryState, base: Run | None, tally: Tally) -> Spool:
        """Remember what is there, and put aside what is handed out."""
        patience = Patience(self.clock(), self.min_age)
        again = self._not_indexed(state, base)
        writer = state.remember()
        try:
            pairs = compare(
                state.known(base),
                self._present(tally),
                patience,
                only_new=self.only_new,
                tally=tally,
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

    def _not_indexed(self, state: DiscoveryState, base: Run | None) -> frozenset[str]:
        if base is None or self.outcomes is None:
            return frozenset()
        names = not_indexed(state.handed_out(base), self.outcomes, base.published_at)
        if names:
            log.warning("%d videos of run %s are not indexed: handing them out again", len(names), base.name)
        return names

    def _present(self, tally: Tally) -> Iterator[Found]:
        if self.stable_for <= 0:
            return videos_in(self.places, self.wanted, tally.skipped, tally.unpaired)
        first = Spool(_as_row(found) for found in videos_in(self.places, self.wanted, Counter()))
        log.info("%d videos at the first look; the second follows in %g s", first.count, self.stable_for)
        self.sleep(self.stable_for)
        second = videos_in(self.places, self.wanted, tally.skipped, tally.unpaired)
        return steady(map(_as_found, first), second, tally.skipped, VANISHED)

    def _handed_out(self, state: DiscoveryState, spool: Spool) -> list[str]:
        size = max(self.chunk_size, -(-spool.count // self.max_chunks))
        if size > self.chunk_size:
            log.warning(
                "%d videos are more than %d chunks of %d: chunks of %d are made, so that their list stays small",
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
        base: Run | None,
        details: dict[str, Any],
        tally: Tally,
        videos: int,
        chunks: list[str],
    ) -> Run:
        skipped = dict(sorted((reason, count) for reason, count in tally.skipped.items() if count))
        counts = {"new": tally.new, "changed": tally.changed, "unchanged": tally.unchanged, "deleted": tally.deleted}
        if self.outcomes is not None:
            counts["again"] = tally.again
        log.info("%d videos in %d chunks; %s; skipped: %s", videos, len(chunks), counts, skipped or "nothing")
        result = {
            "videos": videos,
            "bytes": tally.bytes,
            "skipped": skipped,
            "chunks": chunks,
            "manifest": state.manifest_uri(),
        }
        if tally.unpaired:
            log.warning("subtitles without a video in the list, for instance: %s", ", ".join(tally.unpaired))
        return state.finish(base, result, {**details, "counts": counts, "unpaired_subtitles": tally.unpaired})


def _as_row(found: Found) -> Row:
    entries = (found.video, found.subtitle) if found.subtitle else (found.video,)
    return [[entry.uri, entry.size, entry.version, entry.modified] for entry in entries]


def _as_found(row: Row) -> Found:
    video, *subtitle = (Entry(*entry) for entry in row)
    return Found(video, subtitle[0] if subtitle else None)
