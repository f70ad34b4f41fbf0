"""Operators for indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.index_models import models_from
from twelvelabs_provider.inputs.typed_arguments import choice_of
from twelvelabs_provider.jobs.index_resolution import create_or_reuse, index_arguments
from twelvelabs_provider.links import index_url
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.task import COMMON_FIELDS, DELETE_COLOR, required

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsCreateIndexOperator(TwelveLabsOperator):
    """Creates an index, or reuses the index with that name.

    Service page: https://docs.twelvelabs.io/api-reference/indexes/create

    :param index_name: unique name in the account (templated).
    :param models: names of models to their options, ``{"marengo3.0": ["visual", "audio"]}``, or its JSON text. None
        means the usual model of the API generation for a new index, and any models for an existing one (templated).
    :param if_exists: ``reuse`` or ``fail``.
    :return: the id of the index.
    :raises TwelveLabsInputError: the index exists with other models, or exists at all with ``fail``.
    """

    template_fields = (*COMMON_FIELDS, "index_name", "models")
    returns_fields = False

    def __init__(
        self,
        *,
        index_name: str,
        models: Mapping[str, Sequence[str]] | str | None = None,
        if_exists: str = "reuse",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.index_name = index_name
        self.models = models
        self.if_exists = if_exists

    def run_operator(self, context: Context) -> str:
        """Find the index or create it."""
        required(self, index_name=self.index_name)
        self.if_exists = choice_of("if_exists", self.if_exists, ("reuse", "fail"))
        models = models_from(self.models)
        index_id = create_or_reuse(self.hook, self.index_name, models, must_be_new=self.if_exists == "fail")
        self.playground_url = index_url(index_id)
        return index_id


class TwelveLabsUpdateIndexOperator(TwelveLabsOperator):
    """Renames an index. Nothing else of an index can be changed.

    Service page: https://docs.twelvelabs.io/api-reference/indexes/update

    :param new_name: the new name, unique in the account (templated).
    :param index_id: the index (templated).
    :param index_name: the current name of the index, instead of its id (templated).
    :return: the id of the index.
    :raises TwelveLabsInputError: an argument is empty after rendering, or no index has the name.
    :raises TwelveLabsRefusedError: the index does not exist, or another index has the new name.
    """

    template_fields = (*COMMON_FIELDS, "new_name", "index_id", "index_name")
    returns_fields = False

    def __init__(
        self, *, new_name: str, index_id: str | None = None, index_name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.new_name = new_name
        self.index_id = index_id
        self.index_name = index_name

    def run_operator(self, context: Context) -> str:
        """Rename the index."""
        required(self, new_name=self.new_name)
        index_id = self._index_to_rename()
        self.playground_url = index_url(index_id)
        self.hook.execute(self.hook.api.rename_index(index_id, self.new_name))
        self.log.info("Renamed index to %r: %s", self.new_name, index_id)
        return index_id

    def _index_to_rename(self) -> str:
        """Return the id of the index. A retry finds an index under its new name if a response was lost."""
        given_id, given_name = index_arguments(self.index_id, self.index_name)
        if given_id:
            return given_id
        find = self.hook.api.find_index
        index = self.hook.execute(find(given_name)) or self.hook.execute(find(self.new_name))
        if index is None:
            raise TwelveLabsInputError(f"Index {given_name!r} does not exist. Check the name.")
        return index.id


class TwelveLabsDeleteIndexOperator(TwelveLabsOperator):
    """Deletes an index and all its videos. An index that does not exist counts as deleted.

    Service page: https://docs.twelvelabs.io/api-reference/indexes/delete

    :param index_id: the index (templated).
    :param index_name: the name of the index, instead of its id (templated).
    """

    template_fields = (*COMMON_FIELDS, "index_id", "index_name")
    returns_fields = False
    ui_color = DELETE_COLOR

    def __init__(self, *, index_id: str | None = None, index_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index_id = index_id
        self.index_name = index_name

    def run_operator(self, context: Context) -> None:
        """Delete the index."""
        index_id, name = index_arguments(self.index_id, self.index_name)
        if not index_id:
            index = self.hook.execute(self.hook.api.find_index(name))
            if index is None:
                self.log.info("Index %r does not exist", name)
                return
            index_id = index.id
        self.hook.execute(self.hook.api.delete_index(index_id))
        self.log.info("Deleted index %s and its videos", index_id)
