"""Differences between the generations of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_local.store.indexes import Index, Model, has_option

LEGACY_OPTIONS = ("visual", "conversation", "text_in_video", "logo")
OPTIONS = ("visual", "audio")


@dataclass(frozen=True)
class Dialect:
    """One generation of the API.

    :param version: the first segment of its paths.
    :param legacy: v1.1 and v1.2.
    :param typed: whether bodies have a ``type``.
    :param index_created: HTTP status of a created index.
    :param word: what a model is called in a list of models; None where an index has exactly one.
    :param models: the models that an index may have, with their options.
    """

    version: str
    legacy: bool
    typed: bool
    index_created: int
    word: str | None
    models: Mapping[str, Sequence[str]]

    def with_type(self, body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        """Add the ``type`` where this generation has one.

        :param body: a body.
        :param name: for example ``index_task_info``.
        """
        return {**body, "type": name} if self.typed else body

    @property
    def model_fields(self) -> Sequence[str]:
        """The fields of an index's body that name models."""
        return (f"{self.word}s",) if self.word else ("engine_id", "index_options")

    def shown_models(self, index: Index) -> Mapping[str, Any]:
        """Return the fields of an index's body that name its models."""
        models = [(model.name, self._shown_options(index, model)) for model in index.named_models()]
        if self.word is None:
            name, options = models[0]
            return {"engine_id": name, "index_options": options}
        word = self.word
        return {f"{word}s": [{f"{word}_name": name, f"{word}_options": options} for name, options in models]}

    def _shown_options(self, index: Index, model: Model) -> list[str]:
        """Return a model's options in the words of this generation, also for an index of another one."""
        if bool(index.legacy) == self.legacy:
            return list(model.options)
        words = LEGACY_OPTIONS if self.legacy else OPTIONS
        alone = Index(**{**vars(index), "models": [{"name": model.name, "options": model.options}]})
        return [word for word in words if has_option(alone, word)]


_PEGASUS = ("visual", "conversation")

V1_1 = Dialect("v1.1", True, True, 200, None, dict.fromkeys(("marengo2.5", "marengo2", "marengo"), LEGACY_OPTIONS))
V1_2 = Dialect(
    "v1.2",
    True,
    False,
    201,
    "engine",
    {"marengo2.6": LEGACY_OPTIONS, "marengo2.5": LEGACY_OPTIONS, "pegasus1.1": _PEGASUS, "pegasus1": _PEGASUS},
)
V1_3 = Dialect("v1.3", False, False, 201, "model", {"marengo3.0": OPTIONS, "pegasus1.2": OPTIONS})

DIALECTS: Sequence[Dialect] = (V1_3, V1_2, V1_1)
