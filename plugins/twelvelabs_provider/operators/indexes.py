"""Operators for indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.errors import (
    ErrorCode,
    TwelveLabsError,
)
from twelvelabs_provider.api.models import Index, Model
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.index_models import must_be_current
from twelvelabs_provider.inputs.templated import decoded
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.links import index_url
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.task import COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

_IF_EXISTS = ("reuse", "fail")


class TwelveLabsCreateIndexOperator(TwelveLabsOperator):
    """Creates an index, or reuses the one of that name; returns its id.

    Service page: https://docs.twelvelabs.io/api-reference/indexes/create

    :param index_name: unique name in the account (templated).
    :param models: model name to its options, ``{"marengo3.0": ["visual", "audio"]}``, or its JSON text; None takes the
        generation's usual model for a new index and accepts whatever an existing one has (templated).
    :param if_exists: ``reuse`` or ``fail``.
    :return: the index id.
    :raises TwelveLabsInputError: if the name exists with other models (it says both), or exists at all with ``fail``.
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
        if self.if_exists not in _IF_EXISTS:
            raise TwelveLabsInputError(f"if_exists={self.if_exists!r} is not one of {', '.join(_IF_EXISTS)}")
        wanted = _models_from(self.models)
        must_be_current(wanted or ())
        existing = self.hook.execute(self.hook.api.find_index(self.index_name))
        index_id = self._reuse(existing, wanted) if existing else self._create(wanted)
        self.playground_url = index_url(index_id)
        return index_id

    def _reuse(self, index: Index, wanted: tuple[Model, ...] | None) -> str:
        if self.if_exists == "fail":
            raise TwelveLabsInputError(f"index {self.index_name!r} already exists as {index.id}, and if_exists='fail'")
        if wanted is not None and set(wanted) != {_sorted(model) for model in index.models}:
            raise TwelveLabsInputError(
                f"index {self.index_name!r} ({index.id}) exists with {_names(index.models)}, and {_names(wanted)} was"
                " asked for: models of an index cannot be changed, so take another name or its models"
            )
        self.log.info("index %r exists as %s with %s: reusing it", index.name, index.id, _names(index.models))
        return index.id

    def _create(self, wanted: tuple[Model, ...] | None) -> str:
        api = self.hook.api
        models = wanted or api.DEFAULT_MODELS
        try:
            index_id = self.hook.execute(api.create_index(self.index_name, models))
        except TwelveLabsError as error:
            # The answer was lost, or somebody else was quicker: the name tells which index it is.
            lost = isinstance(error, UNKNOWN_OUTCOME)
            if not lost and error.details.code != ErrorCode.NAME_EXISTS:
                raise
            index = self.hook.execute(api.find_index(self.index_name))
            if index is None:
                raise
            return self._reuse(index, wanted)
        self.log.info("created index %r as %s with %s", self.index_name, index_id, _names(models))
        return index_id


class TwelveLabsUpdateIndexOperator(TwelveLabsOperator):
    """Gives an index another name, the one thing about it that can be changed; returns its id.

    Service page: https://docs.twelvelabs.io/api-reference/indexes/update

    :param index_id: the index (templated).
    :param index_name: its new name, unique in the account (templated).
    :return: the index id.
    :raises TwelveLabsRefusedError: if there is no such index, or another one has the name.
    """

    template_fields = (*COMMON_FIELDS, "index_id", "index_name")
    returns_fields = False

    def __init__(self, *, index_id: str, index_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index_id = index_id
        self.index_name = index_name

    def run_operator(self, context: Context) -> str:
        """Rename the index."""
        required(self, index_id=self.index_id, index_name=self.index_name)
        self.playground_url = index_url(self.index_id)
        self.hook.execute(self.hook.api.rename_index(self.index_id, self.index_name))
        self.log.info("index %s is called %r now", self.index_id, self.index_name)
        return self.index_id


class TwelveLabsDeleteIndexOperator(TwelveLabsOperator):
    """Deletes an index and every video in it, for good; one that is not there counts as deleted.

    Service page: https://docs.twelvelabs.io/api-reference/indexes/delete

    :param index_id: the index (templated).
    """

    template_fields = (*COMMON_FIELDS, "index_id")
    returns_fields = False

    def __init__(self, *, index_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index_id = index_id

    def run_operator(self, context: Context) -> None:
        """Delete the index."""
        required(self, index_id=self.index_id)
        self.hook.execute(self.hook.api.delete_index(self.index_id))
        self.log.info("index %s and its videos are gone", self.index_id)


def _models_from(models: Mapping[str, Sequence[str]] | str | None) -> tuple[Model, ...] | None:
    """Read the argument; options in a fixed order, so that two spellings of the same models are equal."""
    models = decoded("models", models, "a JSON object")
    if models is None:
        return None
    if not isinstance(models, Mapping) or not models:
        raise TwelveLabsInputError(f"models={models!r} must map model names to their options")
    for name, options in models.items():
        if isinstance(options, str) or not options or not all(isinstance(option, str) for option in options):
            raise TwelveLabsInputError(f"models[{name!r}]={options!r} must be a list of option names")
    return tuple(_sorted(Model(name, tuple(options))) for name, options in models.items())


def _sorted(model: Model) -> Model:
    return Model(model.name, tuple(sorted(model.options)))


def _names(models: Sequence[Model]) -> str:
    return " + ".join(map(str, models)) or "no models"
