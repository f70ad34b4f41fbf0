"""The base of the operators that bring a file to the service as an asset: by which way, once, and what of it is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.assets import AssetOptions, AssetType, UploadChoice, UploadMethod
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsSourceChangedError
from twelvelabs_provider.jobs.asset_upload import AssetUpload, mark_asset, method_for
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob, Phase
from twelvelabs_provider.operators.job import TwelveLabsJobOperator
from twelvelabs_provider.storage.source import Source, resolve_source, source_changed

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsUploadOperator(TwelveLabsJobOperator):
    """Base of the operators that upload a file.

    :param source: http(s) URL, local path, or any URI of object storage; set by the operator.
    """

    source: str

    def chosen_method(self, source: Source, wanted: UploadMethod | None, *, linkable: bool = True) -> UploadChoice:
        """Return by which way a file is brought in, having said why.

        :param linkable: the task hears of it if the service cannot follow a link, and can upload the file instead.
        :raises TwelveLabsInputError: what is wanted cannot be, or no way takes so large a file.
        """
        choice = method_for(source, wanted, self.hook.endpoint.origin if linkable else None)
        self.log.info("%s goes up as an asset, method %s: %s", source.uri, choice.method.value, choice.why)
        return choice

    def wishes(self, source: Source) -> tuple[AssetOptions, AssetType]:
        """Return what is asked of the asset besides the file, and what kind of file it is."""
        return AssetOptions(), AssetType.VIDEO

    def upload_asset(self, context: Context, source: Source, choice: UploadChoice) -> str:
        """Bring a file to the service and return the id of its asset, which is being prepared.

        An asset that an earlier try of this task made and never heard of is taken instead of a second one; of a file
        that goes up in parts, those that an earlier try sent are not sent again.
        """
        marker = self.identity(context).submission_key("asset", source.fingerprint)[:32]
        task_state = self._task_state(context)
        upload = AssetUpload(self.hook, source, marker, task_state)
        options, media = self.wishes(source)
        return upload.run(choice, options, media, look_first=self.may_have_sent_before(context))

    def can_complete(self, pending: PendingJob, state: JobState) -> bool:
        """A file that the service could not fetch by a link that nobody asked for is uploaded."""
        in_vain = state.phase is Phase.FAILED and pending.job.kind is JobKind.ASSET and pending.memo.get("otherwise")
        return bool(in_vain) or super().can_complete(pending, state)

    def should_upload_instead(self, pending: PendingJob, state: JobState) -> bool:
        """Tell whether an asset that is ready is not the object, and the file itself can be sent."""
        return bool(pending.memo.get("otherwise")) and self._fetched_otherwise(pending, state)

    def fetched_as_checked(self, pending: PendingJob) -> bool:
        """Tell whether an object that was indexed by a link is still the one that was checked; warn if not."""
        fingerprint = _linked_content(pending)
        if fingerprint is None:
            return True
        try:
            same = resolve_source(self.source).fingerprint == fingerprint
        except TwelveLabsInputError:
            same = False
        if not same:
            self.log.warning(
                "%s changed while the service fetched it: the video may be of either content, and no run reuses it",
                pending.memo.get("source_uri"),
            )
        return same

    def _fetched_otherwise(self, pending: PendingJob, state: JobState) -> bool:
        """Tell whether the service fetched another number of bytes by a link than the object has."""
        size = pending.memo.get("size")
        known = size is not None and state.size is not None
        return known and size != state.size and _linked_content(pending) is not None

    def must_be_as_checked(self, context: Context, pending: PendingJob, state: JobState) -> None:
        """Make sure that what the service fetched by a link is what was checked, then mark its asset.

        :raises TwelveLabsSourceChangedError: the object changed meanwhile; its asset is deleted.
        """
        fingerprint = _linked_content(pending)
        if fingerprint is None:
            return
        source = self._same_source(context, pending, fingerprint)
        if self._fetched_otherwise(pending, state):
            self._give_back(context, pending)
            raise TwelveLabsSourceChangedError(
                f"{source.uri!r} has {source.size:,} bytes, and the service fetched {state.size:,} by the link: nothing"
                " was indexed. A retry sends a new link; method 'direct' or 'multipart' sends the file itself"
            )
        mark_asset(self.hook, pending.job.id, source)

    def upload_instead(self, context: Context, pending: PendingJob, state: JobState) -> PendingJob:
        """Upload a file that the service could not fetch, and return the job that prepares it.

        :raises TwelveLabsSourceChangedError: the file is not the one that was checked.
        """
        fingerprint = pending.memo.get("fingerprint")
        source = self._same_source(context, pending, fingerprint) if fingerprint else resolve_source(self.source)
        if state.phase is Phase.READY:
            why = f"the service fetched {state.size} bytes of {source.size} by the link"
        else:
            why = f"{state.failure_of(pending.job)}, perhaps because the service cannot follow a link of this store"
        choice = UploadChoice(UploadMethod(pending.memo["otherwise"]), why)
        self.log.warning("%s: %s is uploaded instead, method %s", why, source.uri, choice.method.value)
        self.clean_up(pending)
        asset_id = self.upload_asset(context, source, choice)
        return self.next_job(pending, JobRef(JobKind.ASSET, asset_id), asset_id=asset_id, **choice.as_memo())

    def _same_source(self, context: Context, pending: PendingJob, fingerprint: str) -> Source:
        try:
            source = resolve_source(self.source)
            if source.fingerprint != fingerprint:
                raise source_changed(source.uri)
        except (TwelveLabsSourceChangedError, TwelveLabsInputError):
            self._give_back(context, pending)
            raise
        return source

    def _give_back(self, context: Context, pending: PendingJob) -> None:
        """Leave nothing of an asset whose content nobody knows."""
        self._task_state(context).clear()
        self._pending = None
        self.clean_up(pending)


def _linked_content(pending: PendingJob) -> str | None:
    """Return the fingerprint of an object that the service fetches by a link; None for what was sent otherwise."""
    by_link = pending.memo.get("method") == UploadMethod.URL
    return pending.memo.get("fingerprint") if by_link else None


def checked_content(source: Source) -> dict[str, Any]:
    """Return what has to be known of a file or object to recognise it, as plain JSON."""
    return {"size": source.size, "fingerprint": None if source.is_url else source.fingerprint}
