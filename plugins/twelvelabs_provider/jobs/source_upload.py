"""Upload of a task's source as an asset, and checks of an object that the service fetches by a link."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.assets import AssetOptions, AssetType, UploadChoice, UploadMethod
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.jobs.asset_upload import AssetUpload, mark_asset, method_for
from twelvelabs_provider.jobs.job import JobKind, JobState, PendingJob, Phase
from twelvelabs_provider.storage.source import Source, resolve_source, source_changed

if TYPE_CHECKING:
    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
    from twelvelabs_provider.jobs.task_state import TaskState

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourceUpload:
    """Upload of the source of one task instance.

    :param location: the ``source`` argument of the task: a URL, a local path or a URI of object storage.
    :param look_first: an earlier attempt may have created the asset without a response.
    :param discard: forgets a job and removes what it left on the service.
    """

    hook: TwelveLabsHook
    location: str
    task_state: TaskState
    look_first: bool
    discard: Callable[[PendingJob], None]
    options: AssetOptions = field(default_factory=AssetOptions)
    media: AssetType = AssetType.VIDEO

    def choose(self, source: Source, wanted: UploadMethod | None, *, by_link: bool = True) -> UploadChoice:
        """Choose the upload method, and log the reason.

        :param by_link: the service may fetch the object by a link, because the task can upload the file if that fails.
        :raises TwelveLabsInputError: the requested method is impossible, or the file is too large for all methods.
        """
        choice = method_for(source, wanted, self.hook.endpoint.origin if by_link else None)
        log.info("Uploading %s, method %s: %s", source.filename, choice.method.value, choice.why)
        return choice

    def upload(self, source: Source, choice: UploadChoice) -> str:
        """Return the id of the source's asset. An asset or parts of an earlier attempt are not uploaded again."""
        marker = self.task_state.identity.submission_key("asset", source.fingerprint)[:32]
        upload = AssetUpload(self.hook, source, marker, self.task_state)
        return upload.run(choice, self.options, self.media, look_first=self.look_first)

    def must_be_as_checked(self, pending: PendingJob, state: JobState) -> None:
        """Ensure that the service fetched the object that was checked, then mark its asset.

        :raises TwelveLabsSourceChangedError: the object changed meanwhile; its asset is deleted.
        """
        fingerprint = _linked_fingerprint(pending)
        if fingerprint is None:
            return
        source = self._unchanged_source(pending, fingerprint)
        if _has_other_size(pending, state):
            self.discard(pending)
            raise TwelveLabsSourceChangedError(
                f"{source.uri!r} has {source.size:,} bytes, and the service fetched {state.size:,} by the link: nothing"
                " was indexed. A retry sends a new link; method 'direct' or 'multipart' sends the file itself"
            )
        mark_asset(self.hook, pending.job.id, source)

    def upload_after_link(
        self, pending: PendingJob, state: JobState, clean_up: Callable[[PendingJob], None]
    ) -> tuple[str, UploadChoice]:
        """Upload the file that the service could not fetch; return its asset's id and the method.

        :param clean_up: removes the asset of the link.
        :raises TwelveLabsSourceChangedError: the file is not the one that was checked.
        """
        fingerprint = pending.memo.get("fingerprint")
        source = self._unchanged_source(pending, fingerprint) if fingerprint else resolve_source(self.location)
        if state.phase is Phase.READY:
            why = f"the service fetched {state.size} bytes of {source.size} by the link"
        else:
            why = f"{state.failure_of(pending.job)}, perhaps because the service cannot follow a link of this store"
        choice = UploadChoice(UploadMethod(pending.memo["otherwise"]), why)
        log.warning("%s is uploaded instead, method %s: %s", source.uri, choice.method.value, why)
        clean_up(pending)
        return self.upload(source, choice), choice

    def is_unchanged(self, pending: PendingJob) -> bool:
        """Tell whether an object that was indexed by a link is still the one that was checked; warn if not."""
        fingerprint = _linked_fingerprint(pending)
        if fingerprint is None:
            return True
        try:
            unchanged = resolve_source(self.location).fingerprint == fingerprint
        except TwelveLabsInputError:
            unchanged = False
        if not unchanged:
            log.warning(
                "%s changed while the service fetched it: the video may have the old or the new content, and no run"
                " reuses it",
                pending.memo.get("source_uri"),
            )
        return unchanged

    def _unchanged_source(self, pending: PendingJob, fingerprint: str) -> Source:
        try:
            source = resolve_source(self.location)
            if source.fingerprint != fingerprint:
                raise source_changed(source.uri)
        except (TwelveLabsSourceChangedError, TwelveLabsInputError):
            self.discard(pending)
            raise
        return source


def link_failed(pending: PendingJob, state: JobState) -> bool:
    """Tell whether the service could not fetch a file by a link, and the task may upload the file instead."""
    if pending.job.kind is not JobKind.ASSET or not pending.memo.get("otherwise"):
        return False
    return state.phase is Phase.FAILED or (state.phase is Phase.READY and _has_other_size(pending, state))


def source_memo(source: Source) -> dict[str, Any]:
    """Return what identifies the content of a source in the memo of a job."""
    return {"size": source.size, "fingerprint": None if source.is_url else source.fingerprint}


def _linked_fingerprint(pending: PendingJob) -> str | None:
    """Return the fingerprint of an object that the service fetches by a link; None for another method."""
    by_link = pending.memo.get("method") == UploadMethod.URL
    return pending.memo.get("fingerprint") if by_link else None


def _has_other_size(pending: PendingJob, state: JobState) -> bool:
    """Tell whether the service fetched another number of bytes by a link than the object has."""
    size = pending.memo.get("size")
    known = size is not None and state.size is not None
    return known and size != state.size and _linked_fingerprint(pending) is not None
