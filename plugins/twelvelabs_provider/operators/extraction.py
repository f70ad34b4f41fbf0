"""Base class of the operators that extract the segments of a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.inputs.typed_arguments import texts_of
from twelvelabs_provider.jobs.index_resolution import index_arguments, resolve_index
from twelvelabs_provider.jobs.polling import clip_text
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.links import video_url
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.operators.job import Result
from twelvelabs_provider.storage.layout import ResultKind, ResultPath
from twelvelabs_provider.task import COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.api.models import Segment, Video
    from twelvelabs_provider.storage.formats import Format
    from twelvelabs_provider.storage.manifest import Origin

DEFAULT_FORMATS = ("jsonl",)
_SHOWN = 60


class TwelveLabsExtractOperator(TwelveLabsOperator):
    """Base of the operators that read segments of a video and publish them.

    :param index_id: the index of the video (templated).
    :param index_name: the name of the index, instead of its id (templated).
    :param video_id: the video, as :class:`TwelveLabsIndexVideoOperator` returns it (templated).
    :param output_path: local path or URI of object storage for the results (templated).
    :param formats: any of ``jsonl``, ``json``, ``srt``, ``vtt``, ``parquet`` (templated).
    :param start: seconds; only segments that end after it; file names contain the time range (templated).
    :param end: seconds; only segments that begin before it (templated).
    :param source_uri: where the video came from, for the manifest (templated).
    """

    kind: ResultKind
    template_fields: Sequence[str] = (
        *COMMON_FIELDS,
        "index_id",
        "index_name",
        "video_id",
        "output_path",
        "formats",
        "start",
        "end",
        "source_uri",
    )

    def __init__(
        self,
        *,
        video_id: str,
        output_path: str,
        index_id: str | None = None,
        index_name: str | None = None,
        formats: Sequence[str] | str = DEFAULT_FORMATS,
        start: float | str | None = None,
        end: float | str | None = None,
        source_uri: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.index_id = index_id
        self.index_name = index_name
        self._found_index = ""
        self.video_id = video_id
        self.output_path = output_path
        self.formats = formats
        self.start = start
        self.end = end
        self.source_uri = source_uri

    def check(self, index_id: str | None = None) -> tuple[TimeRange, Video]:
        """Check all arguments before anything is billed; return the time range and the video.

        :param index_id: the index that an earlier attempt found.
        """
        from twelvelabs_provider.storage.publish import check_output

        required(self, video_id=self.video_id, output_path=self.output_path)
        index_arguments(self.index_id, self.index_name)
        self._formats()
        window = TimeRange.parse(self.start, self.end)
        check_output(self.output_path)
        self._found_index = index_id or resolve_index(self.hook, self.index_id, self.index_name)
        video = self.hook.execute(self.hook.api.read_video(self._found_index, self.video_id))
        window.ensure_before_end(video.duration)
        self.playground_url = video_url(self._found_index, self.video_id)
        return window, video

    def place(self, window: TimeRange) -> ResultPath:
        """Return the path of the result, with the time range in its name."""
        return ResultPath((self._found_index, self.video_id), f"{self.kind.value}{window.suffix()}", self.kind)

    def result(self, origin: Origin) -> Result:
        """Return the fields of the result besides its files."""
        return {
            "index_id": self._found_index,
            "video_id": self.video_id,
            "kind": self.kind.value,
            "origin": origin.value,
        }

    def publish(
        self, context: Context, rows: Sequence[Segment], window: TimeRange, video: Video, origin: Origin, **facts: Any
    ) -> Result:
        """Publish the segments with their manifest; return the whole result."""
        from twelvelabs_provider.results.kinds import SEGMENTS
        from twelvelabs_provider.storage.manifest import Provenance, ResultFacts
        from twelvelabs_provider.storage.publish import publish_segments

        published = publish_segments(
            self.output_path,
            self.place(window),
            rows,
            self._formats(),
            ResultFacts(
                source_uri=self.source_uri,
                index_id=self._found_index,
                video_id=self.video_id,
                asset_id=video.asset_id,
                duration=video.duration,
                origin=origin,
                window={"start": window.start, "end": window.end},
                provenance=Provenance.of(context["ti"]),
                **facts,
            ),
            SEGMENTS[self.kind],
        )
        first = f"; first: {clip_text(rows[0].start)} {_shown(rows[0].value)}" if rows else ""
        kind = self.kind.value.replace("_", " ")
        self.log.info("Published %d %s segments to %s%s", published.rows, kind, published.manifest_uri, first)
        return {**self.result(origin), **published.as_xcom()}

    def _formats(self) -> tuple[Format, ...]:
        from twelvelabs_provider.storage.formats import Format

        return Format.parse_all(texts_of("formats", self.formats))


def _shown(text: str) -> str:
    """Return the first words of a segment, in quotation marks."""
    words = " ".join(text.split())
    return f'"{words}"' if len(words) <= _SHOWN else f'"{words[:_SHOWN].rstrip()} ..."'
