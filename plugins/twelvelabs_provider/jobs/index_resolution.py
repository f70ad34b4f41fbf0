"""Resolution of the index that a task names by id or by name."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from twelvelabs_provider.api.errors import ErrorCode, TwelveLabsError, is_missing
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.index_models import (
    models_from,
    models_text,
    must_be_current,
    must_take_videos,
    same_models,
)
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME

if TYPE_CHECKING:
    from twelvelabs_provider.api.models import Index, Model
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
    from twelvelabs_provider.jobs.task_state import TaskState

log = logging.getLogger(__name__)


def resolve_index(hook: TwelveLabsHook, index_id: object, index_name: object) -> str:
    """Return the id of a task's index. A name costs one list call.

    :raises TwelveLabsInputError: both or neither are given, or no index has the name.
    """
    given_id, given_name = index_arguments(index_id, index_name)
    return given_id or _find(hook, given_name).id


def resolve_index_for_videos(
    hook: TwelveLabsHook,
    index_id: object,
    index_name: object,
    *,
    create_index: bool = False,
    models: Mapping[str, Sequence[str]] | str | None = None,
    task_state: TaskState | None = None,
) -> Index:
    """Return the index that videos go into, before anything is uploaded or billed.

    :param create_index: create the index if no index has the name.
    :param models: of an index that is created, see :func:`models_from`.
    :param task_state: remembers which index an attempt found under a name, so that a retry uses the same one.
    :raises TwelveLabsInputError: the arguments name no index, or one that takes no videos.
    """
    given_id, given_name = index_arguments(index_id, index_name)
    wanted = models_from(models)
    if not create_index and wanted:
        raise TwelveLabsInputError("models are given without create_index=True. Only a new index takes models.")
    if given_id and create_index:
        raise TwelveLabsInputError(f"create_index=True needs index_name instead of index_id={given_id!r}")
    if given_id:
        index = hook.execute(hook.api.read_index(given_id))
    else:
        if remembered := _remembered(hook, task_state):
            index = remembered
        elif create_index:
            index = hook.execute(hook.api.read_index(create_or_reuse(hook, given_name, wanted)))
        else:
            index = _find(hook, given_name)
        if task_state is not None:
            task_state.record_index(index.id)
    must_take_videos(index)
    return index


def index_arguments(index_id: object, index_name: object) -> tuple[str, str]:
    """Return the id and the name of an index as texts, one of them empty.

    :raises TwelveLabsInputError: both or neither are given.
    """
    given_id, given_name = _text(index_id), _text(index_name)
    if bool(given_id) == bool(given_name):
        problem = "Two indexes are given" if given_id else "No index is given"
        raise TwelveLabsInputError(
            f"{problem} (index_id={index_id!r}, index_name={index_name!r}). Give index_id or index_name."
        )
    return given_id, given_name


def create_or_reuse(
    hook: TwelveLabsHook, name: str, wanted: tuple[Model, ...] | None, *, must_be_new: bool = False
) -> str:
    """Return the id of the index of a name. Create it if there is none.

    :param wanted: its models; None means the usual ones for a new index, and any for an existing one.
    :param must_be_new: refuse an index that exists.
    :raises TwelveLabsInputError: it exists with other models, or it must be new.
    """
    must_be_current(wanted or ())
    existing = hook.execute(hook.api.find_index(name))
    if existing is not None:
        return _reuse(existing, wanted, must_be_new)
    models = wanted or hook.api.DEFAULT_MODELS
    try:
        index_id = hook.execute(hook.api.create_index(name, models))
    except TwelveLabsError as error:
        # The response was lost, or another task created the index first. The name identifies it.
        if not isinstance(error, UNKNOWN_OUTCOME) and error.details.code != ErrorCode.NAME_EXISTS:
            raise
        existing = hook.execute(hook.api.find_index(name))
        if existing is None:
            raise
        return _reuse(existing, wanted, must_be_new)
    log.info("Created index %r with %s: %s", name, models_text(models), index_id)
    return index_id


def _reuse(index: Index, wanted: tuple[Model, ...] | None, must_be_new: bool) -> str:
    if must_be_new:
        raise TwelveLabsInputError(f"Index {index.name!r} already exists as {index.id}, and if_exists='fail'")
    if wanted is not None and not same_models(wanted, index.models):
        raise TwelveLabsInputError(
            f"Index {index.name!r} exists with {models_text(index.models)}, not with {models_text(wanted)}. Models of"
            f" an index cannot be changed: take another name or its models ({index.id})."
        )
    log.info("Reusing index %r with %s: %s", index.name, models_text(index.models), index.id)
    return index.id


def _find(hook: TwelveLabsHook, name: str) -> Index:
    index = hook.execute(hook.api.find_index(name))
    if index is None:
        raise TwelveLabsInputError(
            f"Index {name!r} does not exist. Check the name, or create the index with TwelveLabsCreateIndexOperator"
            " or create_index=True."
        )
    return index


def _remembered(hook: TwelveLabsHook, task_state: TaskState | None) -> Index | None:
    """Return the index that an earlier attempt found, if it still exists."""
    index_id = task_state.earlier_index() if task_state is not None else None
    if index_id is None:
        return None
    try:
        return hook.execute(hook.api.read_index(index_id))
    except TwelveLabsError as error:
        if not is_missing(error):
            raise
        return None


def _text(value: object) -> str:
    text = "" if value is None else str(value).strip()
    return "" if text == "None" else text
