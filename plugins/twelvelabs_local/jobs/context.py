"""The context of a job and the report of its progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from twelvelabs_local.engine.text_extraction import MediaFile, TextExtractor
from twelvelabs_local.errors import JobCanceled
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.media_files import content_path

REPORT_INTERVAL = 1.0
"""Seconds between two progress reports."""


@dataclass(frozen=True)
class JobContext:
    """What every job needs.

    :param extractor: reads on-screen text and speech.
    """

    db: Database
    folder: DataFolder
    extractor: TextExtractor

    def media_file(self, asset: Asset) -> MediaFile:
        """Return the file of a ready asset."""
        assert asset.probe is not None and asset.sha256 is not None
        return MediaFile(content_path(self.folder, asset.sha256), asset.sha256, asset.probe.duration)


class ProgressReport:
    """Reports the progress of a job and stops a canceled job.

    :param save: saves the completed share, 0 to 1; returns False when the job's subject was deleted or canceled.
    """

    def __init__(self, save: Callable[[float], bool]) -> None:
        self._save = save
        self._next = 0.0

    def part(self, begin: float, end: float) -> Callable[[float], None]:
        """Return a progress callback for a part of the job.

        :param begin: share of the job at the start of the part.
        :param end: share of the job at the end of the part.
        """

        def report(done: float) -> None:
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + REPORT_INTERVAL
            if not self._save(begin + (end - begin) * min(1.0, done)):
                raise JobCanceled

        return report
