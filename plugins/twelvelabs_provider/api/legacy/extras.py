"""Logos, thumbnails, engines and task counts of v1.1 and v1.2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from twelvelabs_provider.api.call import Call, RateCategory, get, only_in, path_of, post
from twelvelabs_provider.api.models import Json, Page, Segment, segments_from
from twelvelabs_provider.api.reading import as_object, page_from, text_from
from twelvelabs_provider.api.resources import CreatedTask
from twelvelabs_provider.api.serializable import Answer
from twelvelabs_provider.api.service_model import Identifier, ServiceModel, named
from twelvelabs_provider.api.version import LEGACY, ApiVersion

_NOTHING: Json = MappingProxyType({})
_DOCUMENTED = "the service's documentation lists the models"
COUNTED = ("uploading", "validating", "pending", "queued", "indexing", "ready", "failed")
"""Counted statuses of tasks."""


class Engine(ServiceModel):
    """A model that an index may be created with.

    :param options: the kinds of content that it can index.
    """

    id: Identifier = named("_id", "id")
    options: tuple[str, ...] = named("allowed_index_options", default=())


@dataclass(frozen=True)
class SignedImage(Answer):
    """A thumbnail URL that works without the API key for an hour; never log or store it."""

    url: str = field(repr=False)


@dataclass(frozen=True)
class TaskCounts(Answer):
    """Number of indexing tasks of an index by status."""

    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Number of all tasks."""
        return sum(self.counts.values())

    def __add__(self, other: TaskCounts) -> TaskCounts:
        return TaskCounts({**self.counts, **{key: self.counts.get(key, 0) + n for key, n in other.counts.items()}})


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

    def image(answer: Any) -> SignedImage:
        return SignedImage(text_from(as_object(answer, "a thumbnail"), "thumbnail", "a thumbnail"))

    call = get(path, image, {"time": time})
    return only_in(call, *LEGACY, instead="create the asset with enable_thumbnail, or cut the frame out of the file")


def list_engines() -> Call[Page[Engine]]:
    """Return the call for the models that an index can use."""
    call = get("/engines", partial(page_from, item=Engine.read, what="the list of engines"))
    return only_in(call, *LEGACY, instead=_DOCUMENTED)


def read_engine(engine_id: str) -> Call[Engine]:
    """Return the call that reads a model."""
    return only_in(get(path_of("engines", engine_id), Engine.read), *LEGACY, instead=_DOCUMENTED)


def count_tasks(index_id: str) -> Sequence[Call[TaskCounts]]:
    """Return the calls whose results add up to the counts of an index's tasks: here one."""

    def counts(answer: Any) -> TaskCounts:
        raw = as_object(answer, "the counts of tasks")
        numbers = {status: raw[status] for status in raw if isinstance(raw[status], int)}
        return TaskCounts({status: count for status, count in numbers.items() if status in COUNTED})

    return [get("/tasks/status", counts, {"index_id": index_id})]


def create_external_task(index_id: str, url: str) -> Call[CreatedTask]:
    """Return the call that indexes a video of a hosting site (v1.2 only).

    :param url: the page of the video.
    """
    call = post(
        "/tasks/external-provider", CreatedTask.read, {"index_id": index_id, "url": url}, category=RateCategory.INDEX
    )
    return only_in(call, ApiVersion.V1_2, instead="create_task() takes a direct link to the file")
