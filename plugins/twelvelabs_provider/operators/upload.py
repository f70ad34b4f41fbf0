"""The base of the operators that bring a file to the service as an asset: by which way, once, and what of it is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twelvelabs_provider.api.assets import AssetOptions, AssetType, UploadChoice, UploadMethod
from twelvelabs_provider.jobs.asset_upload import AssetUpload, method_for
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob, Phase
from twelvelabs_provider.operators.job import TwelveLabsJobOperator
from twelvelabs_provider.storage.source import Source, resolve_source

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
        ledger = self._ledger(context)
        upload = AssetUpload(self.hook, source, marker, ledger, lambda: resolve_source(self.source))
        options, media = self.wishes(source)
        return upload.run(choice, options, media, look_first=self.is_repeated(context))

    def goes_on_after(self, pending: PendingJob, state: JobState) -> bool:
        """A file that the service could not fetch by a link that nobody asked for is uploaded."""
        in_vain = state.phase is Phase.FAILED and pending.job.kind is JobKind.ASSET and pending.memo.get("otherwise")
        return bool(in_vain) or super().goes_on_after(pending, state)

    def upload_instead(self, context: Context, pending: PendingJob, state: JobState) -> PendingJob:
        """Upload a file that the service could not fetch, and return the job that prepares it."""
        why = f"{state.told_of(pending.job)}, perhaps because the service cannot follow a link of this store"
        choice, source = UploadChoice(UploadMethod(pending.memo["otherwise"]), why), resolve_source(self.source)
        self.log.warning("%s: %s is uploaded instead, method %s", why, source.uri, choice.method.value)
        self.discard(pending)
        asset_id = self.upload_asset(context, source, choice)
        return self.next_job(pending, JobRef(JobKind.ASSET, asset_id), asset_id=asset_id, **choice.as_memo())
