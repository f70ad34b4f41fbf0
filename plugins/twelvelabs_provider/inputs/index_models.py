"""Models of an index: the argument that names them, and checks before a video is uploaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from twelvelabs_provider.api.retired_models import RETIRED_MODELS
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import decoded

if TYPE_CHECKING:
    from twelvelabs_provider.api.models import Index, Model


def must_be_current(models: Iterable[Model]) -> None:
    """Refuse retired models for a new index.

    :raises TwelveLabsInputError: with the model and the day of its retirement.
    """
    for model in models:
        if model.name in RETIRED_MODELS:
            raise TwelveLabsInputError(
                f"Model {model.name!r} was retired on {RETIRED_MODELS[model.name]}: leave it out. Newer models that"
                " generate text need no index"
            )


def must_take_videos(index: Index) -> None:
    """Refuse an index whose models are all retired, because it accepts no more videos.

    :raises TwelveLabsInputError: with the index and its models.
    """
    if index.models and all(model.name in RETIRED_MODELS for model in index.models):
        names = ", ".join(model.name for model in index.models)
        raise TwelveLabsInputError(
            f"Index {index.id} accepts no more videos: its model {names} was retired on"
            f" {RETIRED_MODELS[index.models[0].name]}. Create an index with TwelveLabsCreateIndexOperator"
        )


def models_from(models: Mapping[str, Sequence[str]] | str | None) -> tuple[Model, ...] | None:
    """Return the models of an argument: a mapping of names to options, or its JSON text. None if it is empty.

    :raises TwelveLabsInputError: it is neither.
    """
    from twelvelabs_provider.api.models import Model

    models = decoded("models", models, "a JSON object")
    if models is None:
        return None
    if not isinstance(models, Mapping) or not models:
        raise TwelveLabsInputError(f"models={models!r} must map model names to their options")
    for name, options in models.items():
        if isinstance(options, str) or not options or not all(isinstance(option, str) for option in options):
            raise TwelveLabsInputError(f"models[{name!r}]={options!r} must be a list of option names")
    return tuple(_with_sorted_options(Model(name, tuple(options))) for name, options in models.items())


def same_models(left: Iterable[Model], right: Iterable[Model]) -> bool:
    """Tell whether two indexes have the same models. The order of models and options does not matter."""
    return set(map(_with_sorted_options, left)) == set(map(_with_sorted_options, right))


def models_text(models: Iterable[Model]) -> str:
    """Return models as text."""
    return " + ".join(map(str, models)) or "no models"


def _with_sorted_options(model: Model) -> Model:
    return replace(model, options=tuple(sorted(model.options)))
