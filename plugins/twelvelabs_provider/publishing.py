"""Publishing and reading of results in ``@task`` functions.

For instance::

    from twelvelabs_provider import publish_rows, read_catalog, read_rows


    @task
    def count_words(output_path: str) -> dict[str, Any]:
        counts = (
            {"video_id": entry.video_id, "words": sum(len(row["value"].split()) for row in read_rows(entry))}
            for entry in read_catalog(output_path, kind="transcription")
        )
        return publish_rows(counts, output_path, kind="word_counts", formats=["parquet"])
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

    from twelvelabs_provider.storage.catalog import CatalogEntry
    from twelvelabs_provider.storage.layout import ResultPath
    from twelvelabs_provider.storage.manifest import Provenance

# What a running task needs is imported there: a DAG file imports this module when it is parsed.


def publish_rows(
    rows: Iterable[Mapping[str, Any]],
    output_path: str | os.PathLike[str] | ObjectStoragePath,
    name: str | None = None,
    *,
    kind: str | None = None,
    columns: Mapping[str, Any] | None = None,
    formats: Sequence[str] = ("jsonl",),
    index_id: str | None = None,
    video_id: str | None = None,
    asset_id: str | None = None,
    source_uri: str | None = None,
    origin: str = "service",
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Publish rows as the operators do: complete files or none, the manifest last, an entry in the catalog.

    The rows are written as they come, so a generator of any length works. If it raises, the earlier result stays.
    Signatures and passwords in URLs are removed. The manifest names the running task.

    :param rows: mappings; a missing field is written as null.
    :param output_path: local path or object storage URI, as for the operators.
    :param name: path of the files below it, without a suffix, such as ``videos/2026-11-28``. The default is a name that
        no other task instance has, in a folder named as the kind. Mapped task instances with the same name replace one
        another's result.
    :param kind: what the rows are, for the manifest and the catalog. The default is the end of the name, or the task
        id.
    :param columns: name to type, in order: ``str``, ``float``, ``int``, ``bool``, ``list[str]``, ``list[float]`` (a
        vector, 32-bit in Parquet), ``dict`` or ``list`` (any JSON). By default they are inferred from the rows: from
        all of a list, from the first 1,000 of an iterator.
    :param formats: of ``jsonl``, ``json``, ``parquet``; each gets a file.
    :param index_id: the index, if the rows are about one; as are ``video_id``, ``asset_id`` and ``source_uri``.
    :param origin: origin of the content: ``ocr``, ``speech``, ``given``, ``generated`` or ``service``.
    :param details: more entries of the manifest.
    :return: ``manifest``, ``files`` (format to address), ``rows``, ``bytes``.
    :raises TwelveLabsInputError: an argument is invalid.
    :raises TwelveLabsOutputError: a row does not fit the columns, or the files could not be written.
    """
    from twelvelabs_provider.storage.column_types import given_schema, inferred_schema
    from twelvelabs_provider.storage.publish import publish_rows as publish_table
    from twelvelabs_provider.storage.publish import table_formats

    wanted = table_formats(formats)
    task = _running_task()
    path = _path(name, kind, task)
    facts = _facts(task, index_id, video_id, asset_id, source_uri, origin, details)
    if columns is None:
        schema, rows = inferred_schema(rows)
    else:
        schema = given_schema(columns)
    cleaned: Iterable[Mapping[str, Any]] = map(_without_secrets, rows)
    return publish_table(_text_of(output_path), path, cleaned, schema, wanted, facts).as_xcom()


