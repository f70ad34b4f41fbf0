"""Operators for knowledge stores and the items in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.api.knowledge.knowledge_stores import (
    AssetType,
    Enrichment,
    ItemStatus,
    KnowledgeStore,
    KnowledgeStoreItem,
    create_knowledge_store,
    create_knowledge_store_item,
    delete_knowledge_store,
    delete_knowledge_store_item,
    list_knowledge_store_items,
    list_knowledge_stores,
)
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import choice_of, mapping_of, optional_choice
from twelvelabs_provider.inputs.user_metadata import text_metadata_of
from twelvelabs_provider.jobs.idempotency import created_once
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.task import COMMON_FIELDS, DELETE_COLOR, required

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context


class TwelveLabsCreateKnowledgeStoreOperator(TwelveLabsOperator):
    """Creates a knowledge store, or reuses the one with this name; returns its id.

    Service page: https://docs.twelvelabs.io/api-reference/knowledge-stores/create

    :param store_name: unique name; if several exist, the oldest is reused (templated).
    :param description: of a new store (templated).
    :param enrichment_schema: JSON Schema of the data that a new store extracts from each video, as a mapping or JSON
        text; every property needs a ``description`` (templated).
    :param enrichment_description: the same as text, instead of a schema (templated).
    :param metadata: of a new store: names to texts, as a mapping or JSON text (templated).
    :param if_exists: ``reuse`` or ``fail``.
    :return: the id of the store.
    :raises TwelveLabsInputError: an argument is invalid, or the name exists and ``if_exists`` is ``fail``.
    """

    template_fields = (
        *COMMON_FIELDS,
        "store_name",
        "description",
        "enrichment_schema",
        "enrichment_description",
        "metadata",
    )
    returns_fields = False

    def __init__(
        self,
        *,
        store_name: str,
        description: str | None = None,
        enrichment_schema: Mapping[str, Any] | str | None = None,
        enrichment_description: str | None = None,
        metadata: Mapping[str, str] | str | None = None,
        if_exists: str = "reuse",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.store_name = store_name
        self.description = description
        self.enrichment_schema = enrichment_schema
        self.enrichment_description = enrichment_description
        self.metadata = metadata
        self.if_exists = if_exists

    def run_operator(self, context: Context) -> str:
        """Find the store or create it."""
        required(self, store_name=self.store_name)
        self.if_exists = choice_of("if_exists", self.if_exists, ("reuse", "fail"))
        call = create_knowledge_store(
            self.store_name,
            description=self.description,
            enrichment=self._enrichment(),
            metadata=text_metadata_of("metadata", self.metadata) or None,
        )
        found = self._find()
        if found is None:
            store = created_once(lambda: self.hook.execute(call), self._find)
            self.log.info("Created knowledge store %r: %s", self.store_name, store.id)
            return store.id
        if self.if_exists == "fail":
            raise TwelveLabsInputError(
                f"Knowledge store {self.store_name!r} already exists as {found.id}, and if_exists='fail'"
            )
        self.log.info("Reusing knowledge store %r: %s", found.name, found.id)
        return found.id

    def _enrichment(self) -> Enrichment | None:
        schema = mapping_of("enrichment_schema", self.enrichment_schema)
        if schema and self.enrichment_description:
            raise TwelveLabsInputError("enrichment_schema and enrichment_description: give one of them, or none")
        if not schema and not self.enrichment_description:
            return None
        return Enrichment(schema or None, self.enrichment_description or None)

    def _find(self) -> KnowledgeStore | None:
        listed = self.hook.items(lambda paging: list_knowledge_stores(paging=paging))
        same = [store for store in listed if store.name == self.store_name]
        return same[-1] if same else None


class TwelveLabsDeleteKnowledgeStoreOperator(TwelveLabsOperator):
    """Deletes a knowledge store and its items; assets stay. A store that does not exist counts as deleted.

    Service page: https://docs.twelvelabs.io/api-reference/knowledge-stores/delete

    :param knowledge_store_id: the store (templated).
    """

    template_fields = (*COMMON_FIELDS, "knowledge_store_id")
    returns_fields = False
    ui_color = DELETE_COLOR

    def __init__(self, *, knowledge_store_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.knowledge_store_id = knowledge_store_id

    def run_operator(self, context: Context) -> None:
        """Delete the store."""
        required(self, knowledge_store_id=self.knowledge_store_id)
        self.hook.execute(delete_knowledge_store(self.knowledge_store_id))
        self.log.info("Deleted knowledge store %s and its items", self.knowledge_store_id)


class TwelveLabsCreateKnowledgeStoreItemOperator(TwelveLabsJobOperator):
    """Adds an asset to a knowledge store, and waits until it is ready for searches and questions.

    An asset that is already in the store, also by a request whose response was lost, is not added or billed again.

    Service page: https://docs.twelvelabs.io/api-reference/knowledge-store-items/create

    :param knowledge_store_id: the store (templated).
    :param asset_id: a video or an image (templated).
    :param asset_type: ``video`` or ``image``; None lets the service detect it (templated).
    :param metadata: names to texts, as a mapping or JSON text (templated).
    :param if_exists: ``reuse`` an asset that is in the store, or ``fail``.
    :return: ``knowledge_store_id``, ``item_id``, ``asset_id``, ``duration`` in seconds (None for images), ``status``.
    :raises TwelveLabsInputError: an argument is invalid, or the asset is in the store and ``if_exists`` is ``fail``.
    :raises TwelveLabsJobFailedError: the service could not add it.
    :raises TwelveLabsJobTimeoutError: it was not ready at the deadline; a retry waits for the same item.
    """

    chained_fields = ("item_id",)
    template_fields = (*COMMON_FIELDS, "knowledge_store_id", "asset_id", "asset_type", "metadata")
    has_nothing_to_fetch = True

    def __init__(
        self,
        *,
        knowledge_store_id: str,
        asset_id: str,
        asset_type: str | None = None,
        metadata: Mapping[str, str] | str | None = None,
        if_exists: str = "reuse",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.knowledge_store_id = knowledge_store_id
        self.asset_id = asset_id
        self.asset_type = asset_type
        self.metadata = metadata
        self.if_exists = if_exists

    def submit(self, context: Context) -> PendingJob:
        """Add the asset unless the store has it."""
        required(self, knowledge_store_id=self.knowledge_store_id, asset_id=self.asset_id)
        self.if_exists = choice_of("if_exists", self.if_exists, ("reuse", "fail"))
        call = create_knowledge_store_item(
            self.knowledge_store_id,
            self.asset_id,
            asset_type=self._asset_type(),
            metadata=text_metadata_of("metadata", self.metadata) or None,
        )
        found = self._find()
        if found is None:
            item = created_once(lambda: self.hook.execute(call), self._find)
            self.log.info(
                "Adding asset %s to knowledge store %s as %s", item.asset_id, self.knowledge_store_id, item.id
            )
        elif self.if_exists == "fail":
            raise TwelveLabsInputError(
                f"Asset {self.asset_id} is already in knowledge store {self.knowledge_store_id}, as {found.id}, and"
                " if_exists='fail'"
            )
        else:
            item = found
            self.log.info("Reusing asset %s of knowledge store %s: %s", item.asset_id, self.knowledge_store_id, item.id)
        return self.pending(context, JobRef(JobKind.KNOWLEDGE_STORE_ITEM, item.id, self.knowledge_store_id))

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> Result:
        """Return the item."""
        self.log.info("%s is %s", pending.job, state.status)
        return self._result(pending, state.duration, state.status)

    def detached_result(self, pending: PendingJob) -> Result:
        """Return the item without its length and status."""
        return self._result(pending, None, None)

    def request_values(self) -> tuple[Any, ...]:
        """Return the asset, the store, and the values of the item."""
        return (self.knowledge_store_id, self.asset_id, self.asset_type, self.metadata)

    def clean_up(self, pending: PendingJob) -> None:
        """Delete the failed item; a retry adds the asset again."""
        try:
            self.hook.execute(delete_knowledge_store_item(self.knowledge_store_id, pending.job.id))
        except TwelveLabsError as error:
            self.log.warning("Could not delete %s: %s", pending.job, error)

    def _asset_type(self) -> AssetType | None:
        return optional_choice("asset_type", self.asset_type, AssetType)

    def _find(self) -> KnowledgeStoreItem | None:
        store_id = self.knowledge_store_id
        listed = self.hook.items(lambda paging: list_knowledge_store_items(store_id, paging=paging))
        usable = (item for item in listed if item.status != ItemStatus.FAILED)
        return next((item for item in usable if item.asset_id == self.asset_id), None)

    def _result(self, pending: PendingJob, duration: float | None, status: str | None) -> Result:
        return {
            "knowledge_store_id": self.knowledge_store_id,
            "item_id": pending.job.id,
            "asset_id": self.asset_id,
            "duration": duration,
            "status": status,
        }
