"""Embeddings as rows of a table, and where they are published."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.embedding.models import Embeddings
from twelvelabs_provider.jobs.cost import Bill
from twelvelabs_provider.results.kinds import EMBEDDINGS
from twelvelabs_provider.storage.manifest import Answer, Provenance
from twelvelabs_provider.storage.source import meaning_of, meanings
from twelvelabs_provider.storage.tables import TableFacts, TablePlace, publish_rows, table_formats

if TYPE_CHECKING:
    from airflow.sdk import Context

KIND = "embeddings"


@dataclass(frozen=True)
class Destination:
    """Where vectors go.

    :param output_path: local path or any URI of object storage.
    :param name: stem of the files.
    """

    output_path: str
    formats: Sequence[str]
    name: str


@dataclass(frozen=True)
class Embedded:
    """What vectors were made of, and how; plain values without what signs an address.

    :param folder: names the input below the output, the same on a retry.
    :param source: its address, where it has one.
    :param duration: seconds, where known before the answer.
    :param question: digest of all that was asked; None for a task that somebody else submitted.
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

    :param model: the model that was asked for; the one that answered counts more.
    :param options: how it was asked, for the manifest.
    :param answer: makes what the manifest says of the question, of the result without its files.
    :param bill: what it billed, None for what is not billed by the minute.
    :raises TwelveLabsOutputError: if the files cannot be written.
    """
    answered = found.model or model
    told = {
        "dimensions": found.dimensions,
        "model_name": answered,
        "input_type": found.input.type or embedded.input_type,
        "asset_id": embedded.asset_id,
        "embedding_task_id": embedded.embedding_task_id,
        "duration": found.input.duration or embedded.duration,
    }
    facts = TableFacts(
        Provenance.of(context["ti"]),
        source_uri=embedded.source,
        asset_id=embedded.asset_id,
        model=answered,
        options={"model_name": model, **options},
        details={
            **{name: told[name] for name in ("dimensions", "input_type", "embedding_task_id", "duration")},
            "billed": bill.as_json() if bill else None,
        },
        answer=answer(told),
    )
    place = place_of(embedded, destination.name)
    formats = table_formats(destination.formats)
    published = publish_rows(destination.output_path, place, _rows(found), EMBEDDINGS, formats, facts)
    return {**published.as_xcom(), **told}


def place_of(embedded: Embedded, name: str) -> TablePlace:
    """Return where vectors lie.

    :param name: stem of the files.
    """
    folders = ("assets", embedded.asset_id) if embedded.asset_id else (KIND, embedded.folder)
    return TablePlace(folders, name, KIND)


def folder_of(input_type: str, text: str | None, *media: Any) -> str:
    """Name the folder of an input that is no asset: after its file, with a digest of all that makes it up."""
    stem = next((_stem(medium) for medium in media if isinstance(medium, str) and "/" in medium), input_type)
    return f"{stem}-{digest(text, *map(meanings, media))[:12]}"


def digest(*values: Any) -> str:
    """Return a SHA-256 of some values; only their own text form counts."""
    return hashlib.sha256("\0".join(map(repr, values)).encode()).hexdigest()


def _stem(address: str) -> str:
    last = meaning_of(address).partition("#")[0].rstrip("/").rpartition("/")[2]
    return last.rpartition(".")[0] or last or "medium"


def _rows(found: Embeddings) -> Iterator[dict[str, Any]]:
    for item in found.items:
        where = {"start": item.start, "end": item.end, "option": item.option, "scope": item.scope}
        yield {**where, "embedding": item.vector.tolist()}
