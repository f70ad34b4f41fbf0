"""Operator that creates many entities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.entities import (
    BulkOutcome,
    Entity,
    EntityStatus,
    NewEntity,
    create_entities,
    list_entities,
)
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsJobFailedError
from twelvelabs_provider.inputs.typed_arguments import choice_of, mappings_of, texts_of
from twelvelabs_provider.inputs.user_metadata import plain_metadata_of
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.results.kinds import ENTITIES
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.publish import ResultFacts, ResultPath, check_output, publish_rows, table_formats
from twelvelabs_provider.task import COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

MOST_IN_REQUEST = 100
MOST_IN_XCOM = 500
"""Ids in the result where the rows are not published."""

_SHOWN = 5
_FIELDS = ("name", "asset_ids", "description", "metadata")


class Outcome(StrEnum):
    """Outcome of one entity."""

    CREATED = "created"
    EXISTED = "existed"
    REFUSED = "refused"


@dataclass(frozen=True)
class EntityOutcome:
    """Outcome of one entity of the list.

    :param position: its place in the list, from 0.
    :param reason: why it was refused.
    """

    position: int
    name: str
    outcome: Outcome
    entity_id: str | None = None
    reason: str | None = None

    def row(self) -> dict[str, Any]:
        """Return it as a row of the published table."""
        return {
            "position": self.position,
            "name": self.name,
            "outcome": self.outcome.value,
            "entity_id": self.entity_id,
            "reason": self.reason,
        }


class TwelveLabsCreateEntitiesOperator(TwelveLabsJobOperator):
    """Creates a list of entities of any length, publishes one row per entity, and waits until they are ready.

    An entity is identified by its name in the collection. Existing entities are not created again, so a retry creates
    the missing ones only, and a lost response creates no duplicate.

    Service page: https://docs.twelvelabs.io/api-reference/entities/entity-collections/entities/create-bulk

    :param entity_collection_id: the collection (templated).
    :param entities: a list of ``{"name": ..., "asset_ids": [...], "description": ..., "metadata": {...}}``, the last
        two optional, or its JSON text; names must be unique (templated).
    :param if_exists: ``reuse`` existing entities of the same name, or ``fail``.
    :param output_path: local path or URI of object storage for one row per entity (templated).
    :param formats: any of ``jsonl``, ``json``, ``parquet`` (templated).
    :param fail_on_partial_error: fail after the rows are published if an entity was refused; created entities stay.
    :return: ``entity_collection_id``, ``created``, ``existed``, ``refused`` (counts), and with ``output_path``
        ``manifest``, ``files``, ``rows``, ``bytes``, else ``entity_ids`` (name to id, the first 500).
    :raises TwelveLabsInputError: an entity is invalid, or a name exists and ``if_exists`` is ``fail``; raised before
        any entity is sent.
    :raises TwelveLabsJobFailedError: entities were refused; a retry sends them again.
    """

    template_fields: Sequence[str] = (
        *COMMON_FIELDS,
        "entity_collection_id",
        "entities",
        "output_path",
        "formats",
    )

    def __init__(
        self,
        *,
        entity_collection_id: str,
        entities: Sequence[Mapping[str, Any]] | str,
        if_exists: str = "reuse",
        output_path: str | None = None,
        formats: Sequence[str] | str = ("jsonl",),
        fail_on_partial_error: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.entity_collection_id = entity_collection_id
        self.entities = entities
        self.if_exists = if_exists
        self.output_path = output_path
        self.formats = formats
        self.fail_on_partial_error = fail_on_partial_error

    def submit(self, context: Context) -> PendingJob | Result:
        """Check the arguments, create the missing entities, and publish the outcome of each."""
        required(self, entity_collection_id=self.entity_collection_id)
        self.if_exists = choice_of("if_exists", self.if_exists, ("reuse", "fail"))
        wanted = self._wanted()
        if self.output_path:
            table_formats(texts_of("formats", self.formats))
            check_output(self.output_path)
        outcomes = self._create(wanted)
        result = self._result(context, outcomes)
        job = self._unready()
        return self.pending(context, job, **result) if job else result

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> PendingJob | Result:
        """Wait for the next entity that is not ready, or return the outcome of all."""
        # A list may lag behind the entity itself.
        job = self._unready(besides=pending.job.id)
        return self.next_job(pending, job) if job else dict(pending.memo)

    def detached_result(self, pending: PendingJob) -> Result:
        """Return the outcome of all; some of them are not ready."""
        return dict(pending.memo)

    def request_values(self) -> tuple[Any, ...]:
        """Return the entities; the output may differ on a retry."""
        return (self.entity_collection_id, self.entities)

    def _wanted(self) -> list[NewEntity]:
        given = mappings_of("entities", self.entities)
        if not given:
            raise TwelveLabsInputError(f"entities={self.entities!r}: give one entity at least")
        wanted = [_new_entity(number, entry) for number, entry in enumerate(given)]
        seen: set[str] = set()
        for entity in wanted:
            if entity.name in seen:
                raise TwelveLabsInputError(f"entities: the name {entity.name!r} comes twice; names tell entities apart")
            seen.add(entity.name)
        return wanted

    def _create(self, wanted: Sequence[NewEntity]) -> list[EntityOutcome]:
        existing = self._existing()
        taken = [entity.name for entity in wanted if entity.name in existing]
        if taken and self.if_exists == "fail":
            raise TwelveLabsInputError(
                f"{len(taken)} of {len(wanted)} entities exist already, and if_exists='fail': {_first(taken)}"
            )
        outcomes = {
            number: EntityOutcome(number, entity.name, Outcome.EXISTED, existing[entity.name].id)
            for number, entity in enumerate(wanted)
            if entity.name in existing
        }
        missing = iter([(number, entity) for number, entity in enumerate(wanted) if number not in outcomes])
        while some := list(islice(missing, MOST_IN_REQUEST)):
            outcomes |= {outcome.position: outcome for outcome in self._create_chunk(some)}
            self.log.info("Created or found %d of %d entities", len(outcomes), len(wanted))
        return [outcomes[number] for number in range(len(wanted))]

    def _create_chunk(self, some: Sequence[tuple[int, NewEntity]]) -> Iterable[EntityOutcome]:
        call = create_entities(self.entity_collection_id, [entity for _, entity in some])
        try:
            answer = self.hook.execute(call)
        except UNKNOWN_OUTCOME as error:
            self.log.warning("Searching for the entities of a request without a response: %s", error)
            return _reconciled_outcomes(some, self._existing(), str(error))
        return _reported_outcomes(some, answer)

    def _existing(self) -> dict[str, Entity]:
        collection_id = self.entity_collection_id
        listed = self.hook.items(lambda paging: list_entities(collection_id, paging=paging))
        return {entity.name: entity for entity in listed}

    def _unready(self, besides: str | None = None) -> JobRef | None:
        """Return one of the entities that is not ready, another one than ``besides``."""
        collection_id, status = self.entity_collection_id, EntityStatus.PROCESSING
        names = {entity.name for entity in self._wanted()}
        listed = self.hook.items(lambda paging: list_entities(collection_id, status=status, paging=paging))
        found = next((one for one in listed if one.name in names and one.id != besides), None)
        return JobRef(JobKind.ENTITY, found.id, collection_id) if found else None

    def _result(self, context: Context, outcomes: Sequence[EntityOutcome]) -> Result:
        refused = [outcome for outcome in outcomes if outcome.outcome is Outcome.REFUSED]
        published = self._publish(context, outcomes) if self.output_path else {}
        for outcome in refused[:_SHOWN]:
            self.log.warning("Entity %r was refused: %s", outcome.name, outcome.reason)
        counts = {kind.value: sum(outcome.outcome is kind for outcome in outcomes) for kind in Outcome}
        made = ((outcome.name, outcome.entity_id) for outcome in outcomes if outcome.entity_id)
        ids = {} if published else {"entity_ids": dict(islice(made, MOST_IN_XCOM))}
        result = {"entity_collection_id": self.entity_collection_id, **counts, **ids, **published}
        if refused and self.fail_on_partial_error:
            self.push_before_failure(context, result)
            named = _first([f"{outcome.name} ({outcome.reason})" for outcome in refused])
            where = f"; all of them are in {published['manifest']}" if published else ""
            raise TwelveLabsJobFailedError(f"{len(refused)} of {len(outcomes)} entities were refused: {named}{where}")
        return result

    def _publish(self, context: Context, outcomes: Sequence[EntityOutcome]) -> Result:
        provenance = Provenance.of(context["ti"])
        return publish_rows(
            str(self.output_path),
            ResultPath(("entities", self.entity_collection_id), provenance.file_stem(), "entities"),
            (outcome.row() for outcome in outcomes),
            ENTITIES,
            table_formats(texts_of("formats", self.formats)),
            ResultFacts(provenance, details={"entity_collection_id": self.entity_collection_id}),
        ).as_xcom()


def _new_entity(number: int, entry: Mapping[str, Any]) -> NewEntity:
    what = f"entities[{number}]"
    if extra := set(entry) - set(_FIELDS):
        raise TwelveLabsInputError(f"{what} has {sorted(extra)[0]!r}; an entity has {', '.join(_FIELDS)}")
    name, description = entry.get("name"), entry.get("description")
    if not isinstance(name, str) or not name.strip():
        raise TwelveLabsInputError(f"{what}: its name {name!r} must be a text")
    if description is not None and not isinstance(description, str):
        raise TwelveLabsInputError(f"{what}: its description {description!r} must be a text")
    asset_ids = tuple(dict.fromkeys(texts_of(f"{what}.asset_ids", entry.get("asset_ids"))))
    if not asset_ids:
        raise TwelveLabsInputError(f"{what} ({name!r}) needs at least one image asset in asset_ids")
    metadata = plain_metadata_of(f"{what}.metadata", entry.get("metadata"))
    return NewEntity(name, asset_ids, description, metadata or None)


def _reported_outcomes(some: Sequence[tuple[int, NewEntity]], answer: BulkOutcome) -> Iterator[EntityOutcome]:
    reasons = {refused.position: refused.reason for refused in answer.refused}
    made = {created.name: created.id for created in answer.created}
    for place, (number, entity) in enumerate(some):
        if entity.name in made:
            yield EntityOutcome(number, entity.name, Outcome.CREATED, made[entity.name])
        else:
            reason = reasons.get(place, "the response does not mention it")
            yield EntityOutcome(number, entity.name, Outcome.REFUSED, reason=reason)


def _reconciled_outcomes(
    some: Sequence[tuple[int, NewEntity]], existing: Mapping[str, Entity], why: str
) -> Iterator[EntityOutcome]:
    """Return the outcomes of a request whose response was lost: entities that exist now were created by it."""
    for number, entity in some:
        if entity.name in existing:
            yield EntityOutcome(number, entity.name, Outcome.CREATED, existing[entity.name].id)
        else:
            yield EntityOutcome(number, entity.name, Outcome.REFUSED, reason=f"not there after {why}")


def _first(names: Sequence[str]) -> str:
    return "; ".join(names[:_SHOWN]) + ("; ..." if len(names) > _SHOWN else "")
