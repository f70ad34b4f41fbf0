"""Calls for indexes, indexing tasks and videos that all generations share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import pendulum

from twelvelabs_provider.api.call import (
    Call,
    FilePart,
    FormBody,
    Method,
    RateCategory,
    change,
    delete,
    get,
    nothing,
    path_of,
    wire_text,
)
from twelvelabs_provider.api.filters import IndexFilter, VideoFilter, instant
from twelvelabs_provider.api.models import Index, IndexingTask, Page, Video
from twelvelabs_provider.api.paging import page_from
from twelvelabs_provider.api.service_model import NO_FIELDS, Identifier, ServiceModel, named

ModelT = TypeVar("ModelT", bound=ServiceModel)
LARGEST_PAGE = 50


class IndexingRoute(StrEnum):
    """Ways to index a video."""

    TASK = "task"
    ASSET = "asset"


class Resource(ServiceModel):
    """Anything that has an id."""

    id: Identifier = named("_id", "id")


class CreatedTask(ServiceModel):
    """A new indexing task; only v1.3 returns ``video_id`` at once."""

    id: Identifier = named("_id", "id")
    video_id: str | None = None


@dataclass(frozen=True)
class Paging:
    """Which page of a list, newest first.

    :param page: counted from 1.
    :param limit: entries on a page, 50 at most.
    :param sort_by: ``created_at`` or ``updated_at``.
    :param descending: False for oldest first; entries added meanwhile come last.
    """

    page: int = 1
    limit: int = LARGEST_PAGE
    sort_by: str = "created_at"
    descending: bool = True

    def query(self) -> dict[str, Any]:
        """Return the query of a list call."""
        order = "desc" if self.descending else "asc"
        return {**self.place(), "sort_by": self.sort_by, "sort_option": order}

    def place(self) -> dict[str, Any]:
        """Return the query of a list with a fixed order."""
        return {"page": self.page, "page_limit": self.limit}


def id_from(answer: Any) -> str:
    """Return the id of a resource, for calls that answer with little else."""
    return Resource.read(answer).id


def page_of(path: str, model: type[ModelT], query: Mapping[str, Any] = NO_FIELDS) -> Call[Page[ModelT]]:
    """Return the call for one page of a list.

    :param model: of an entry.
    """
    return get(path, partial(page_from, item=model.read, what=f"the list {path}"), query)


def find_index(name: str) -> Call[Index | None]:
    """Return the call that finds an index by its exact name, or returns None."""

    def exact(answer: Any) -> Index | None:
        page = page_from(answer, Index.read, "the list of indexes")
        return next((index for index in page.items if index.name == name), None)

    return get("/indexes", exact, {"index_name": name, "page_limit": LARGEST_PAGE})


def indexes_page(paging: Paging | None, where: IndexFilter | None, *, options: str, family: str) -> Call[Page[Index]]:
    """Return the call for one page of indexes.

    :param options: parameter name of the model options in this generation.
    :param family: parameter name of the model family in this generation.
    """
    filters = where.query(options, family) if where else {}
    return page_of("/indexes", Index, {**(paging or Paging()).query(), **filters})


def rename_index(index_id: str, name: str) -> Call[None]:
    """Return the call that renames an index; nothing else of it can change."""
    return change(Method.PUT, path_of("indexes", index_id), nothing, {"index_name": name})


def read_index(index_id: str) -> Call[Index]:
    """Return the call that reads an index."""
    return get(path_of("indexes", index_id), Index.read)


def delete_index(index_id: str) -> Call[None]:
    """Return the call that deletes an index and every video in it."""
    return delete(path_of("indexes", index_id))


def read_task(task_id: str) -> Call[IndexingTask]:
    """Return the call that reads an indexing task."""
    return get(path_of("tasks", task_id), IndexingTask.read)


def list_tasks(
    *,
    index_id: str | None = None,
    status: Sequence[str] = (),
    filename: str | None = None,
    duration: float | None = None,
    width: int | None = None,
    height: int | None = None,
    created_since: pendulum.DateTime | None = None,
    updated_since: pendulum.DateTime | None = None,
    paging: Paging | None = None,
) -> Call[Page[IndexingTask]]:
    """Return the call for one page of indexing tasks.

    :param status: any of these statuses.
    :param duration: exactly so many seconds.
    :param width: exactly so many pixels.
    :param height: exactly so many pixels.
    :param created_since: created at or after this time.
    :param updated_since: changed at or after this time.
    """
    filters = {
        "index_id": index_id,
        "status": list(status),
        "filename": filename,
        "duration": duration,
        "width": width,
        "height": height,
        "created_at": instant(created_since),
        "updated_at": instant(updated_since),
    }
    return page_of("/tasks", IndexingTask, {**(paging or Paging()).query(), **filters})


def delete_task(task_id: str) -> Call[None]:
    """Return the call that deletes an indexing task that has ended."""
    return delete(path_of("tasks", task_id))


def list_videos(index_id: str, *, where: VideoFilter | None = None, paging: Paging | None = None) -> Call[Page[Video]]:
    """Return the call for one page of the videos in an index, those that are ready."""
    query = {**(paging or Paging()).query(), **(where.query() if where else {})}
    return page_of(path_of("indexes", index_id, "videos"), Video, query)


def delete_video(index_id: str, video_id: str) -> Call[None]:
    """Return the call that removes a video from an index."""
    return delete(path_of("indexes", index_id, "videos", video_id))


def upload_task(index_id: str, video: FilePart | str, fields: dict[str, Any]) -> Call[CreatedTask]:
    """Return the call that uploads and indexes a video in one request.

    :param video: a file, or a URL that the service fetches.
    :param fields: of the generation; None is left out.
    """
    media: tuple[str, str | FilePart] = ("video_url" if isinstance(video, str) else "video_file", video)
    texts = [(name, _part(value)) for name, value in {"index_id": index_id, **fields}.items() if value is not None]
    return Call(Method.POST, "/tasks", CreatedTask.read, body=FormBody((*texts, media)), category=RateCategory.INDEX)


def _part(value: Any) -> str | FilePart:
    return value if isinstance(value, FilePart) else wire_text(value)
