"""Publishing of embeddings as rows of a table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.embedding.models import Embeddings
from twelvelabs_provider.jobs.cost import Bill
from twelvelabs_provider.results.kinds import EMBEDDINGS
from twelvelabs_provider.storage.locations import without_signatures
from twelvelabs_provider.storage.manifest import Answer, Provenance
from twelvelabs_provider.storage.publish import ResultFacts, ResultPath, publish_rows, table_formats

if TYPE_CHECKING:
    from airflow.sdk import Context

KIND = "embeddings"


@dataclass(frozen=True)
class Destination:
    """Output of vectors.

    :param output_path: local path or any URI of object storage.
    :param name: stem of the files.
    """

    output_path: str
    formats: Sequence[str]
    name: str


@dataclass(frozen=True)
class Embedded:
    """Input of vectors, without signatures.

    :param folder: name of the input below the output, equal on a retry.
    :param source: its address, if it has one.
    :param duration: seconds, if known before the response.
    :param question: digest of the request; None for a task that another client submitted.
    """

    folder: str
    input_type: str | None = None
    asset_id: str | None = None
    source: str | None = None
    duration: float | None = None
    embedding_task_id: str | None = None
    question: str | None = None


def publish_embeddings(
    context: Context,
    destination: Destination,
    embedded: Embedded,
    found: Embeddings,
    model: str,
    options: Mapping[str, Any],
    answer: Callable[[dict[str, Any]], Answer | None],
    bill: Bill | None = None,
) -> dict[str, Any]:
    """Write the vectors, then the manifest; return the small result.

    :param model: the requested model; the model of the response takes precedence.
    :param options: options of the request, for the manifest.
    :param answer: returns the identity of the billed result, from the result without its files.
    :param bill: the billed minutes; None for input without minutes.
    :raises TwelveLabsOutputError: if the files cannot be written.
    """
    answered = found.model or model
    fields = {
        "dimensions": found.dimensions,
        "model_name": answered,
        "input_type": found.input.type or embedded.input_type,
        "asset_id": embedded.asset_id,
        "embedding_task_id": embedded.embedding_task_id,
        "duration": found.input.duration or embedded.duration,
    }
    facts = ResultFacts(
        Provenance.of(context["ti"]),
        source_uri=embedded.source,
        asset_id=embedded.asset_id,
        model=answered,
        options={"model_name": model, **options},
        duration=found.input.duration or embedded.duration,
        billed=bill.as_json() if bill else None,
        details={name: fields[name] for name in ("dimensions", "input_type", "embedding_task_id")},
        answer=answer(fields),
    )
    place = place_of(embedded, destination.name)
    formats = table_formats(destination.formats)
    published = publish_rows(destination.output_path, place, _rows(found), EMBEDDINGS, formats, facts)
    return {**published.as_xcom(), **fields}


def place_of(embedded: Embedded, name: str) -> ResultPath:
    """Return the path of vectors.

    :param name: stem of the files.
    """
    folders = ("assets", embedded.asset_id) if embedded.asset_id else (KIND, embedded.folder)
    return ResultPath(folders, name, KIND)


def folder_of(input_type: str, text: str | None, *media: Any) -> str:
    """Name the folder of an input that is no asset: after its file, with a digest of all that makes it up."""
    stem = next((_stem(medium) for medium in media if isinstance(medium, str) and "/" in medium), input_type)
    return f"{stem}-{digest(text, *map(without_signatures, media))[:12]}"


def digest(*values: Any) -> str:
    """Return a SHA-256 of some values; only their own text form counts."""
    return hashlib.sha256("\0".join(map(repr, values)).encode()).hexdigest()


def _stem(address: str) -> str:
    last = without_signatures(address).partition("#")[0].rstrip("/").rpartition("/")[2]
    return last.rpartition(".")[0] or last or "medium"


def _rows(found: Embeddings) -> Iterator[dict[str, Any]]:
    for item in found.items:
        where = {"start": item.start, "end": item.end, "option": item.option, "scope": item.scope}
        yield {**where, "embedding": item.vector.tolist()}
