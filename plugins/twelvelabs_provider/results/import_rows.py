"""Outcome of imports: one row per file, in all generations of the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pendulum

from twelvelabs_provider.api.connections import Import, ImportAction, ImportItem
from twelvelabs_provider.api.legacy.transfers import TransferLog, TransferredFile, TransferStatus

_FAILED = ("failed", "missing")


@dataclass(frozen=True)
class ImportedFile:
    """Outcome of one file.

    :param source_id: the provider's id, or the file's name in the bucket.
    :param action: ``created``, ``skipped``, ``retried`` or ``rejected``; None if the service does not say.
    :param status: of the asset or video: ``ready``, ``failed``, ...; ``missing`` if it was deleted meanwhile.
    """

    source_id: str
    action: str | None
    status: str | None
    asset_id: str | None = None
    video_id: str | None = None
    error_code: str | None = None
    error_message: str | None = None

    def row(self) -> dict[str, Any]:
        """Return the row of a table."""
        return asdict(self)

    def __str__(self) -> str:
        why = ": ".join(part for part in (self.error_code, self.error_message) if part)
        return f"{self.source_id} ({why or self.status})"


def files_of_imports(requested: Sequence[str], imports: Iterable[Import]) -> list[ImportedFile]:
    """Return the outcome of each requested id, in the order requested.

    :param imports: all imports of these ids, oldest first; the last one that names an id counts.
    """
    items = {item.source_id: item for found in imports for item in found.items}
    return [_imported(source_id, items.get(source_id)) for source_id in requested]


def files_of_transfer(
    status: TransferStatus, logs: Sequence[TransferLog], index_id: str, seen: pendulum.DateTime | None
) -> list[ImportedFile]:
    """Return all files of an integration, by name.

    :param logs: of the integration; the newest one of the index lists the rejected files.
    :param seen: time of the newest video before the import, by the service's clock; later videos belong to it.
    """
    known = {file.filename: _transferred(file, seen) for file in status.files}
    rejected = {file.filename: file for file in _newest_failures(logs, index_id)}
    for name, file in rejected.items():
        known[name] = ImportedFile(name, ImportAction.REJECTED.value, None, error_message=file.error)
    return [known[name] for name in sorted(known)]


def failures(files: Iterable[ImportedFile]) -> list[ImportedFile]:
    """Return the files that failed, without the failures of earlier imports."""
    return [file for file in files if file.action == ImportAction.REJECTED or _has_failed(file)]


def counts(files: Iterable[ImportedFile]) -> dict[str, int]:
    """Return how many files had each action and each status."""
    return dict(Counter(word for file in files for word in (file.action, file.status) if word))


def _has_failed(file: ImportedFile) -> bool:
    """Return whether this import failed; files that an integration skipped belong to an earlier import."""
    return file.status in _FAILED and not (file.asset_id is None and file.action == ImportAction.SKIPPED)


def _imported(source_id: str, item: ImportItem | None) -> ImportedFile:
    if item is None:
        return ImportedFile(source_id, None, "missing", error_message="its asset was deleted meanwhile")
    return ImportedFile(source_id, item.action, item.status, item.asset_id, None, item.error_code, item.error_message)


def _transferred(file: TransferredFile, seen: pendulum.DateTime | None) -> ImportedFile:
    action = None
    if file.created_at:
        action = ImportAction.CREATED if seen is None or file.created_at > seen else ImportAction.SKIPPED
    return ImportedFile(
        file.filename, action.value if action else None, file.status, None, file.video_id, None, file.error
    )


def _newest_failures(logs: Sequence[TransferLog], index_id: str) -> tuple[TransferredFile, ...]:
    own = [log for log in logs if log.index_id == index_id and log.created_at]
    newest = max(own, key=lambda log: log.created_at or pendulum.DateTime.min, default=None)
    return newest.failed_files if newest else ()
