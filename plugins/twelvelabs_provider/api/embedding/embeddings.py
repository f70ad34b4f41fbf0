"""Embeddings in v1.3: synchronous for short inputs, tasks for long ones, and those of indexed videos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pendulum

from twelvelabs_provider.api.call import Call, RateCategory, get, path_of, post
from twelvelabs_provider.api.embedding.models import Embeddings, EmbeddingTask, task_without_vectors
from twelvelabs_provider.api.embedding.request import AudioInput, EmbeddingOption, EmbeddingRequest, VideoInput
from twelvelabs_provider.api.errors import TwelveLabsBadRequestError
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.resources import Paging, page_of
from twelvelabs_provider.api.service_model import as_object, part_of


def create_embeddings(request: EmbeddingRequest) -> Call[Embeddings]:
    """Return the synchronous call for texts, images, and audio and video of at most ten minutes."""
    return post("/embed-v2", Embeddings.read, request.body(), category=RateCategory.EMBED)


def create_embedding_task(request: EmbeddingRequest) -> Call[EmbeddingTask]:
    """Return the call that starts a task for audio or video of up to four hours.

    :raises TwelveLabsBadRequestError: for texts and images, which have no tasks. Raised before the request, so that
        ``mode="auto"`` can take the other call.
    """
    if not isinstance(request.input, (AudioInput, VideoInput)):
        raise TwelveLabsBadRequestError(
            f"only audio and video have embedding tasks, {request.input.type.value} has create_embeddings()"
        )
    return post("/embed-v2/tasks", EmbeddingTask.read, request.body(), category=RateCategory.EMBED)


def read_embedding_task(task_id: str) -> Call[EmbeddingTask]:
    """Return the call that reads a task with its embeddings; the service keeps both for seven days."""
    return get(path_of("embed-v2", "tasks", task_id), EmbeddingTask.read)


def embedding_task_status(task_id: str) -> Call[EmbeddingTask]:
    """Return the call that reads the status of a task without its embeddings."""
    return get(path_of("embed-v2", "tasks", task_id), task_without_vectors)


def list_embedding_tasks(
    *,
    since: pendulum.DateTime | None = None,
    until: pendulum.DateTime | None = None,
    status: str | None = None,
    paging: Paging | None = None,
) -> Call[Page[EmbeddingTask]]:
    """Return the call for one page of the tasks of the last seven days, newest first, without their embeddings.

    :param since: only those created after this moment.
    :param until: only those created before this moment.
    :param status: ``processing``, ``ready`` or ``failed``.
    """
    return task_page("/embed-v2/tasks", since, until, status, paging)


def task_page(
    path: str,
    since: pendulum.DateTime | None,
    until: pendulum.DateTime | None,
    status: str | None,
    paging: Paging | None,
) -> Call[Page[EmbeddingTask]]:
    """Return the call for one page of a list of tasks; see :func:`list_embedding_tasks`."""
    place = (paging or Paging()).place()
    query = {"started_at": _wire(since), "ended_at": _wire(until), "status": status, **place}
    return page_of(path, EmbeddingTask, query)


def indexed_embeddings(
    index_id: str, video_id: str, *, options: Sequence[EmbeddingOption] = tuple(EmbeddingOption)
) -> Call[Embeddings]:
    """Return the call for the embeddings of an indexed video, one per clip and option.

    :param options: of the index; the service refuses others.
    """
    wanted = {"embedding_option": [option.value for option in options]}
    return get(path_of("indexes", index_id, "indexed-assets", video_id), indexed_embeddings_from, wanted)


def indexed_embeddings_from(answer: Any) -> Embeddings:
    """Return the embeddings of an indexed video; none if the response has none."""
    found = as_object(as_object(answer, "a video").get("embedding") or {}, "the embedding of a video")
    segments = part_of(found, "video_embedding").get("segments") or ()
    model = found.get("model_name") or found.get("engine_name")
    return Embeddings.read({"data": segments, "metadata": {"input_type": "video"}, "model_name": model})


def _wire(moment: pendulum.DateTime | None) -> str | None:
    return moment.to_iso8601_string() if moment else None
