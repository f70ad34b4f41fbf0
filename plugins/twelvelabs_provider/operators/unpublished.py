"""The operator that lists the videos of an index whose results are not published yet."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pendulum

from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRecordError
from twelvelabs_provider.inputs.templated import mappings_of, moment_of, texts_of
from twelvelabs_provider.jobs.ready import Entry, entries_page
from twelvelabs_provider.jobs.unfinished import Unfinished, Watermark, unfinished
from twelvelabs_provider.links import index_url
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.storage.layout import ResultPlace, safe_component
from twelvelabs_provider.storage.publish import check_output
from twelvelabs_provider.storage.refusals import writing
from twelvelabs_provider.storage.stores import open_store, write_whole
from twelvelabs_provider.task import COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

MOST_VIDEOS = 500
FOLDER = "_unpublished"
"""Folder below the output that keeps the watermarks."""
MORE = "more"
"""XCom key of how many videos are left for the next run."""


class TwelveLabsListUnpublishedVideosOperator(TwelveLabsOperator):
    """Lists the videos of an index that are ready and whose results are not published below an output.

    For DAGs that :class:`TwelveLabsVideoReadyTrigger` starts. Airflow may drop asset events that arrive while another
    one is queued, so a run must not rely on the events that it was given. This task lists the index itself, from a
    watermark in ``{output}/_unpublished/``. The watermark does not pass a video without results, so a video whose run
    failed is listed by the next run, up to three runs. It begins with the video of the first event, or at ``since``.

    Service page: https://docs.twelvelabs.io/api-reference/videos/list

    :param output_path: where the results and the watermark are: a local path or any URI of object storage (templated).
    :param kinds: names of the results that a finished video has: ``["transcription", "chapters"]`` (templated).
    :param index_id: the index (templated).
    :param index_name: the index, instead of its id; it need not exist yet (templated).
    :param videos: further videos to list, such as those of a manual run: mappings of ``index_id`` and ``video_id``, or
        their JSON text (templated).
    :param since: ISO time; the first look lists what became ready since. None begins with the first event (templated).
    :param max_videos: videos of one list; the XCom ``more`` says how many are left. Airflow maps over 1,024 at most
        (``[core] max_map_length``).
    :return: a list of ``index_id`` and ``video_id``, for ``expand_kwargs``.
    :raises TwelveLabsInputError: for an argument that cannot be used.
    :raises TwelveLabsRecordError: the watermark cannot be read.
    """

    returns_fields = False
    template_fields: Sequence[str] = (
        *COMMON_FIELDS, "output_path", "kinds", "index_id", "index_name", "videos", "since",
    )  # fmt: skip

    def __init__(
        self,
        *,
        output_path: str,
        kinds: Sequence[str] | str,
        index_id: str | None = None,
        index_name: str | None = None,
        videos: Sequence[Mapping[str, str]] | str = (),
        since: str | None = None,
        max_videos: int = MOST_VIDEOS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(max_videos, bool) or not isinstance(max_videos, int) or max_videos < 1:
            raise ValueError(f"max_videos={max_videos!r} must be a whole number, 1 or more")
        self.output_path = output_path
        self.kinds = kinds
        self.index_id = index_id
        self.index_name = index_name
        self.videos = videos
        self.since = since
        self.max_videos = max_videos

    def run_operator(self, context: Context) -> list[dict[str, str]]:
        """List the index, and remember how far it is worked through."""
        required(self, output_path=self.output_path, kinds=self.kinds)
        told = [*_told(context), *self._given()]
        check_output(self.output_path)
        index_id = self._found_index()
        listed = self._listed(context, index_id, told) if index_id else ()
        found = {video_id: index_id for video_id in listed if index_id}
        # An event or an argument may name an older video, or one of another index.
        named = {one["video_id"]: one["index_id"] for one in told if one["video_id"] not in found}
        given = {one["video_id"] for one in self._given()}
        for video_id, of_index in named.items():
            if not self._is_done(of_index, video_id) and (of_index != index_id or video_id in given):
                found[video_id] = of_index
        self.log.info("%d videos have no %s yet", len(found), " or ".join(texts_of("kinds", self.kinds)))
        return [{"index_id": of_index, "video_id": video_id} for video_id, of_index in found.items()]

    def _listed(self, context: Context, index_id: str, told: Sequence[Mapping[str, Any]]) -> Sequence[str]:
        now = time.time()
        known = self._remembered(context, index_id) or self._beginning(told)
        if known is None:
            self.log.info("No event and no watermark: the index is not listed")
            return ()
        found = unfinished(
            self._entries(index_id, known.created, now),
            known,
            str(context["ti"].run_id),
            now,
            lambda video_id: self._is_done(index_id, video_id),
            self.max_videos,
        )
        self._report(context, found)
        self._remember(context, index_id, found.watermark)
        return found.videos

    def _report(self, context: Context, found: Unfinished) -> None:
        for video_id in found.given_up:
            self.log.warning("Video %s has no result after several runs: list it with videos= to try again", video_id)
        if found.more:
            self.log.warning("%d more videos are left for the next run", found.more)
        if self.do_xcom_push:
            context["ti"].xcom_push(key=MORE, value=found.more)

    def _beginning(self, told: Sequence[Mapping[str, Any]]) -> Watermark | None:
        """Return where a first look begins: nothing that became ready with the first video is older than that."""
        if self.since not in (None, "", "None"):
            return Watermark.at(moment_of("since", self.since).timestamp())
        moments = [moment_of("created_at", one["created_at"]).timestamp() for one in told if one.get("created_at")]
        return Watermark.at(min(moments)) if moments else None

    def _entries(self, index_id: str, since: float, now: float) -> Iterator[Entry]:
        api, moment = self.hook.api, pendulum.from_timestamp(since)
        found = self.hook.items(lambda paging: entries_page(api, index_id, moment, now, paging))
        return (entry for entry in found if entry is not None)

    def _is_done(self, index_id: str, video_id: str) -> bool:
        store = open_store(self.output_path)
        for kind in texts_of("kinds", self.kinds):
            place = ResultPlace(index_id, video_id, kind)
            stream = store.open(f"{place.folder}/{place.manifest_name}")
            if stream is None:
                return False
            stream.close()
        return True

    def _given(self) -> list[dict[str, Any]]:
        given = mappings_of("videos", self.videos)
        for number, one in enumerate(given):
            if not one.get("index_id") or not one.get("video_id"):
                raise TwelveLabsInputError(f"videos[{number}]={one!r} needs index_id and video_id")
        return list(given)

    def _found_index(self) -> str | None:
        if self.index_id not in (None, "", "None"):
            index_id: str | None = str(self.index_id)
        else:
            required(self, index_name=self.index_name)
            index = self.hook.execute(self.hook.api.find_index(str(self.index_name)))
            index_id = index.id if index else None
        if index_id:
            self.playground_url = index_url(index_id)
        return index_id

    def _name(self, context: Context, index_id: str) -> str:
        ti = context["ti"]
        return "/".join((FOLDER, *map(safe_component, (ti.dag_id, ti.task_id, f"{index_id}.json"))))

    def _remembered(self, context: Context, index_id: str) -> Watermark | None:
        store, name = open_store(self.output_path), self._name(context, index_id)
        stream = store.open(name)
        if stream is None:
            return None
        with closing(stream):
            content = stream.read()
        try:
            return Watermark.from_json(decoded_json(content))
        except ValueError as error:
            raise TwelveLabsRecordError(
                f"{store.uri(name)!r} cannot be read: {error}. Restore it, or delete it to begin with the next event."
            ) from error

    def _remember(self, context: Context, index_id: str, watermark: Watermark) -> None:
        store, name = open_store(self.output_path), self._name(context, index_id)
        with writing(store.uri(name)):
            write_whole(store, name, [json.dumps(watermark.as_json()).encode() + b"\n"])


def _told(context: Context) -> Iterator[dict[str, Any]]:
    """Return the payloads of the events of a watcher that started the run."""
    events: Any = context.get("triggering_asset_events") or {}
    for some in events.values():
        for event in some:
            payload = (event.extra or {}).get("payload") if (event.extra or {}).get("from_trigger") else None
            if isinstance(payload, Mapping) and payload.get("video_id") and payload.get("index_id"):
                yield dict(payload)
