"""The steps of one video among many, each fit for a thread: look at it, upload it, index it, or both at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.assets import AssetOptions, UploadMethod
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.jobs.asset_upload import AssetUpload, mark_asset, method_for, sent_by
from twelvelabs_provider.jobs.bulk_indexing.shutdown import must_go_on, stoppable
from twelvelabs_provider.jobs.bulk_indexing.state import Stage, VideoState
from twelvelabs_provider.jobs.deduplication import SOURCE_MARK, index_asset, source_mark
from twelvelabs_provider.jobs.identity import fingerprint
from twelvelabs_provider.jobs.input_checks import GivenTranscription, GivenVideo, checked_transcription, checked_video
from twelvelabs_provider.jobs.reconcile_indexing import SubmittedVideo
from twelvelabs_provider.jobs.task_state import BegunUpload
from twelvelabs_provider.storage.source import Source, resolve_source, source_changed
from twelvelabs_provider.storage.video_list import ListedVideo

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Looked:
    """A video that was looked for, and its subtitles where they go along.

    :param mark: of the content of both.
    """

    source: Source
    subtitles: Source | None
    mark: str


@dataclass(frozen=True)
class Checked:
    """A video that was looked into and that the service is expected to take."""

    looked: Looked
    video: GivenVideo
    transcription: GivenTranscription | None


@dataclass(frozen=True)
class Steps:
    """What is done with one video.

    :param task_key: of the task instance, the same for all its tries and after a clear.
    :param metadata: of each video.
    :param with_subtitles: whether the service has a place for them.
    :param method: by which way files go; None leaves the choice to each.
    :param stopped: set once the task has ended: uploads break off, and nothing more is sent.
    """

    hook: TwelveLabsHook
    index_id: str
    task_key: str
    metadata: Mapping[str, Any]
    language: str | None
    with_subtitles: bool
    method: UploadMethod | None = None
    stopped: Event = field(default_factory=Event, repr=False, compare=False)
    # Before Airflow 3.3 only one thread at a time may ask Airflow for a connection, as object stores do.
    _asking: Any = field(default_factory=Lock, repr=False, compare=False)

    def look(self, listed: ListedVideo) -> Looked:
        """Find out that a video is there, and what it is known by.

        :raises TwelveLabsInputError: it is not there, or cannot be read.
        """
        source, subtitles = self._resolved(listed.uri), None
        if listed.subtitle and self.with_subtitles:
            subtitles = self._resolved(listed.subtitle, what="transcription")
        more = (subtitles.uri, subtitles.fingerprint) if subtitles else ()
        return Looked(source, subtitles, source_mark(source, *more))

    def check(self, listed: ListedVideo) -> Checked:
        """Look into a video and its subtitles.

        :raises TwelveLabsInputError: the service would not take them.
        """
        looked = self.look(listed)
        video = checked_video(looked.source, self.hook.api.LIMITS)
        given = checked_transcription(looked.subtitles, video.duration) if looked.subtitles else None
        return Checked(looked, video, given)

    def upload(
        self, key: str, listed: ListedVideo, entry: VideoState, book: VideoUploadState, *, look_first: bool
    ) -> VideoState:
        """Make an asset of a video; return its entry.

        :param look_first: an earlier try may have made it.
        """
        checked = self.check(listed)
        source = checked.looked.source
        marker = fingerprint(self.task_key, key, source.fingerprint)
        upload = AssetUpload(self.hook, source, marker, book)
        service = None if entry.linked is False else self.hook.endpoint.origin
        choice = method_for(source, self._wanted(source), service)
        log.info("%s goes up as an asset, method %s: %s", source.uri, choice.method.value, choice.why)
        must_go_on(self.stopped)
        asset_id = upload.run(choice, AssetOptions(), look_first=look_first)
        return replace(
            entry,
            stage=Stage.ASSET,
            asset_id=asset_id,
            duration=checked.video.duration,
            mark=checked.looked.mark,
            size=source.size,
            linked=True if choice.otherwise else entry.linked,
            fingerprint=source.fingerprint if choice.method is UploadMethod.URL and not source.is_url else None,
            upload=None,
        )

    def index(self, listed: ListedVideo, entry: VideoState, *, look_first: bool) -> VideoState:
        """Have an asset indexed; return its entry.

        :param look_first: it may be in the index already.
        :raises TwelveLabsSourceChangedError: the object changed while the service fetched it by a link.
        """
        asset_id = entry.asset_id or ""
        find = self.hook.api.find_indexed_asset(self.index_id, asset_id)
        video_id = self.hook.execute(find) if look_first else None
        if video_id is None:
            if entry.fingerprint:
                mark_asset(self.hook, asset_id, self._same_source(listed, entry.fingerprint))
            mark = {SOURCE_MARK: entry.mark} if entry.mark else {}
            must_go_on(self.stopped)
            video_id = index_asset(self.hook, self.index_id, asset_id, {**self.metadata, **mark} or None)
        return replace(entry, stage=Stage.RUNNING, job_id=video_id, video_id=video_id)

    def is_as_checked(self, listed: ListedVideo, entry: VideoState) -> bool:
        """Tell whether an object that was indexed by a link is still the one that was checked."""
        try:
            return not entry.fingerprint or bool(self._same_source(listed, entry.fingerprint))
        except (TwelveLabsSourceChangedError, TwelveLabsInputError):
            return False

    def _same_source(self, listed: ListedVideo, fingerprint: str) -> Source:
        source = self._resolved(listed.uri)
        if source.fingerprint != fingerprint:
            raise source_changed(source.uri)
        return source

    def submit(self, checked: Checked, entry: VideoState) -> VideoState:
        """Upload and index a video at once; return its entry."""
        source = checked.looked.source
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
        must_go_on(self.stopped)
        task = self.hook.execute(call)
        by_link = wanted is UploadMethod.URL
        return replace(
            entry, stage=Stage.RUNNING, job_id=task.id, video_id=task.video_id,
            fingerprint=source.fingerprint if by_link else None,
        )  # fmt: skip

    def submitted(self, checked: Checked) -> SubmittedVideo:
        """Return what a lost indexing is looked for by."""
        source = checked.looked.source
        by_url = source.is_url or self.method is UploadMethod.URL
        return SubmittedVideo(self.index_id, source.filename, checked.video.duration, by_url)

    def _wanted(self, source: Source) -> UploadMethod | None:
        return None if source.is_url else self.method

    def _resolved(self, uri: str, what: str = "video") -> Source:
        with self._asking:
            return stoppable(resolve_source(uri, what=what), self.stopped)


@dataclass(frozen=True)
class VideoUploadState:
    """Remembers the upload in parts of one video.

    :param read: returns its entry.
    :param write: brings its changed entry to the store.
    """

    read: Callable[[], VideoState]
    write: Callable[[VideoState], None]

    def earlier_upload(self) -> BegunUpload | None:
        """Return the upload that an earlier try began; one that cannot be read is begun anew."""
        try:
            return BegunUpload(**(self.read().upload or {}))
        except TypeError:
            return None

    def record_upload(self, upload: BegunUpload) -> None:
        """Remember an upload, at once after the service gave its id."""
        self.write(replace(self.read(), upload=asdict(upload)))

    def clear(self) -> None:
        """Remember no upload."""
        self.write(replace(self.read(), upload=None))
