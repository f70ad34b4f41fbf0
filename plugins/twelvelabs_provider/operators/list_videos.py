"""Operators for indexed videos: list, change metadata, delete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.call import Call
from twelvelabs_provider.api.errors import finite_number
from twelvelabs_provider.api.models import Page, Video
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import mapping_of, texts_of
from twelvelabs_provider.inputs.user_metadata import user_metadata_of
from twelvelabs_provider.inputs.video_filters import WantedVideos
from twelvelabs_provider.jobs.index_resolution import index_arguments, resolve_index
from twelvelabs_provider.links import index_url, video_url
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.results.kinds import VIDEOS
from twelvelabs_provider.storage.manifest import Provenance
from twelvelabs_provider.storage.publish import ResultFacts, ResultPath, check_output, publish_rows, table_formats
from twelvelabs_provider.task import COMMON_FIELDS, DELETE_COLOR, required

if TYPE_CHECKING:
    from airflow.sdk import Context

MOST_IN_XCOM = 1000


class TwelveLabsListVideosOperator(TwelveLabsOperator):
    """Lists the videos of an index, oldest first; publishes their rows, or returns their ids.

    Service page: https://docs.twelvelabs.io/api-reference/videos/list

    :param index_id: the index (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param filters: a mapping or its JSON text: ``filename``; ``duration`` (seconds), ``fps``,
        ``width``, ``height`` (pixels) and ``size`` (bytes) as a number or ``{"gte": ..., "lte": ...}``;
        ``created_at`` and ``updated_at`` (ISO 8601, at or after); ``user_metadata`` (names to values); ``status`` (a
        list; v1.3 only; default: ready videos) (templated).
    :param output_path: local path or URI of object storage for the rows; None returns ids (templated).
    :param formats: any of ``jsonl``, ``json``, ``parquet`` (templated).
    :param output_name: stem of the files. None uses the run and the task, so that lists of other runs and mapped
        tasks are not replaced (templated).
    :param max_videos: maximum number of returned ids without ``output_path``.
    :return: ``index_id`` and ``rows``, and with an output ``manifest`` (URI), ``files`` (format to URI) and
        ``bytes``, without one ``video_ids``.
    :raises TwelveLabsInputError: a filter, a format or the output is invalid, or there are more videos than
        ``max_videos`` without an output.
    :raises TwelveLabsOutputError: the files cannot be written; no partial file is visible.
    """

    template_fields = (*COMMON_FIELDS, "index_id", "index_name", "filters", "output_path", "formats", "output_name")

    def __init__(
        self,
        *,
        index_id: str | None = None,
        index_name: str | None = None,
        filters: Mapping[str, Any] | str | None = None,
        output_path: str | None = None,
        formats: Sequence[str] | str = ("jsonl",),
        output_name: str | None = None,
        max_videos: int = MOST_IN_XCOM,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.index_id = index_id
        self.index_name = index_name
        self.filters = filters
        self.output_path = output_path
        self.formats = formats
        self.output_name = output_name
        self.max_videos = max_videos

    def run_operator(self, context: Context) -> dict[str, Any]:
        """Read the pages and publish their rows, or return their ids."""
        index_arguments(self.index_id, self.index_name)
        wanted = WantedVideos.parse(self.filters)
        formats = table_formats(texts_of("formats", self.formats))
        if self.output_path:
            if self.output_name is not None:
                required(self, output_name=self.output_name)
            check_output(self.output_path)
        index_id = resolve_index(self.hook, self.index_id, self.index_name)
        self.playground_url = index_url(index_id)
        videos = self._videos(index_id, wanted)
        if not self.output_path:
            ids = self._ids(index_id, videos)
            return {"index_id": index_id, "rows": len(ids), "video_ids": ids}
        provenance = Provenance.of(context["ti"])
        place = ResultPath((index_id, "videos"), provenance.file_stem(), "videos")
        if self.output_name is not None:
            place = ResultPath((index_id,), self.output_name, "videos")
        options = {"filters": mapping_of("filters", self.filters)}
        facts = ResultFacts(provenance, index_id=index_id, options=options)
        rows = map(video_row, videos)
        published = publish_rows(self.output_path, place, rows, VIDEOS, formats, facts)
        self.log.info("Published %d videos of index %s: %s", published.rows, index_id, published.manifest_uri)
        return {"index_id": index_id, **published.as_xcom()}

    def _videos(self, index_id: str, wanted: WantedVideos) -> Iterator[Video]:
        """Return the videos, oldest first: what is indexed meanwhile moves none from one page to another."""
        api = self.hook.api

        def page(paging: Paging) -> Call[Page[Video]]:
            paging = replace(paging, descending=False)
            if wanted.status:
                return api.list_indexed_assets(index_id, status=wanted.status, where=wanted.where, paging=paging)
            return api.list_videos(index_id, where=wanted.where, paging=paging)

        return self.hook.items(page)

    def _ids(self, index_id: str, videos: Iterable[Video]) -> list[str]:
        ids = [video.id for video in islice(videos, self.max_videos + 1)]
        if len(ids) > self.max_videos:
            raise TwelveLabsInputError(
                f"Index {index_id} has more than {self.max_videos} such videos, too many to return. Give output_path,"
                " which takes any number of rows, narrow the filters, or raise max_videos."
            )
        self.log.info("Found %d videos in index %s", len(ids), index_id)
        return ids


class TwelveLabsUpdateVideoMetadataOperator(TwelveLabsOperator):
    """Merges fields into the metadata of a video. A value replaces a field, None removes it.

    Service page: https://docs.twelvelabs.io/api-reference/videos/update

    :param index_id: the index of the video (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param video_id: the video (templated).
    :param user_metadata: names to texts, numbers, booleans, lists of texts or None, as a mapping or its JSON text
        (templated).
    :param video_title: a title; v1.1 and v1.2 only (templated).
    :return: ``index_id``, ``video_id`` and ``fields``, the names that were changed.
    :raises TwelveLabsInputError: for metadata that the service would refuse, before it is sent.
    :raises TwelveLabsRefusedError: if there is no such video, or for a title on v1.3.
    """

    template_fields = (*COMMON_FIELDS, "index_id", "index_name", "video_id", "user_metadata", "video_title")

    def __init__(
        self,
        *,
        video_id: str,
        index_id: str | None = None,
        index_name: str | None = None,
        user_metadata: Mapping[str, Any] | str | None = None,
        video_title: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.index_id = index_id
        self.index_name = index_name
        self.video_id = video_id
        self.user_metadata = user_metadata
        self.video_title = video_title

    def run_operator(self, context: Context) -> dict[str, Any]:
        """Change the metadata."""
        required(self, video_id=self.video_id)
        index_arguments(self.index_id, self.index_name)
        metadata = user_metadata_of("user_metadata", self.user_metadata)
        title = self.video_title or None
        if not metadata and title is None:
            raise TwelveLabsInputError(f"user_metadata={self.user_metadata!r} holds nothing to change")
        index_id = resolve_index(self.hook, self.index_id, self.index_name)
        self.playground_url = video_url(index_id, self.video_id)
        call = self.hook.api.update_video(index_id, self.video_id, user_metadata=metadata, title=title)
        self.hook.execute(call)
        self.log.info("Changed %s of video %s", ", ".join(sorted(metadata)) or "the title", self.video_id)
        return {"index_id": index_id, "video_id": self.video_id, "fields": sorted(metadata)}


class TwelveLabsDeleteVideoOperator(TwelveLabsOperator):
    """Deletes a video from its index; its asset stays. A video that does not exist counts as deleted.

    Service page: https://docs.twelvelabs.io/api-reference/videos/delete

    :param index_id: the index of the video (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param video_id: the video (templated).
    :raises TwelveLabsRefusedError: if the service does not permit it.
    """

    template_fields = (*COMMON_FIELDS, "index_id", "index_name", "video_id")
    returns_fields = False
    ui_color = DELETE_COLOR

    def __init__(
        self, *, video_id: str, index_id: str | None = None, index_name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.index_id = index_id
        self.index_name = index_name
        self.video_id = video_id

    def run_operator(self, context: Context) -> None:
        """Delete the video."""
        required(self, video_id=self.video_id)
        index_id = resolve_index(self.hook, self.index_id, self.index_name)
        self.playground_url = index_url(index_id)
        self.hook.execute(self.hook.api.delete_video(index_id, self.video_id))
        self.log.info("Deleted video %s from index %s", self.video_id, index_id)


def video_row(video: Video) -> dict[str, Any]:
    """Return a video as a row of :data:`VIDEOS`."""
    system = video.raw.get("system_metadata") or video.raw.get("metadata") or {}
    own = {name: getattr(video, name) for name in ("asset_id", "status", "filename", "duration", "width", "height")}
    created = video.created_at.to_iso8601_string() if video.created_at else None
    times = {name: str(video.raw[name]) if video.raw.get(name) else None for name in ("updated_at", "indexed_at")}
    metadata = dict(video.user_metadata)
    sizes = {"size": video.size, "fps": finite_number(system.get("fps"))}
    return {"video_id": video.id, **own, **sizes, "user_metadata": metadata, "created_at": created, **times}
