"""Embedding request of an operator, and whether it is sent at once or as a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.call import Call, ensure_supported
from twelvelabs_provider.api.embedding.request import LONGEST_SYNC, EmbeddingRequest
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError, TwelveLabsUnsupportedError
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.embedding_inputs import (
    MediaOptions,
    Medium,
    is_blank,
    lasting_input,
    picture_input,
    text_input,
)

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

MODES = ("auto", "sync", "async")
INPUTS = ("text", "image", "audio", "video", "embedding_task_id")
TIMED = ("audio", "video")
"""Inputs that have a length, by which they are billed."""


@dataclass(frozen=True)
class EmbeddingPlan:
    """A checked request.

    :param medium: its one medium; None for a text, and for several images.
    :param as_task: it is sent as a task.
    :param versions: of all its media; they change when a file does.
    """

    request: EmbeddingRequest
    medium: Medium | None
    as_task: bool
    versions: Sequence[str | None]

    @property
    def kind(self) -> str:
        """What is embedded: ``text``, ``image``, ``audio``, ..."""
        return self.request.input.type.value

    @property
    def is_timed(self) -> bool:
        """Whether the input has a length, by which it is billed."""
        return self.medium is not None and self.kind in TIMED


def given_inputs(inputs: Mapping[str, Any]) -> set[str]:
    """Return which inputs are given.

    :param inputs: the operator's arguments of :data:`INPUTS`.
    :raises TwelveLabsInputError: they do not make one embedding.
    """
    given = {name for name, value in inputs.items() if not is_blank(value)}
    if len(given) != 1 and given != {"text", "image"}:
        raise TwelveLabsInputError(
            f"give one of {', '.join(INPUTS)}, or text and image (got {', '.join(sorted(given)) or 'none'})"
        )
    return given


def plan_embedding(
    hook: TwelveLabsHook,
    inputs: Mapping[str, Any],
    model: str,
    options: MediaOptions,
    mode: str,
    *,
    without_worker: bool,
) -> EmbeddingPlan:
    """Read the arguments and check the input, without cost.

    :param without_worker: the task does not wait on a worker, so ``auto`` prefers a task on the service.
    :raises TwelveLabsInputError: the service would refuse the request.
    """
    given = {name for name, value in inputs.items() if not is_blank(value)}
    kind = next((kind for kind in TIMED if kind in given), None)
    if kind is None:
        options.must_be_unused(" and ".join(sorted(given)))
        if mode == "async":
            raise TwelveLabsInputError(f"mode='async' is for audio and video; {sorted(given)[0]} is embedded at once")
        text = str(inputs["text"]) if "text" in given else None
        found, media = picture_input(hook, text, inputs["image"]) if "image" in given else text_input(str(text))
        medium = media[0] if len(media) == 1 else None
        return EmbeddingPlan(EmbeddingRequest(found, model), medium, False, [one.version for one in media])
    timed, medium = lasting_input(hook, kind, str(inputs[kind]), options)
    is_long = medium.duration is not None and medium.duration > LONGEST_SYNC
    if is_long and mode == "sync":
        raise TwelveLabsInputError(
            f"{medium.shown} lasts {medium.duration:g} s; at most {LONGEST_SYNC:g} s are embedded at once: use"
            " mode='async'"
        )
    as_task = mode == "async" or (mode == "auto" and (is_long or medium.duration is None or without_worker))
    return EmbeddingPlan(EmbeddingRequest(timed, model), medium, as_task, [medium.version])


def embedding_call(hook: TwelveLabsHook, plan: EmbeddingPlan, mode: str) -> tuple[Call[Any], bool]:
    """Return the call, and whether it creates a task; ``auto`` falls back to the way that this API generation has."""
    ways = [plan.as_task, not plan.as_task] if mode == "auto" else [plan.as_task]
    refused: TwelveLabsUnsupportedError | None = None
    for as_task in ways:
        make = hook.api.create_embedding_task if as_task else hook.api.create_embeddings
        try:
            call: Call[Any] = make(plan.request)
        except TwelveLabsUnsupportedError as error:
            # The last error is the more exact one: the first may only name the right way.
            refused = error
            continue
        except TwelveLabsBadRequestError:
            if refused is None:
                raise
            continue
        ensure_supported(call, hook.endpoint.version)
        return call, as_task
    assert refused is not None
    raise refused
