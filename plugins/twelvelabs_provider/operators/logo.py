"""Operators for thumbnails and logos of a video, which only the older generations of the API have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.jobs.index_resolution import resolve_index
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.links import video_url
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.operators.extraction import TwelveLabsExtractOperator
from twelvelabs_provider.operators.job import Result
from twelvelabs_provider.storage.encoding import Encoder
from twelvelabs_provider.storage.layout import ResultKind, ResultPath
from twelvelabs_provider.storage.manifest import Origin, Provenance
from twelvelabs_provider.storage.publish import ResultFacts, check_output, publish
from twelvelabs_provider.task import COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsExtractLogoOperator(TwelveLabsExtractOperator):
    """Publishes the logos that were shown in a video, segment by segment (v1.1, v1.2).

    The index must have been created with the option ``logo``. In v1.3, use a search or an analysis for logos.

    Service page: https://docs.twelvelabs.io/api-reference/videos/retrieve

    :return: ``manifest`` (URI), ``files`` (format to URI), ``rows``, ``bytes``, ``kind``, ``origin`` and the ids.
    :raises TwelveLabsInputError: the time range, a format or the output is invalid.
    :raises TwelveLabsRefusedError: the API is v1.3, or the index has no logos.
    :raises TwelveLabsOutputError: the files cannot be written; no partial file is visible.
    """

    kind = ResultKind.LOGO

    def run_operator(self, context: Context) -> Result:
        """Read the segments and publish them."""
        window, video = self.check()
        call = self.hook.api.logo(self._found_index, self.video_id, start=window.start, end=window.end)
        return self.publish(context, self.hook.execute(call), window, video, Origin.SERVICE)


class TwelveLabsExtractThumbnailOperator(TwelveLabsOperator):
    """Stores a thumbnail of a video (v1.1, v1.2). The service's own link expires after an hour.

    Service page: https://docs.twelvelabs.io/api-reference/videos/retrieve

    :param index_id: the index of the video (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param video_id: the video (templated).
    :param output_path: local path or URI of object storage for the picture (templated).
    :param time: seconds from the beginning; None means the middle of the video (templated).
    :return: ``manifest`` (URI), ``files`` (``jpg`` to URI), ``bytes`` and the ids.
    :raises TwelveLabsInputError: the time or the output is invalid.
    :raises TwelveLabsRefusedError: the API is v1.3, which has no thumbnails.
    :raises TwelveLabsOutputError: the file cannot be written; no partial file is visible.
    """

    template_fields: Sequence[str] = (*COMMON_FIELDS, "index_id", "index_name", "video_id", "output_path", "time")

    def __init__(
        self,
        *,
        video_id: str,
        output_path: str,
        index_id: str | None = None,
        index_name: str | None = None,
        time: float | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.index_id = index_id
        self.index_name = index_name
        self.video_id = video_id
        self.output_path = output_path
        self.time = time

    def run_operator(self, context: Context) -> Result:
        """Fetch the picture and store it."""
        # Loads the HTTP library.
        from twelvelabs_provider.hooks.legacy import thumbnail_image

        required(self, video_id=self.video_id, output_path=self.output_path)
        moment = TimeRange.parse(self.time, None).start
        check_output(self.output_path)
        index_id = resolve_index(self.hook, self.index_id, self.index_name)
        self.playground_url = video_url(index_id, self.video_id)
        picture = thumbnail_image(self.hook, index_id, self.video_id, time=moment)
        name = "thumbnail" if moment is None else f"thumbnail-{moment:g}s"
        facts = ResultFacts(
            Provenance.of(context["ti"]), index_id=index_id, video_id=self.video_id, options={"time": moment}
        )
        place = ResultPath((index_id, self.video_id), name, "thumbnail")
        published = publish(self.output_path, place, [picture], {"jpg": _Picture()}, facts)
        self.log.info("Published a thumbnail of video %s: %s", self.video_id, published.manifest_uri)
        return {"index_id": index_id, "video_id": self.video_id, **published.as_xcom()}


class _Picture(Encoder[bytes]):
    """Encoder of a picture: the only row is the file."""

    def row(self, row: bytes) -> bytes:
        return row
