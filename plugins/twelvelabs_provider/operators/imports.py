"""Operator that imports files from another provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pendulum

from twelvelabs_provider.api.connections import (
    MOST_IMPORTED,
    ConnectionStatus,
    import_files,
    read_connection,
    read_import,
)
from twelvelabs_provider.api.legacy.transfers import read_transfer_logs, read_transfer_status, start_transfer_import
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsJobFailedError
from twelvelabs_provider.inputs.typed_arguments import optional_text, texts_of
from twelvelabs_provider.jobs.index_resolution import index_arguments, resolve_index
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.results.import_rows import ImportedFile, counts, failures, files_of_imports, files_of_transfer
from twelvelabs_provider.results.kinds import IMPORTS
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.publish import ResultFacts, ResultPath, check_output, publish_rows, table_formats
from twelvelabs_provider.task import COMMON_FIELDS

if TYPE_CHECKING:
    from airflow.sdk import Context

MOST_IDS = 500
"""Ids in the result; all of them are in the published rows."""

_SHOWN = 5
_NOT_USABLE = (ConnectionStatus.EXPIRED, ConnectionStatus.REVOKED)


class TwelveLabsImportVideosOperator(TwelveLabsJobOperator):
    """Imports files of a connected account as assets, or of an integrated bucket into an index.

    In v1.3 give ``connection_id`` and ``items``; any number, in requests of a hundred. In v1.2 give ``integration_id``
    and ``index_id``; all files of the bucket that the index does not have are imported. The service skips files that
    were imported before, so a lost response or a retry imports nothing twice.

    Service page: https://docs.twelvelabs.io/api-reference/data-connectors/imports/import-files

    :param connection_id: the connection to import through (templated).
    :param items: the provider's ids of the files: a list, its JSON text, or one id (templated).
    :param integration_id: the integration to import from (templated).
    :param index_id: the index that an integration's files go to (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param retry_failed: import files again whose earlier import failed (integrations; a connection always does).
    :param output_path: local path or URI of object storage for one row per file (templated).
    :param formats: any of ``jsonl``, ``json``, ``parquet`` (templated).
    :param fail_on_partial_error: fail after the rows are published if a file was not imported.
    :return: ``imports`` (ids), ``counts`` (action or status to number of files), ``asset_ids`` or ``video_ids`` of
        ready files (the first 500), the given ids, and with ``output_path`` ``manifest``, ``files``, ``rows``,
        ``bytes``.
    :raises TwelveLabsInputError: an argument is invalid, or the connection has expired or was revoked.
    :raises TwelveLabsJobFailedError: files were not imported; a retry requests them again.
    """

    template_fields: Sequence[str] = (
        *COMMON_FIELDS,
        "connection_id",
        "items",
        "integration_id",
        "index_id",
        "index_name",
        "output_path",
        "formats",
    )

    def __init__(
        self,
        *,
        connection_id: str | None = None,
        items: Sequence[str] | str | None = None,
        integration_id: str | None = None,
        index_id: str | None = None,
        index_name: str | None = None,
        retry_failed: bool = False,
        output_path: str | None = None,
        formats: Sequence[str] | str = ("jsonl",),
        fail_on_partial_error: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.connection_id = connection_id
        self.items = items
        self.integration_id = integration_id
        self.index_id = index_id
        self.index_name = index_name
        self.retry_failed = retry_failed
        self.output_path = output_path
        self.formats = formats
        self.fail_on_partial_error = fail_on_partial_error

    def submit(self, context: Context) -> PendingJob:
        """Check the arguments, then start the imports."""
        source_ids = self._checked()
        if self.output_path:
            self._formats()
            check_output(self.output_path)
        return self._import(context, source_ids) if source_ids else self._transfer(context)

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> PendingJob | Result:
        """Wait for the next import, or return the outcome of all files."""
        if pending.job.kind is JobKind.TRANSFER:
            if not pending.memo.get("started"):
                return self.next_job(pending, pending.job, **self._start(pending.job))
            return self._finish(context, self._transferred(pending), index_id=pending.job.index_id)
        imports = list(pending.memo["imports"])
        later = imports[imports.index(pending.job.id) + 1 :]
        if later:
            return self.next_job(pending, JobRef(JobKind.IMPORT, later[0], self.connection_id))
        found = [self.hook.execute(read_import(str(self.connection_id), import_id)) for import_id in imports]
        files = files_of_imports(_source_ids(self.items), found)
        return self._finish(context, [self._explained(file) for file in files], imports)

    def request_values(self) -> tuple[Any, ...]:
        """Return the files and their connection; the output may differ on a retry."""
        return (
            self.connection_id,
            texts_of("items", self.items),
            self.integration_id,
            self.index_id,
            self.index_name,
            self.retry_failed,
        )

    def detached_result(self, pending: PendingJob) -> Result:
        """Return all imports, each for a sensor."""
        handed = super().detached_result(pending)
        if pending.job.kind is JobKind.TRANSFER:
            return {**handed, "integration_id": pending.job.id}
        return {**handed, "index_id": None, "connection_id": pending.job.index_id, "imports": pending.memo["imports"]}

    def can_detach(self, pending: PendingJob) -> bool:
        """Return False for an import that cannot start because another one is running."""
        return pending.job.kind is not JobKind.TRANSFER or bool(pending.memo.get("started"))

    def _checked(self) -> list[str]:
        if bool(optional_text(self.connection_id)) == bool(optional_text(self.integration_id)):
            raise TwelveLabsInputError(
                f"connection_id={self.connection_id!r} and integration_id={self.integration_id!r}: give one of them"
                " (a connection in v1.3, an integration in v1.2)"
            )
        if optional_text(self.connection_id):
            return _source_ids(self.items)
        index_arguments(self.index_id, self.index_name)
        if texts_of("items", self.items):
            raise TwelveLabsInputError("items needs a connection_id: an integration imports all its new files")
        return []

    def _formats(self) -> tuple[Format, ...]:
        return table_formats(texts_of("formats", self.formats))

    def _import(self, context: Context, source_ids: Sequence[str]) -> PendingJob:
        connection_id = str(self.connection_id)
        connection = self.hook.execute(read_connection(connection_id))
        if connection.status in _NOT_USABLE:
            raise TwelveLabsInputError(
                f"Connection {connection_id} is {connection.status} ({connection.account or connection.provider}):"
                " authorize the account again"
            )
        imports = []
        for first in range(0, len(source_ids), MOST_IMPORTED):
            some = source_ids[first : first + MOST_IMPORTED]
            found = self.hook.execute(import_files(connection_id, some))
            imports.append(found.id)
            self.log.info("Started import %s: %s", found.id, _counts_text(files_of_imports(some, [found])))
        return self.pending(context, JobRef(JobKind.IMPORT, imports[0], connection_id), imports=imports)

    def _transfer(self, context: Context) -> PendingJob:
        index_id = resolve_index(self.hook, self.index_id, self.index_name)
        job = JobRef(JobKind.TRANSFER, str(self.integration_id), index_id)
        return self.pending(context, job, **self._start(job))

    def _start(self, job: JobRef) -> dict[str, Any]:
        """Start an import, and return its memo: the time of the newest video before it.

        An integration runs one import at a time, so a running one is waited for first.
        """
        before = self.hook.execute(read_transfer_status(job.id, str(job.index_id)))
        if before.is_running:
            self.log.info("Waiting for an earlier import of integration %s", job.id)
            return {"started": False}
        call = start_transfer_import(job.id, str(job.index_id), retry_failed=self.retry_failed)
        started = self.hook.execute(call)
        self.log.info("Started import of integration %s: %d files", job.id, len(started.files))
        return {"started": True, "seen": before.newest.isoformat() if before.newest else None}

    def _transferred(self, pending: PendingJob) -> list[ImportedFile]:
        job, seen = pending.job, pending.memo.get("seen")
        status = self.hook.execute(read_transfer_status(job.id, str(job.index_id)))
        logs = self.hook.execute(read_transfer_logs(job.id))
        moment = pendulum.parse(seen) if seen else None
        return files_of_transfer(
            status, logs, str(job.index_id), moment if isinstance(moment, pendulum.DateTime) else None
        )

    def _explained(self, file: ImportedFile) -> ImportedFile:
        """Add the reason of a failed asset, which the import does not have."""
        if file.status != "failed" or file.error_message or not file.asset_id:
            return file
        asset = self.hook.execute(self.hook.api.read_asset(file.asset_id))
        return replace(file, error_message=asset.error)

    def _finish(
        self, context: Context, files: Sequence[ImportedFile], imports: Sequence[str] = (), index_id: str | None = None
    ) -> Result:
        failed = failures(files)
        self.log.info("Imported %d files: %s", len(files), _counts_text(files))
        published = self._publish(context, files, imports, index_id) if self.output_path else {}
        given = {"connection_id": self.connection_id, "integration_id": self.integration_id, "index_id": index_id}
        named = {name: value for name, value in given.items() if optional_text(value)}
        result = {**named, **_summary(files, imports), **published}
        if failed and self.fail_on_partial_error:
            self.push_before_failure(context, result)
            # A retry starts a new import: the service fetches failed files again and skips the others.
            self._task_state(context).clear()
            raise TwelveLabsJobFailedError(_failure_text(failed, len(files), published.get("manifest")))
        return result

    def _publish(
        self, context: Context, files: Sequence[ImportedFile], imports: Sequence[str], index_id: str | None
    ) -> Result:
        provenance = Provenance.of(context["ti"])
        through = str(optional_text(self.connection_id) or self.integration_id)
        facts = ResultFacts(provenance, index_id=index_id, details={"through": through, "imports": list(imports)})
        return publish_rows(
            str(self.output_path),
            ResultPath(("imports", through), provenance.file_stem(), "imports"),
            (file.row() for file in files),
            IMPORTS,
            self._formats(),
            facts,
        ).as_xcom()


def _summary(files: Sequence[ImportedFile], imports: Sequence[str]) -> Result:
    ready = [file for file in files if file.status == "ready"]
    ids = {
        "asset_ids": [file.asset_id for file in ready if file.asset_id][:MOST_IDS],
        "video_ids": [file.video_id for file in ready if file.video_id][:MOST_IDS],
    }
    return {"imports": list(imports)[:MOST_IDS], "counts": counts(files), **ids}


def _counts_text(files: Sequence[ImportedFile]) -> str:
    return ", ".join(f"{number} {word}" for word, number in counts(files).items()) or "none"


def _failure_text(failed: Sequence[ImportedFile], total: int, manifest: str | None) -> str:
    named = "; ".join(map(str, failed[:_SHOWN])) + ("; ..." if len(failed) > _SHOWN else "")
    where = f"; all of them are in {manifest}" if manifest else ""
    return f"{len(failed)} of {total} files were not imported: {named}{where}"


def _source_ids(items: Any) -> list[str]:
    """Return the ids of the argument, each once."""
    found = list(dict.fromkeys(texts_of("items", items)))
    if not found:
        raise TwelveLabsInputError(f"items={items!r} names no file: give the provider's ids of the files")
    return found