def publish_document(
    content: str | Mapping[str, Any] | Sequence[Any],
    output_path: str | os.PathLike[str] | ObjectStoragePath,
    name: str | None = None,
    *,
    kind: str | None = None,
    index_id: str | None = None,
    video_id: str | None = None,
    asset_id: str | None = None,
    source_uri: str | None = None,
    origin: str = "service",
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Publish one document, a text as ``.txt`` or a JSON value as ``.json``; see :func:`publish_rows`.

    :param content: a text, a mapping or a list.
    :return: ``manifest``, ``files`` (format to address), ``rows`` (1), ``bytes``.
    :raises TwelveLabsInputError: an argument is invalid.
    :raises TwelveLabsOutputError: the file could not be written.
    """
    from twelvelabs_provider.storage.publish import publish_document as publish_one

    task = _running_task()
    path = _path(name, kind, task)
    facts = _facts(task, index_id, video_id, asset_id, source_uri, origin, details)
    return publish_one(_text_of(output_path), path, _without_secrets(content), facts).as_xcom()


def read_rows(
    result: Mapping[str, Any] | CatalogEntry | str | os.PathLike[str] | ObjectStoragePath,
    *,
    conn_id: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Return the rows of a published result, in the same form whatever its format.

    The manifest is read at once, the rows on demand: of ``jsonl`` one by one, of ``parquet`` in batches. The files are
    compared with the manifest; of ``jsonl`` at the end, so that a result that is replaced during the read raises then.

    :param result: what an operator or :func:`publish_rows` returned, an entry of :func:`read_catalog`, or the address
        of a manifest.
    :param conn_id: Airflow connection of the store, if the address names none.
    :raises TwelveLabsInputError: this is no result, or one without rows (only subtitles, a text).
    :raises TwelveLabsOutputError: there is no result (yet), or it was replaced during the read; a retry may help.
    """
    from twelvelabs_provider.exceptions import TwelveLabsInputError
    from twelvelabs_provider.storage.catalog import CatalogEntry
    from twelvelabs_provider.storage.result_rows import rows_of_result

    if isinstance(result, CatalogEntry):
        return rows_of_result(result.manifest, conn_id)
    if not isinstance(result, Mapping):
        return rows_of_result(cast("str | os.PathLike[str]", result), conn_id)
    manifest = result.get("manifest")
    if not manifest:
        raise TwelveLabsInputError(f"The result names no manifest; its fields are {', '.join(map(str, result))}.")
    return rows_of_result(manifest, conn_id)


def read_catalog(
    output_path: str | os.PathLike[str] | ObjectStoragePath,
    *,
    kind: str | None = None,
    index_id: str | None = None,
    video_id: str | None = None,
    asset_id: str | None = None,
    dag_id: str | None = None,
    run_id: str | None = None,
) -> Iterator[CatalogEntry]:
    """Yield the published results below an output, each in its latest version.

    The addresses of an entry begin as ``output_path`` does, connection included, so that the next task can open them.
    A result that is published during the read may be missing.

    :param output_path: local path or object storage URI, as for the operators.
    :param kind: only results of this kind (``transcription``, ``search``, ...); the others in the same way.
    :raises TwelveLabsInputError: the output is empty, a URL, or has a scheme without a filesystem.
    :raises TwelveLabsOutputError: the store does not answer; a retry may help.
    """
    from twelvelabs_provider.storage import catalog
    from twelvelabs_provider.storage.locations import Location

    ids = {"index_id": index_id, "video_id": video_id, "asset_id": asset_id, "dag_id": dag_id, "run_id": run_id}
    wanted = {name: value for name, value in {"kind": kind, **ids}.items() if value is not None}
    location = Location.parse(_text_of(output_path))
    root = location.uri if location.is_local else location.value
    root = root.rstrip("/")
    for entry in catalog.read_catalog(location.value):
        if all(getattr(entry, name) == value for name, value in wanted.items()):
            manifest = f"{root}/{entry.result}"
            yield replace(entry, manifest=manifest, uri=manifest.rpartition("/")[0])


def _running_task() -> Provenance | None:
    """Return the running task instance; None outside a task."""
    from airflow.sdk import get_current_context

    from twelvelabs_provider.storage.manifest import Provenance

    try:
        context = get_current_context()
    except RuntimeError:
        return None
    return Provenance.of(context["ti"])


def _path(name: str | None, kind: str | None, task: Provenance | None) -> ResultPath:
    from twelvelabs_provider.exceptions import TwelveLabsInputError
    from twelvelabs_provider.storage.layout import ResultPath

    if name is None:
        if task is None:
            raise TwelveLabsInputError("name is needed outside a task: there is no task instance to name the files by.")
        kind = kind or task.task_id
        return ResultPath((kind,), task.file_stem(), kind)
    *folders, stem = [part for part in name.split("/") if part] or [""]
    if not stem:
        raise TwelveLabsInputError(f"name={name!r} is empty: give a file name without a suffix, or leave it out.")
    return ResultPath(tuple(folders), stem, kind or stem)


def _facts(
    task: Provenance | None,
    index_id: str | None,
    video_id: str | None,
    asset_id: str | None,
    source_uri: str | None,
    origin: str,
    details: Mapping[str, Any] | None,
) -> Any:
    from twelvelabs_provider.exceptions import TwelveLabsInputError
    from twelvelabs_provider.storage.manifest import Origin, Provenance, ResultFacts

    if origin not in set(Origin):
        raise TwelveLabsInputError(f"origin={origin!r} is not one of {', '.join(Origin)}.")
    return ResultFacts(
        task or Provenance("", "", ""),
        Origin(origin),
        source_uri=source_uri,
        index_id=index_id,
        video_id=video_id,
        asset_id=asset_id,
        details=details or {},
    )


def _text_of(output_path: Any) -> str:
    from twelvelabs_provider.storage.locations import Location

    return Location.parse(output_path).value


def _without_secrets(value: Any) -> Any:
    """Return a value in which no URL holds a signature or a password."""
    from twelvelabs_provider.api.url_secrets import without_secrets

    if isinstance(value, str):
        return without_secrets(value) if ":" in value else value
    if isinstance(value, Mapping):
        return {name: _without_secrets(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple) and value and not isinstance(value[0], float):
        return [_without_secrets(inner) for inner in value]
    return value
