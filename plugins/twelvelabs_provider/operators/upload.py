"""The base of the operators that bring a file to the service as an asset: by which way, once, and what of it is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twelvelabs_provider.api.assets import AssetOptions, AssetType, UploadChoice, UploadMethod
from twelvelabs_provider.jobs.asset_upload import AssetUpload, method_for
from twelvelabs_provider.operators.job import TwelveLabsJobOperator
from twelvelabs_provider.storage.source import Source, resolve_source

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsUploadOperator(TwelveLabsJobOperator):
    """Base of the operators that upload a file.

    :param source: http(s) URL, local path, or any URI of object storage; set by the operator.
    """

    source: str

    def chosen_method(self, source: Source, wanted: UploadMethod | None = None) -> UploadChoice:
        """Return by which way a file is brought in, having said why.

        :raises TwelveLabsInputError: what is wanted cannot be, or no way takes so large a file.
        """
        choice = method_for(source, wanted)
        self.log.info("%s goes up as an asset, method %s: %s", source.uri, choice.method.value, choice.why)
        return choice

    def upload_asset(
        self,
        context: Context,
        source: Source,
        method: UploadMethod,
        options: AssetOptions,
        media: AssetType = AssetType.VIDEO,
    ) -> str:
        """Bring a file to the service and return the id of its asset, which is being prepared.

        An asset that an earlier try of this task made and never heard of is taken instead of a second one; of a file
        that goes up in parts, those that an earlier try sent are not sent again.
        """
        marker = self.identity(context).submission_key("asset", source.fingerprint)[:32]
        ledger = self._ledger(context)
        upload = AssetUpload(self.hook, source, marker, ledger, lambda: resolve_source(self.source))
        return upload.run(method, options, media, look_first=getattr(context["ti"], "try_number", 1) > 1)
