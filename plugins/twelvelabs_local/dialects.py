"""What differs between the generations of the API; everything else is shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_local.errors import invalid, missing, unknown
from twelvelabs_local.store.indexes import Index, Model, has_option

LEGACY_OPTIONS = ("visual", "conversation", "text_in_video", "logo")
OPTIONS = ("visual", "audio")


@dataclass(frozen=True)
class Dialect(ABC):
    """One generation of the API.

    :param version: the first part of its paths.
    :param legacy: v1.1 and v1.2.
    :param typed: whether bodies say their ``type``.
    :param most_per_page: largest ``page_limit``.
    :param index_created: status of a created index.
    :param models: the models that an index may have, with their options.
    """

    version: str
    legacy: bool
    typed: bool
    most_per_page: int
    index_created: int
    models: Mapping[str, Sequence[str]]

    @abstractmethod
    def read_models(self, body: Mapping[str, Any]) -> list[Model]:
        """Return the models that a request for an index names.

        :param body: the request's body.
        :raises ServiceError: when they are missing or wrong.
        """

    @abstractmethod
    def write_models(self, index: Index) -> Mapping[str, Any]:
        """Return the models of an index as its body tells them."""

    @property
    @abstractmethod
    def model_fields(self) -> Sequence[str]:
        """The fields of an index's body that name models."""

    def with_type(self, body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        """Add the ``type`` where this generation has one.

        :param body: a body.
        :param name: for example ``index_task_info``.
        """
        return {**body, "type": name} if self.typed else body

    def checked_model(self, name: Any, options: Any, name_field: str, options_field: str) -> Model:
        """Check one model.

        :param name: its name.
        :param options: its options.
        :param name_field: how the request calls the name.
        :param options_field: how the request calls the options.
        :raises ServiceError: when one of them is missing or wrong.
        """
        if not name:
            raise missing(name_field)
        allowed = self.models.get(name) if isinstance(name, str) else None
        if allowed is None:
            raise invalid(
                name_field, f"There is no {name!r}; the models of {self.version} are {', '.join(self.models)}."
            )
        if not isinstance(options, list) or not options:
            raise missing(options_field) if not options else invalid(options_field, "It must be a list.")
        wrong = [option for option in options if option not in allowed]
        if wrong or len(set(options)) != len(options):
            raise invalid(options_field, f"It is {options}; {name} takes each of {', '.join(allowed)} once.")
        return Model(name, tuple(options))

    def shown_options(self, index: Index, model: Model) -> list[str]:
        """Return a model's options in the words of this generation.

        :param index: the index, maybe created through another generation.
        :param model: one of its models.
        """
        if bool(index.legacy) == self.legacy:
            return list(model.options)
        words = LEGACY_OPTIONS if self.legacy else OPTIONS
        alone = Index(**{**vars(index), "models": [{"name": model.name, "options": model.options}]})
        return [word for word in words if has_option(alone, word)]


class OneModel(Dialect):
    """v1.1: one engine per index."""

    @property
    def model_fields(self) -> Sequence[str]:
        """See the base."""
        return ("engine_id", "index_options")

    def read_models(self, body: Mapping[str, Any]) -> list[Model]:
        """See the base."""
        return [self.checked_model(body.get("engine_id"), body.get("index_options"), "engine_id", "index_options")]

    def write_models(self, index: Index) -> Mapping[str, Any]:
        """See the base."""
        model = index.named_models()[0]
        return {"engine_id": model.name, "index_options": self.shown_options(index, model)}


@dataclass(frozen=True)
class ManyModels(Dialect):
    """v1.2 and v1.3: a list of models.

    :param word: ``engine`` or ``model``.
    """

    word: str

    @property
    def model_fields(self) -> Sequence[str]:
        """See the base."""
        return (f"{self.word}s",)

    def read_models(self, body: Mapping[str, Any]) -> list[Model]:
        """See the base."""
        listed, word = body.get(f"{self.word}s"), self.word
        if not listed:
            raise missing(f"{word}s")
        if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
            raise invalid(f"{word}s", "It must be a list of objects.")
        for item in listed:
            if extra := [name for name in item if name not in (f"{word}_name", f"{word}_options")]:
                raise unknown([f"{word}s.{name}" for name in extra])
        name_field, options_field = f"{word}_name", f"{word}_options"
        models = [
            self.checked_model(item.get(name_field), item.get(options_field), name_field, options_field)
            for item in listed
        ]
        if len({model.name for model in models}) != len(models):
            raise invalid(f"{word}s", "It names a model twice.")
        return models

    def write_models(self, index: Index) -> Mapping[str, Any]:
        """See the base."""
        return {
            f"{self.word}s": [
                {f"{self.word}_name": model.name, f"{self.word}_options": self.shown_options(index, model)}
                for model in index.named_models()
            ]
        }


_PEGASUS = ("visual", "conversation")

V1_1 = OneModel("v1.1", True, True, 50, 200, dict.fromkeys(("marengo2.5", "marengo2", "marengo"), LEGACY_OPTIONS))
V1_2 = ManyModels(
    "v1.2",
    True,
    False,
    50,
    201,
    {"marengo2.6": LEGACY_OPTIONS, "marengo2.5": LEGACY_OPTIONS, "pegasus1.1": _PEGASUS, "pegasus1": _PEGASUS},
    "engine",
)
V1_3 = ManyModels("v1.3", False, False, 50, 201, {"marengo3.0": OPTIONS, "pegasus1.2": OPTIONS}, "model")

DIALECTS: Sequence[Dialect] = (V1_3, V1_2, V1_1)
