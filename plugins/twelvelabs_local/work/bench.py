"""What every job works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from twelvelabs_local.engine.understanding import Content, Understanding
from twelvelabs_local.errors import JobGone
from twelvelabs_local.media import content_path
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Database

LOOK_EVERY = 1.0
"""Seconds between two looks whether a job is still wanted."""


@dataclass(frozen=True)
class Bench:
    """What every job works with.

    :param db: the database.
    :param folder: the data folder.
    :param understanding: reading and listening.
    """

    db: Database
    folder: DataFolder
    understanding: Understanding

    def content(self, asset: Asset) -> Content:
        """Return the file of a ready asset."""
        probe = asset.probe
        assert probe is not None and asset.sha256 is not None
        return Content(content_path(self.folder, asset.sha256), asset.sha256, probe.duration)


class Progress:
    """Notes now and then how far a job is, and ends it when nobody wants it any more.

    :param note: called with the share that is done; returns whether the job is still wanted.
    """

    def __init__(self, note: Callable[[float], bool]) -> None:
        self._note = note
        self._next = 0.0

    def part(self, begin: float, end: float) -> Callable[[float], None]:
        """Return a callback for a part of the whole.

        :param begin: share of the whole where the part begins.
        :param end: share of the whole where the part ends.
        """

        def report(done: float) -> None:
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + LOOK_EVERY
            if not self._note(begin + (end - begin) * min(1.0, done)):
                raise JobGone

        return report
