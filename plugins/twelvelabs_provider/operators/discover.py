"""Operator that finds new and changed videos in storage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.errors import TwelveLabsConfigurationError
from twelvelabs_provider.api.version import ApiVersion
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import (
    SECONDS,
    flag_of,
    number_of,
    optional_number,
    optional_text,
    texts_of,
    whole_number_of,
)
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.storage.discovery.discover import Discovery
from twelvelabs_provider.storage.discovery.listed_files import VIDEO_SUFFIXES
from twelvelabs_provider.storage.discovery.search_roots import search_root
from twelvelabs_provider.storage.discovery.state import DiscoveryState
from twelvelabs_provider.storage.discovery.videos import VideoSelection
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.storage.manifest import Provenance, without_secrets
from twelvelabs_provider.task import COMMON_FIELDS, push_beside, required
from twelvelabs_provider.version_compat import AirflowNotFoundException

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsDiscoverVideosOperator(TwelveLabsOperator):
    """Lists the videos below a folder or prefix that are new or changed since the last run.

    The list is published in files of ``chunk_size`` videos: JSON lines with ``uri``, ``size``, ``version``,
    ``modified`` and ``subtitle``. The result is the list of the files, over which the next task expands::

        found = TwelveLabsDiscoverVideosOperator(task_id="discover", source="s3://aws@bucket/videos/", output_path=...)
        TwelveLabsIndexVideosOperator.partial(task_id="index", ...).expand(videos=found.output)

    A video is listed when neither it nor its subtitle changed for ``min_age`` seconds. Younger videos are listed by a
    later run. If a store reports no times, a video must be the same in two runs that are ``min_age`` apart. Hidden
    files, empty files, and files that are no videos are skipped and counted.

    A subtitle belongs to the video with the same name: ``name.srt``, ``name.en.vtt``, ``name.pt-BR.srt``,
    ``name.mp4.srt``, each also with ``.sdh`` or ``.cc``, in both Unicode forms, and in another case if only one video
    has the name. Of several subtitles, the order is: the requested ``language``, the same spelling, not for the hard of
    hearing. ``.forced`` is never used. Unused subtitles are counted (``subtitle_unpaired``, ``subtitle_forced``,
    ``subtitle_not_chosen``, ``subtitle_empty``); the log and the manifest's ``unpaired_subtitles`` name up to 20 that
    belong to no listed video.

    The state is stored below ``output_path``, in a folder of the DAG and the task. A retry or a clear of the same run
    returns the same list; another run, also one of an earlier date, lists what is new since the last finished run.
    Parallel runs miss no video, but may both list the same one. A file that is deleted and comes back is new; a changed
    subtitle makes its video a changed one. With ``outcomes`` the videos that the last run listed and no task indexed
    are listed again. Without it, clear the failed task, or list everything with ``only_new=False``.

    Memory use does not grow with the number of files; large lists are sorted on the worker's disk (some 60 bytes per
    file, compressed).

    Service page: https://docs.twelvelabs.io/v1.3/docs/concepts/models/marengo (which files the service reads)

    :param source: folder, prefix, file or pattern (``*``, ``?``, ``[abc]``, ``**`` for any folders; ``[*]`` for the
        character itself), local or in any object storage, or a list of them or its JSON text; with the connection as
        user (``s3://aws_default@bucket/videos/``) (templated).
    :param output_path: local path or object storage URI, with the connection as user, below which lists and what is
        known are kept (templated).
    :param source_conn_id: connection of the sources that name none (templated).
    :param suffixes: of video files, a list or its JSON text; None takes those that the service reads (templated).
    :param min_size: bytes of the smallest video (templated).
    :param max_size: bytes of the largest video; None takes what the service takes at most (templated).
    :param language: of the subtitle beside a video, such as ``en``: ``name.en.vtt`` goes before ``name.en-US.vtt``, and
        that before ``name.srt``; one of another language is left out. None takes ``name.srt``, ``name.vtt``, or else
        one that names any language (templated).
    :param min_age: seconds since the last change of a video (templated).
    :param stable_for: seconds between two looks, between which a video must not change, for file systems whose times
        cannot be trusted; 0 for one look. The task waits as long (templated).
    :param only_new: False lists every video, handed out before or not (templated).
    :param outcomes: where the outcomes of the tasks lie that process what is listed: ``output_path`` of
        :class:`TwelveLabsIndexVideosOperator`, or ``{output_path}/_extracted`` of
        :class:`TwelveLabsExtractVideosOperator`. A video that the last run listed, and that failed or did not begin, is
        listed again. None counts every video as done once it is listed (templated).
    :param chunk_size: videos of one file of the list.
    :param max_chunks: files of the list at most; where they are not enough, they are larger. Airflow maps over 1,024
        at most (``[core] max_map_length``).
    :return: URIs of the files of the list, with the connection as user where one was given; an empty list if no video
        is new. Two further XComs: ``counts`` with ``videos``, ``bytes`` and ``skipped`` (counts by reason:
        ``too_young``, ``still_changing``, ``not_a_video``, ``hidden``, ``empty``, ``too_small``, ``too_large``,
        ``vanished``, ``broken_link``, ``link_loop``, ``link_outside`` (links out of the folder are not followed),
        ``unreadable``, ``listed_twice``, ``name_not_utf8``, and the ``subtitle_...`` ones above), and ``manifest`` (its
        URI; it has ``counts`` of what is new, changed, listed again, unchanged and deleted).
    :raises TwelveLabsInputError: for a place that does not exist or may not be listed, naming it.
    :raises TwelveLabsRecordError: what an earlier run left cannot be read.
    :raises TwelveLabsOutputError: the list could not be written; a retry writes the same names again.
    """

    template_fields = (
        *COMMON_FIELDS, "source", "output_path", "source_conn_id", "suffixes", "min_size", "max_size", "language",
        "min_age", "stable_for", "only_new", "outcomes",
    )  # fmt: skip

    returns_fields = False

    def __init__(
        self,
        *,
        source: str | Sequence[str],
        output_path: str,
        source_conn_id: str | None = None,
        suffixes: Sequence[str] | str | None = None,
        min_size: float | str = 1,
        max_size: float | str | None = None,
        language: str | None = None,
        min_age: float | str = 60,
        stable_for: float | str = 0,
        only_new: bool | str = True,
        outcomes: str | None = None,
        chunk_size: int = 500,
        max_chunks: int = 500,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.output_path = output_path
        self.source_conn_id = source_conn_id
        self.suffixes = suffixes
        self.min_size = min_size
        self.max_size = max_size
        self.language = language
        self.min_age = min_age
        self.stable_for = stable_for
        self.only_new = only_new
        self.outcomes = outcomes
        self.chunk_size = chunk_size
        self.max_chunks = max_chunks

    def run_operator(self, context: Context) -> list[str]:
        """List, compare, write the list."""
        required(self, source=self.source, output_path=self.output_path)
        sources = texts_of("source", self.source)
        conn_id = optional_text(self.source_conn_id)
        discovery = Discovery(
            roots=[search_root(source, conn_id) for source in sources],
            selection=self._wanted(),
            min_age=number_of("min_age", self.min_age, least=0, what=SECONDS),
            stable_for=number_of("stable_for", self.stable_for, least=0, what=SECONDS),
            chunk_size=whole_number_of("chunk_size", self.chunk_size),
            max_chunks=whole_number_of("max_chunks", self.max_chunks),
            only_new=flag_of("only_new", self.only_new),
            outcomes=optional_text(self.outcomes),
        )
        options = self._options(sources, discovery)
        asked = hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()
        state = DiscoveryState(self.output_path, Provenance.of(context["ti"]), asked)
        state.check()
        result = discovery.run(state, {"options": without_secrets(options)}).result
        counts = {name: result[name] for name in ("videos", "bytes", "skipped")}
        push_beside(self, context, counts=counts, manifest=result["manifest"])
        return list(result["chunks"])

    def _wanted(self) -> VideoSelection:
        suffixes = texts_of("suffixes", self.suffixes) or VIDEO_SUFFIXES
        largest = optional_number("max_size", self.max_size)
        if largest is None:
            largest = self._largest_accepted()
        smallest = number_of("min_size", self.min_size)
        if not 0 <= smallest <= largest:
            raise TwelveLabsInputError(f"min_size={smallest:g} must be from 0 to max_size ({largest:g} bytes)")
        dotted = frozenset("." + suffix.lower().lstrip("*.") for suffix in suffixes)
        return VideoSelection(dotted, int(smallest), int(largest), optional_text(self.language))

    def _largest_accepted(self) -> int:
        """Return the service's limit; listing files needs no connection to it, so a missing one is no error."""
        try:
            return self.hook.api.LIMITS.max_bytes
        except (AirflowNotFoundException, TwelveLabsConfigurationError) as error:
            self.log.info("Using the size limit of API %s: %s", ApiVersion.V1_3.value, error)
            from twelvelabs_provider.api.generations import dialect_for

            return dialect_for(ApiVersion.V1_3).LIMITS.max_bytes

    def _options(self, sources: Sequence[str], discovery: Discovery) -> dict[str, Any]:
        selection = discovery.selection
        outcomes = {"outcomes": Location.parse(discovery.outcomes).uri} if discovery.outcomes else {}
        return {
            **outcomes,
            "source": list(sources),
            "suffixes": sorted(selection.suffixes),
            "min_size": selection.min_size,
            "max_size": selection.max_size,
            "language": selection.language,
            "min_age": discovery.min_age,
            "stable_for": discovery.stable_for,
            "only_new": discovery.only_new,
            "chunk_size": discovery.chunk_size,
            "max_chunks": discovery.max_chunks,
        }
