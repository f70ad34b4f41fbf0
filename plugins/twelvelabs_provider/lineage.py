"""OpenLineage datasets of published results and indexed videos."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.storage.catalog.writing import Publication
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.storage.manifest import FileRecord

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset, OutputDataset
    from airflow.providers.openlineage.extractors import OperatorLineage

SERVICE = "twelvelabs://api.twelvelabs.io"
"""Namespace of videos and assets; their ids differ between accounts."""
MOST_FILES = 200
_TABLES = frozenset({Format.JSONL, Format.JSON, Format.PARQUET})
_SAME_SCHEME = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}


def lineage_of(published: Sequence[Publication], result: Any) -> OperatorLineage[Any, Any]:
    """Return the inputs and outputs of a task.

    A task that published made its files of the source and of the video on the service; a task that published nothing
    and returns a ``source_uri`` and a ``video_id`` made the video of the source.

    :param published: the published results.
    :param result: the return value of the task.
    :raises ImportError: the openlineage provider is not installed.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage

    if published:
        inputs = {name: None for one in published for name in _inputs(one)}
        files = ((one, file) for one in published for file in one.files)
        outputs = [_output(one, file) for one, file in islice(files, MOST_FILES)]
        return OperatorLineage(inputs=_datasets(islice(inputs, MOST_FILES)), outputs=outputs)
    returned = result if isinstance(result, Mapping) else {}
    if not returned.get("video_id") or not returned.get("source_uri"):
        return OperatorLineage()
    video = _on_service(returned.get("index_id"), returned["video_id"])
    return OperatorLineage(inputs=_datasets([name_of(returned["source_uri"])]), outputs=_datasets([video]))


def name_of(place: str) -> tuple[str, str]:
    """Return namespace and name of a location by OpenLineage's naming rules, without credentials and query."""
    uri = Location.parse(place).uri
    scheme, _, rest = uri.partition("://")
    if scheme == "file":
        return "file", rest
    if scheme in ("http", "https"):
        host, _, path = rest.partition("/")
        return f"{scheme}://{host}", f"/{path}"
    scheme = _SAME_SCHEME.get(scheme, scheme)
    container, _, key = rest.partition("/")
    return f"{scheme}://{container}", key.rstrip("/") or "/"


def _inputs(published: Publication) -> list[tuple[str, str]]:
    entry = published.entry
    found = [name_of(entry.source)] if entry.source else []
    if entry.video_id:
        found.append(_on_service(entry.index_id, entry.video_id))
    elif entry.asset_id:
        found.append((SERVICE, f"assets/{entry.asset_id}"))
    return found


def _on_service(index_id: str | None, video_id: str) -> tuple[str, str]:
    return SERVICE, f"indexes/{index_id}/videos/{video_id}" if index_id else f"assets/{video_id}"


def _datasets(names: Iterable[tuple[str, str]]) -> list[Dataset]:
    from airflow.providers.common.compat.openlineage.facet import Dataset

    return [Dataset(namespace=namespace, name=name) for namespace, name in names]


def _output(published: Publication, file: FileRecord) -> OutputDataset:
    from airflow.providers.common.compat.openlineage import facet

    namespace, name = name_of(f"{published.entry.uri}/{file.name}")
    facets: dict[str, Any] = {}
    if published.columns and file.format in _TABLES:
        fields = [facet.SchemaDatasetFacetFields(name=one["name"], type=one["type"]) for one in published.columns]
        facets["schema"] = facet.SchemaDatasetFacet(fields=fields)
    written = facet.OutputStatisticsOutputDatasetFacet(rowCount=published.entry.rows, size=file.bytes, fileCount=1)
    return facet.OutputDataset(
        namespace=namespace, name=name, facets=facets, outputFacets={"outputStatistics": written}
    )
