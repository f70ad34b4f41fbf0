"""Verbs of the hook for videos: upload, index, wait, list, search, read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from twelvelabs_provider.api.jobs import JobKind, Phase, phase_of
from twelvelabs_provider.api.models import Asset
from twelvelabs_provider.api.resources import LARGEST_PAGE, IndexingRoute
from twelvelabs_provider.api.search.request import GroupBy, Match, Operator, SearchOption, SearchRequest
from twelvelabs_provider.api.submitted_job import Job
from twelvelabs_provider.hooks.call_sender import CallSender
from twelvelabs_provider.hooks.job_wait import LONGEST_WAIT, finished
from twelvelabs_provider.hooks.media_source import Media, asset_id_in, file_in, url_in
from twelvelabs_provider.hooks.media_upload import upload_medium
from twelvelabs_provider.hooks.search_pages import Search

if TYPE_CHECKING:
    from twelvelabs_provider.api.filters import VideoFilter
    from twelvelabs_provider.api.models import Segment, Video
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

R = TypeVar("R")


class VideoVerbs(CallSender):
    """What a ``@task`` does with videos.

    Each request has the retries, rate limits and deadlines of the hook. A request that bills is repeated only where the
    service has certainly done nothing: a lost response raises ``TwelveLabsAmbiguousError``. A ``@task`` has no record
    of its jobs. If its process dies after a billed request, a retry sends the request again, unless the verb says
    otherwise; the operators attach to the earlier job instead.

    A medium (``source``, ``video``, ``image``) is an http(s) URL, which the service fetches, a path, an object storage
    URI, an ``ObjectStoragePath``, an ``Asset``, or the id of an asset.
    """

    def upload(
        self,
        source: Media,
        *,
        filename: str | None = None,
        user_metadata: Mapping[str, Any] | None = None,
        wait_for_completion: bool = True,
        timeout: float = LONGEST_WAIT,
    ) -> Asset:
        """Upload a file, or let the service fetch a URL, and return the asset (v1.3).

        A file of more than 200 MB is sent in parts, in constant memory. Uploads are not billed, but a retried ``@task``
        uploads again, as another asset. ``TwelveLabsCreateAssetOperator`` finds the earlier one, and continues parts.

        :param filename: name of the asset; the default is the file's.
        :param wait_for_completion: wait until the asset is ready to be indexed or analyzed.
        :param timeout: seconds to wait at most.
        :raises TwelveLabsInputError: the file is missing, empty or too large.
        :raises TwelveLabsJobFailedError: the service cannot use the file.
        """
        asset = upload_medium(self, source, filename, user_metadata)
        return self.wait_for(asset, timeout=timeout) if wait_for_completion else asset

    def index_video(self, index_id: str, video: Media, *, user_metadata: Mapping[str, Any] | None = None) -> Job[Video]:
        """Index a video and return the job, which is billed by the minute of video.

        v1.3 uploads a file or URL as an asset first. An asset that is in the index, or on its way into it, is not
        indexed again: a retry with the id of an asset attaches to the earlier job. A retry with a file or URL indexes,
        and pays, again: call :meth:`upload` in a task of its own, or use ``TwelveLabsIndexVideoOperator``, which
        recognizes the content.

        :param video: on v1.1 and v1.2 a file or a URL.
        :param user_metadata: of the video (v1.3).
        """
        if self.api.indexing_route() is IndexingRoute.TASK:
            medium = url_in(video) or file_in(video).part()
            task = self.execute(self.api.create_task(index_id, medium, user_metadata=user_metadata))
            return Job(JobKind.INDEXING_TASK, task.id, index_id)
        given = asset_id_in(video)
        video_id = self._indexed(index_id, given) if given else None
        if video_id is None:
            asset_id = given or self.upload(video).id
            video_id = self.execute(self.api.create_indexed_asset(index_id, asset_id, user_metadata=user_metadata))
        return Job(JobKind.INDEXED_ASSET, video_id, index_id)

    @overload
    def wait_for(self, job: Asset, *, timeout: float = ..., poll_interval: float | None = ...) -> Asset: ...

    @overload
    def wait_for(self, job: Job[R], *, timeout: float = ..., poll_interval: float | None = ...) -> R: ...

    def wait_for(
        self, job: Job[Any] | Asset, *, timeout: float = LONGEST_WAIT, poll_interval: float | None = None
    ) -> Any:
        """Wait on this worker until a job is ready, and return what it makes: a video, an asset, an analysis task.

        :param job: what :meth:`index_video` or :meth:`start_analysis` returned, or an asset.
        :param timeout: seconds to wait at most.
        :param poll_interval: seconds between polls; None lets the pause grow from 5 to 60 seconds.
        :raises TwelveLabsJobFailedError: the job ended without a result.
        :raises TwelveLabsJobTimeoutError: it is still running, and can be waited for again.
        """
        pending: Job[Any] = Job(JobKind.ASSET, job.id) if isinstance(job, Asset) else job
        return finished(self, pending, timeout, poll_interval)

    def get_video(self, index_id: str, video_id: str) -> Video:
        """Return an indexed video."""
        return self.execute(self.api.read_video(index_id, video_id))

    def list_videos(self, index_id: str, *, where: VideoFilter | None = None) -> Iterator[Video]:
        """Return the indexed videos of an index, newest first; a page is requested when it is needed.

        :param where: only these.
        """
        return self.items(lambda paging: self.api.list_videos(index_id, where=where, paging=paging))

    def search(
        self,
        index_id: str,
        query_text: str | None = None,
        *,
        query_images: Sequence[Media] = (),
        search_options: Sequence[str] = ("visual",),
        group_by: str = "clip",
        operator: str | None = None,
        filter: Mapping[str, Any] | None = None,
        include_user_metadata: bool = False,
        max_results: int | None = None,
    ) -> Iterator[Match]:
        """Return the clips that match, best first; pages are requested when they are needed.

        The query is billed when the first clip is requested, its further pages are not. If the token of a page has
        expired, the query is sent, and billed, again. A retried ``@task`` searches, and pays, again;
        ``TwelveLabsSearchOperator`` returns what is published.

        :param query_images: URLs or files.
        :param search_options: any of ``visual``, ``audio``, ``transcription``, and those of the older generations.
        :param group_by: ``clip`` or ``video``.
        :param operator: ``or`` or ``and``: whether a clip matches any option, or all.
        :param filter: metadata of the videos, such as ``{"duration": {"gte": 60}}``.
        :param max_results: further clips are not requested; None for all.
        """
        request = SearchRequest(
            index_id,
            [SearchOption(option) for option in search_options],
            query_text,
            [url_in(image) or file_in(image).part() for image in query_images],
            group_by=GroupBy(group_by),
            operator=Operator(operator) if operator else None,
            filter=filter,
            page_limit=min(max_results or LARGEST_PAGE, LARGEST_PAGE),
            include_user_metadata=include_user_metadata,
        )
        return islice(Search(cast("TwelveLabsHook", self), request), max_results)

    def transcription(
        self, index_id: str, video_id: str, *, start: float | None = None, end: float | None = None
    ) -> tuple[Segment, ...]:
        """Return what is said in an indexed video, with its times."""
        return self.execute(self.api.transcription(index_id, video_id, start=start, end=end))

    def _indexed(self, index_id: str, asset_id: str) -> str | None:
        """Return the video of an asset in an index, unless its indexing failed."""
        video_id = self.execute(self.api.find_indexed_asset(index_id, asset_id))
        if video_id is None:
            return None
        status = self.execute(self.api.read_indexed_asset(index_id, video_id)).status
        return video_id if phase_of(status or "ready") in (Phase.RUNNING, Phase.READY) else None
