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
from twelvelabs_provider.inputs.typed_arguments import mapping_of
from twelvelabs_provider.jobs.idempotency import check_if_exists, created_once
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.operators.job import Result, TwelveLabsJobOperator
from twelvelabs_provider.task import COMMON_FIELDS, DELETE_COLOR, required

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context


class TwelveLabsCreateKnowledgeStoreOperator(TwelveLabsOperator):
    """Creates a knowledge store, or reuses the one of that name; returns its id.

    Service page: https://docs.twelvelabs.io/api-reference/knowledge-stores/create

    :param store_name: the service allows a name twice, this operator does not; of several the oldest is reused
        (templated).
    :param description: of a new store (templated).
    :param enrichment_schema: JSON Schema of what a new store extracts from each video, or JSON text of it; every
        property has a ``description`` (templated).
    :param enrichment_description: the same in plain words; one of the two, or none (templated).
    :param metadata: of a new store: texts by name, or JSON text of that (templated).
    :param if_exists: ``reuse`` or ``fail``.
    :return: the id of the store.
    :raises TwelveLabsInputError: for arguments that cannot work; if the name exists, with ``fail``.
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
        check_if_exists(self.if_exists, "reuse", "fail")
        call = create_knowledge_store(
            self.store_name,
            description=self.description,
            enrichment=self._enrichment(),
            metadata=texts_by_name("metadata", self.metadata),
        )
        found = self._find()
        if found is None:
            store = created_once(lambda: self.hook.execute(call), self._find)
            self.log.info("created knowledge store %r as %s", self.store_name, store.id)
            return store.id
        if self.if_exists == "fail":
            raise TwelveLabsInputError(
                f"knowledge store {self.store_name!r} already exists as {found.id}, and if_exists='fail'"
            )
        self.log.info("knowledge store %r exists as %s: reusing it", found.name, found.id)
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
    """Deletes a knowledge store and its items, for good; assets stay, and one that is not there counts as deleted.

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
        self.log.info("knowledge store %s and its items are gone", self.knowledge_store_id)


class TwelveLabsCreateKnowledgeStoreItemOperator(TwelveLabsJobOperator):
    """Adds an asset to a knowledge store and waits until it can be searched and asked about.

    An asset is taken in once: one that is in the store already, or came in by a request whose answer was lost, is
    found by its id and not paid for again.

    Service page: https://docs.twelvelabs.io/api-reference/knowledge-store-items/create

    :param knowledge_store_id: the store (templated).
    :param asset_id: a video or an image (templated).
    :param asset_type: ``video`` or ``image``; None lets the service look (templated).
    :param metadata: texts by name, or JSON text of that (templated).
    :param if_exists: what to do about an asset that is in the store: ``reuse`` or ``fail``.
    :return: ``knowledge_store_id``, ``item_id``, ``asset_id``, ``duration`` in seconds (None for images), ``status``.
    :raises TwelveLabsInputError: for arguments that cannot work; if the asset is in the store, with ``fail``.
    :raises TwelveLabsJobFailedError: if the service could not take it in.
    :raises TwelveLabsJobTimeoutError: if it was not ready at the deadline; a retry goes on waiting for it.
    """

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
        """Check, find, and add the asset where it is not there."""
        required(self, knowledge_store_id=self.knowledge_store_id, asset_id=self.asset_id)
        check_if_exists(self.if_exists, "reuse", "fail")
        call = create_knowledge_store_item(
            self.knowledge_store_id,
            self.asset_id,
            asset_type=self._asset_type(),
            metadata=texts_by_name("metadata", self.metadata),
        )
        found = self._find()
        if found is None:
            item = created_once(lambda: self.hook.execute(call), self._find)
            self.log.info(
                "asset %s comes into knowledge store %s as %s", item.asset_id, self.knowledge_store_id, item.id
            )
        elif self.if_exists == "fail":
            raise TwelveLabsInputError(
                f"asset {self.asset_id} is in knowledge store {self.knowledge_store_id} already, as {found.id}, and"
                " if_exists='fail'"
            )
        else:
            item = found
            self.log.info("asset %s is in knowledge store %s as %s", item.asset_id, self.knowledge_store_id, item.id)
        return self.pending(context, JobRef(JobKind.KNOWLEDGE_STORE_ITEM, item.id, self.knowledge_store_id))

    def complete(self, context: Context, pending: PendingJob, state: JobState) -> Result:
        """Return what was taken in."""
        self.log.info("%s is %s", pending.job, state.status)
        return self._result(pending, state.duration, state.status)

    def detached_result(self, pending: PendingJob) -> Result:
        """Name the item, for a sensor."""
        return self._result(pending, None, None)

    def request_values(self) -> tuple[Any, ...]:
        """The asset and the store."""
        return (self.knowledge_store_id, self.asset_id, self.asset_type, self.metadata)

    def clean_up(self, pending: PendingJob) -> None:
        """Take the failed item away; a retry adds the asset again."""
        try:
            self.hook.execute(delete_knowledge_store_item(self.knowledge_store_id, pending.job.id))
        except TwelveLabsError as error:
            self.log.warning("%s could not be removed: %s", pending.job, error)

    def _asset_type(self) -> AssetType | None:
        if not self.asset_type:
            return None
        if self.asset_type not in set(AssetType):
            raise TwelveLabsInputError(f"asset_type={self.asset_type!r} is not one of {', '.join(AssetType)}")
        return AssetType(self.asset_type)

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


def texts_by_name(name: str, value: Any) -> dict[str, str] | None:
    """Return the metadata of a store or an item, checked; None where there is none.

    :raises TwelveLabsInputError: naming a value that is no text.
    """
    given = mapping_of(name, value)
    for key, one in given.items():
        if not isinstance(one, str):
            raise TwelveLabsInputError(f"{name}[{key!r}]={one!r} must be a text")
    return given or None
