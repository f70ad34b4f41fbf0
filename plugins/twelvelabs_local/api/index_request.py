"""Request models of indexes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, field_validator

from twelvelabs_local.api.lists import Instants, SortedQuery, among, since
from twelvelabs_local.api.parameters import Required
from twelvelabs_local.api.request_model import RequestModel
from twelvelabs_local.dialects import Dialect
from twelvelabs_local.errors import invalid
from twelvelabs_local.store.database import Condition
from twelvelabs_local.store.indexes import Model


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


# the validator that is named last runs first
Name = Annotated[str, Required, BeforeValidator(_stripped)]
Options = Annotated[list[str], Required]
Family = Literal["marengo", "pegasus"]


class CurrentModel(RequestModel):
    """A model of an index of v1.3."""

    model_name: Annotated[str, Required]
    model_options: Options


class LegacyModel(RequestModel):
    """A model of an index of v1.2."""

    engine_name: Annotated[str, Required]
    engine_options: Options


class NewIndex(RequestModel):
    """What the requests for an index of all generations share."""

    index_name: Name
    addons: list[Literal["thumbnail"]] = []

    def models_of(self, dialect: Dialect) -> list[Model]:
        """Return the models of the index.

        :raises ServiceError: when the generation does not have a model, or the model an option.
        """
        name, options = (f"{dialect.word}_name", f"{dialect.word}_options") if dialect.word else dialect.model_fields
        chosen = getattr(self, f"{dialect.word}s") if dialect.word else [self]
        models = [_checked(dialect, name, getattr(one, name), options, getattr(one, options)) for one in chosen]
        if len({model.name for model in models}) != len(models):
            raise invalid(f"{dialect.word}s", "It names a model twice.")
        return models


class NewCurrentIndex(NewIndex):
    """A request for an index of v1.3."""

    models: Annotated[list[CurrentModel], Required]


class NewLegacyIndex(NewIndex):
    """A request for an index of v1.2."""

    engines: Annotated[list[LegacyModel], Required]


class NewOldestIndex(NewIndex):
    """A request for an index of v1.1."""

    engine_id: Annotated[str, Required]
    index_options: Options


NEW_INDEX: Mapping[str, type[NewIndex]] = {"v1.1": NewOldestIndex, "v1.2": NewLegacyIndex, "v1.3": NewCurrentIndex}


def _checked(dialect: Dialect, name_field: str, name: str, options_field: str, options: list[str]) -> Model:
    allowed = dialect.models.get(name)
    if allowed is None:
        known = ", ".join(dialect.models)
        raise invalid(name_field, f"There is no {name!r}; the models of {dialect.version} are {known}.")
    if not set(options) <= set(allowed) or len(set(options)) != len(options):
        raise invalid(options_field, f"It is {options}; {name} takes each of {', '.join(allowed)} once.")
    return Model(name, tuple(options))


class IndexChange(RequestModel):
    """An update of an index, which can only change its name."""

    model_config = ConfigDict(extra="allow")
    index_name: Name


class IndexQuery(SortedQuery):
    """The query of the list of indexes."""

    ids: list[str] = Field([], alias="_id")
    index_name: list[str] = []
    model_options: list[str] = []
    engine_options: list[str] = []
    index_options: list[str] = []
    model_family: Family | None = None
    engine_family: Family | None = None
    created_at: Instants = {}
    updated_at: Instants = {}

    @field_validator("model_options", "engine_options", "index_options")
    @classmethod
    def _split(cls, options: list[str]) -> list[str]:
        return [option for option in ",".join(options).split(",") if option]

    def conditions(self) -> list[Condition]:
        """Return the conditions of the list."""
        options = (*self.model_options, *self.engine_options, *self.index_options)
        families = filter(None, (self.model_family, self.engine_family))
        return [
            *among("id", self.ids),
            *among("name", self.index_name),
            *since("created_at", self.created_at),
            *since("updated_at", self.updated_at),
            *(Condition("models LIKE ?", [f'%"{option}"%']) for option in options),
            *(Condition("models LIKE ?", [f'%"name": "{family}%']) for family in families),
        ]
