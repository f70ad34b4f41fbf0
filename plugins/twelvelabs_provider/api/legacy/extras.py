"""Logos, thumbnails, engines and task counts of v1.1 and v1.2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import AliasChoices, Field

from twelvelabs_provider.api.call import Call, RateCategory, get, only_in, path_of, post
from twelvelabs_provider.api.models import Page, Segment, segments_from
from twelvelabs_provider.api.resources import CreatedTask, page_of
from twelvelabs_provider.api.service_model import Identifier, ServiceModel, as_object, named
from twelvelabs_provider.api.version import LEGACY, ApiVersion

_DOCUMENTED = "the service's documentation lists the models"
COUNTED = ("uploading", "validating", "pending", "queued", "indexing", "ready", "failed")
"""Counted statuses of tasks."""


class Engine(ServiceModel):
    """A model that an index may be created with.

    :param options: the kinds of content that it can index.
    """

    id: Identifier = named("_id", "id")
    options: tuple[str, ...] = named("allowed_index_options", default=())


class SignedImage(ServiceModel):
    """A thumbnail URL that works without the API key for an hour; never log or store it."""

    url: str = Field(repr=False, validation_alias=AliasChoices("thumbnail", "url"))


class TaskCounts(ServiceModel):
    """Number of indexing tasks of an index by status."""

    counts: Mapping[str, int]

    @classmethod
    def spread(cls, body: dict[str, Any]) -> dict[str, Any]:
        """See the base class."""
        counts = {status: count for status, count in body.items() if status in COUNTED and isinstance(count, int)}
        return body if "counts" in body else {"counts": counts}

    @property
    def total(self) -> int:
        """Number of all tasks."""
        return sum(self.counts.values())

    def __add__(self, other: TaskCounts) -> TaskCounts:
        added = {status: self.counts.get(status, 0) + count for status, count in other.counts.items()}
        return TaskCounts(counts={**self.counts, **added})


def logo(
    index_id: str, video_id: str, *, start: float | None = None, end: float | None = None
) -> Call[tuple[Segment, ...]]:
    """Return the call for the logos in a video."""
    path = path_of("indexes", index_id, "videos", video_id, "logo")
    call = get(path, lambda answer: segments_from(as_object(answer, "logos").get("data")), {"start": start, "end": end})
    return only_in(call, *LEGACY, instead="search for the logo, or ask for it in an analysis with a response format")


def thumbnail(index_id: str, video_id: str, *, time: float | None = None) -> Call[SignedImage]:
    """Return the call for a thumbnail of a video.

    :param time: seconds; the default is the middle.
    """
    path = path_of("indexes", index_id, "videos", video_id, "thumbnail")
    call = get(path, SignedImage.read, {"time": time})
    return only_in(call, *LEGACY, instead="create the asset with enable_thumbnail, or cut the frame out of the file")


def list_engines() -> Call[Page[Engine]]:
    """Return the call for the models that an index can use."""
    return only_in(page_of("/engines", Engine), *LEGACY, instead=_DOCUMENTED)


def read_engine(engine_id: str) -> Call[Engine]:
    """Return the call that reads a model."""
    return only_in(get(path_of("engines", engine_id), Engine.read), *LEGACY, instead=_DOCUMENTED)


def count_tasks(index_id: str) -> Sequence[Call[TaskCounts]]:
    """Return the calls whose results add up to the counts of an index's tasks: here one."""
    return [get("/tasks/status", TaskCounts.read, {"index_id": index_id})]


def create_external_task(index_id: str, url: str) -> Call[CreatedTask]:
    """Return the call that indexes a video of a hosting site (v1.2 only).

    :param url: the page of the video.
    """
    call = post(
        "/tasks/external-provider", CreatedTask.read, {"index_id": index_id, "url": url}, category=RateCategory.INDEX
    )
    return only_in(call, ApiVersion.V1_2, instead="create_task() takes a direct link to the file")
