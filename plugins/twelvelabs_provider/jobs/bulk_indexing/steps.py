"""Steps of one video in bulk indexing: locate, check, upload, index. Each step can run in a thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.assets import AssetOptions, UploadMethod
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.jobs.asset_upload import AssetUpload, mark_asset, method_for, sent_by
from twelvelabs_provider.jobs.bulk_indexing.state import Stage, VideoState
from twelvelabs_provider.jobs.deduplication import SOURCE_MARK, index_asset, source_mark
from twelvelabs_provider.jobs.identity import fingerprint
from twelvelabs_provider.jobs.input_checks import GivenTranscription, GivenVideo, checked_transcription, checked_video
from twelvelabs_provider.jobs.reconcile_indexing import SubmittedVideo
from twelvelabs_provider.jobs.task_state import BegunUpload
from twelvelabs_provider.jobs.worker_threads import raise_if_stopped, stoppable
from twelvelabs_provider.storage.source import Source, resolve_source, source_changed
from twelvelabs_provider.storage.video_list import ListedVideo

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LocatedVideo:
    """An existing video and its subtitles, if they are uploaded too.

    :param mark: content mark of both.
    """

    source: Source
    subtitles: Source | None
    mark: str


@dataclass(frozen=True)
class CheckedVideo:
    """A video whose header was checked against the limits of the service."""

    located: LocatedVideo
    video: GivenVideo
    transcription: GivenTranscription | None


@dataclass(frozen=True)
class Steps:
    """Steps of a video.

    :param task_key: key of the task instance, the same for all attempts and after a clear.
    :param metadata: user metadata of each video.
    :param with_subtitles: whether the generation accepts subtitles.
    :param method: upload method; None chooses one for each file.
    :param stopped: set when the task has ended; running uploads then stop, and nothing more is sent.
    """

    hook: TwelveLabsHook
    index_id: str
    task_key: str
    metadata: Mapping[str, Any]
    language: str | None
    with_subtitles: bool
    method: UploadMethod | None = None
    stopped: Event = field(default_factory=Event, repr=False, compare=False)
    # Before Airflow 3.3 only one thread at a time may read a connection, as object stores do.
    _asking: Any = field(default_factory=Lock, repr=False, compare=False)

    def locate(self, listed: ListedVideo) -> LocatedVideo:
        """Return an existing video with its content mark.

        :raises TwelveLabsInputError: it does not exist, or cannot be read.
        """
        source, subtitles = self._resolved(listed.uri), None
        if listed.subtitle and self.with_subtitles:
            subtitles = self._resolved(listed.subtitle, what="transcription")
        more = (subtitles.uri, subtitles.fingerprint) if subtitles else ()
        return LocatedVideo(source, subtitles, source_mark(source, *more))

    def check(self, listed: ListedVideo) -> CheckedVideo:
        """Check the header of a video and its subtitles.

        :raises TwelveLabsInputError: the service would refuse them.
        """
        located = self.locate(listed)
        video = checked_video(located.source, self.hook.api.LIMITS)
        given = checked_transcription(located.subtitles, video.duration) if located.subtitles else None
        return CheckedVideo(located, video, given)

    def upload(
        self, key: str, listed: ListedVideo, entry: VideoState, upload_state: VideoUploadState, *, look_first: bool
    ) -> VideoState:
        """Upload a video as an asset, and return its state.

        :param look_first: an earlier attempt may have created the asset.
        """
        checked = self.check(listed)
        source = checked.located.source
        marker = fingerprint(self.task_key, key, source.fingerprint)
        upload = AssetUpload(self.hook, source, marker, upload_state)
        service = None if entry.linked is False else self.hook.endpoint.origin
        choice = method_for(source, self._wanted(source), service)
        log.info("Uploading %s, method %s: %s", source.uri, choice.method.value, choice.why)
        raise_if_stopped(self.stopped)
        asset_id = upload.run(choice, AssetOptions(), look_first=look_first)
        return replace(
            entry,
            stage=Stage.ASSET,
            asset_id=asset_id,
            duration=checked.video.duration,
            mark=checked.located.mark,
            size=source.size,
            linked=True if choice.otherwise else entry.linked,
            fingerprint=source.fingerprint if choice.method is UploadMethod.URL and not source.is_url else None,
            upload=None,
        )

    def index(self, listed: ListedVideo, entry: VideoState, *, look_first: bool) -> VideoState:
        """Index an asset, and return the state of its video.

        :param look_first: it may already be in the index.
        :raises TwelveLabsSourceChangedError: the object changed while the service fetched it by a link.
        """
        asset_id = entry.asset_id or ""
        find = self.hook.api.find_indexed_asset(self.index_id, asset_id)
        video_id = self.hook.execute(find) if look_first else None
        if video_id is None:
            if entry.fingerprint:
                mark_asset(self.hook, asset_id, self._same_source(listed, entry.fingerprint))
            mark = {SOURCE_MARK: entry.mark} if entry.mark else {}
            raise_if_stopped(self.stopped)
            video_id = index_asset(self.hook, self.index_id, asset_id, {**self.metadata, **mark} or None)
        return replace(entry, stage=Stage.RUNNING, job_id=video_id, video_id=video_id)

    def is_as_checked(self, listed: ListedVideo, entry: VideoState) -> bool:
        """Return whether an object that the service fetched by a link is unchanged since the check."""
        try:
            return not entry.fingerprint or bool(self._same_source(listed, entry.fingerprint))
        except (TwelveLabsSourceChangedError, TwelveLabsInputError):
            return False

    def _same_source(self, listed: ListedVideo, fingerprint: str) -> Source:
        source = self._resolved(listed.uri)
        if source.fingerprint != fingerprint:
            raise source_changed(source.uri)
        return source

    def submit(self, checked: CheckedVideo, entry: VideoState) -> VideoState:
        """Upload and index a video in one request, and return its state."""
        source = checked.located.source
        wanted = self._wanted(source)
        if wanted is UploadMethod.URL:
            method_for(source, wanted)
        call = self.hook.api.create_task(
            self.index_id,
            sent_by(wanted, source, self.hook.endpoint.origin),
            transcription=checked.transcription.part if checked.transcription else None,
            language=self.language,
            user_metadata=self.metadata or None,
        )
        raise_if_stopped(self.stopped)
        task = self.hook.execute(call)
        by_link = wanted is UploadMethod.URL
        return replace(
            entry, stage=Stage.RUNNING, job_id=task.id, video_id=task.video_id,
            fingerprint=source.fingerprint if by_link else None,
        )  # fmt: skip

    def submitted(self, checked: CheckedVideo) -> SubmittedVideo:
        """Return what identifies the submission if its response is lost."""
        source = checked.located.source
        by_url = source.is_url or self.method is UploadMethod.URL
        return SubmittedVideo(self.index_id, source.filename, checked.video.duration, by_url)

    def _wanted(self, source: Source) -> UploadMethod | None:
        return None if source.is_url else self.method

    def _resolved(self, uri: str, what: str = "video") -> Source:
        with self._asking:
            return stoppable(resolve_source(uri, what=what), self.stopped)


@dataclass(frozen=True)
class VideoUploadState:
    """Record of the multipart upload of one video.

    :param read: returns the state of the video.
    :param write: writes its changed state.
    """

    read: Callable[[], VideoState]
    write: Callable[[VideoState], None]

    def earlier_upload(self) -> BegunUpload | None:
        """Return the upload of an earlier attempt; None if there is none, or it cannot be read."""
        try:
            return BegunUpload(**(self.read().upload or {}))
        except TypeError:
            return None

    def record_upload(self, upload: BegunUpload) -> None:
        """Record an upload as soon as its id is known."""
        self.write(replace(self.read(), upload=asdict(upload)))

    def clear(self) -> None:
        """Remove the record."""
        self.write(replace(self.read(), upload=None))
