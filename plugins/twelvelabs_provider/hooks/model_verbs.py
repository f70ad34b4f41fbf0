"""Verbs of the hook that ask a model: analyze, embed, read the on-screen text."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.request import (
    DEFAULT_MODEL,
    AnalysisMode,
    AnalysisRequest,
    SourceKind,
    VideoSource,
    on_screen_text_from,
    on_screen_text_request,
    within,
)
from twelvelabs_provider.api.embedding import request as embedding
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.resources import IndexingRoute
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.hooks.analysis_start import start_once
from twelvelabs_provider.hooks.call_sender import CallSender
from twelvelabs_provider.hooks.job_wait import LONGEST_WAIT, finished
from twelvelabs_provider.hooks.media_source import Media, asset_id_in, source_of, url_in

if TYPE_CHECKING:
    from twelvelabs_provider.api.embedding.models import Embeddings
    from twelvelabs_provider.api.models import AnalysisTask, Segment
    from twelvelabs_provider.api.submitted_job import Job

log = logging.getLogger(__name__)


class ModelVerbs(CallSender):
    """What a ``@task`` asks a model; see :class:`~twelvelabs_provider.hooks.video_verbs.VideoVerbs`."""

    def analyze(
        self,
        video: Media,
        prompt: str,
        *,
        response_format: Mapping[str, Any] | None = None,
        model_name: str = DEFAULT_MODEL,
        temperature: float | None = None,
        max_tokens: int | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> Any:
        """Ask about a video of up to an hour, and return the text, or with ``response_format`` the JSON value.

        Each call is billed, and the service does not keep the answer: a retried ``@task`` asks, and pays, again. A
        retry of :meth:`start_analysis` does not. ``TwelveLabsAnalyzeVideoOperator`` publishes the answer and reuses it.

        :param video: v1.3: an asset or a URL. v1.2: the id of an indexed video.
        :param response_format: the service's object: ``{"type": "json_schema", "json_schema": {...}}``.
        :param temperature: 0 to 1.
        :param start: seconds from which the video is analyzed.
        :param end: seconds up to which it is analyzed.
        :raises TwelveLabsAnswerError: the answer is not the JSON that was asked for; the log has its text.
        """
        request = AnalysisRequest(
            self._analyzed(video),
            model=model_name,
            prompt=prompt,
            response_format=response_format,
            temperature=temperature,
            max_tokens=max_tokens,
            start=start,
            end=end,
        )
        answer = self.execute(self.api.analyze(request))
        if answer.cut_off or answer.warning:
            log.warning("The answer is incomplete: %s", answer.warning or "it reached its length limit")
        if response_format is None:
            return answer.text
        try:
            return answer.structured().data
        except TwelveLabsAnswerError:
            log.warning("The answer cannot be read, and is billed: %s", answer.text)
            raise

    def start_analysis(
        self,
        video: Media,
        prompt: str | None = None,
        *,
        response_format: Mapping[str, Any] | None = None,
        analysis_mode: str = "general",
        model_name: str = DEFAULT_MODEL,
        temperature: float | None = None,
        max_tokens: int | None = None,
        start: float | None = None,
        end: float | None = None,
        idempotency_key: str | None = None,
    ) -> Job[AnalysisTask]:
        """Start an analysis task and return the job (v1.3); ``wait_for(job).data`` is the text of the answer.

        Within a ``@task``, a retry finds the analysis of the earlier attempt, which is billed once. A clear starts, and
        pays, another one.

        :param response_format: as for :meth:`analyze`, or ``{"type": "segment_definitions", ...}``.
        :param analysis_mode: ``general``, or ``time_based_metadata`` for segment definitions.
        :param idempotency_key: the service returns the task of an earlier request with the same key. The default is
            made of the task instance and the request; outside a task there is none.
        """
        request = AnalysisRequest(
            self._analyzed(video),
            AnalysisMode(analysis_mode),
            model_name,
            prompt,
            response_format=response_format,
            temperature=temperature,
            max_tokens=max_tokens,
            start=start,
            end=end,
        )
        return start_once(self, request, idempotency_key)

    def embed(
        self,
        text: str | None = None,
        *,
        image: Media | None = None,
        audio: Media | None = None,
        video: Media | None = None,
        model_name: str = embedding.DEFAULT_MODEL,
    ) -> Embeddings:
        """Return the embeddings of a text, an image, both together, or up to ten minutes of audio or video.

        Audio and video are billed by the minute. A retried ``@task`` embeds, and pays, again;
        ``TwelveLabsEmbedOperator`` returns what is published, and takes longer media.

        :param image: a URL, a file that is sent within the request, or an asset; the same for ``audio`` and ``video``.
        :raises TwelveLabsInputError: nothing is given, or too much at once.
        """
        request = embedding.EmbeddingRequest(_embedded(text, image, audio, video), model_name)
        return self.execute(self.api.create_embeddings(request))

    def text_in_video(
        self,
        index_id: str,
        video_id: str,
        *,
        start: float | None = None,
        end: float | None = None,
        timeout: float = LONGEST_WAIT,
    ) -> tuple[Segment, ...]:
        """Return the text that is shown in an indexed video, with its times.

        v1.1 and v1.2 recognize the text. v1.3 generates it by an analysis task, which is billed, once for all retries
        of a ``@task``; see :meth:`start_analysis`.

        :param timeout: seconds to wait for the analysis at most.
        :raises TwelveLabsInputError: on v1.3, the video names no asset.
        """
        if self.api.indexing_route() is IndexingRoute.TASK:
            return self.execute(self.api.text_in_video(index_id, video_id, start=start, end=end))
        asset_id = self.execute(self.api.read_video(index_id, video_id)).asset_id
        if asset_id is None:
            raise TwelveLabsInputError(f"Video {video_id} names no asset, and API v1.3 analyzes assets.")
        job = start_once(self, on_screen_text_request(asset_id, start=start, end=end), None)
        return within(on_screen_text_from(finished(self, job, timeout, None).data), start, end)

    def _analyzed(self, video: Media) -> VideoSource:
        if url := url_in(video):
            return VideoSource(SourceKind.URL, url)
        video_id = asset_id_in(video)
        if video_id is None:
            raise TwelveLabsInputError("A file cannot be analyzed: upload() it, and give the asset, or give a URL.")
        is_asset = self.api.indexing_route() is IndexingRoute.ASSET
        return VideoSource(SourceKind.ASSET if is_asset else SourceKind.INDEXED, video_id)


def _embedded(
    text: str | None, image: Media | None, audio: Media | None, video: Media | None
) -> embedding.EmbeddingInput:
    given = [name for name, value in (("text", text), ("image", image), ("audio", audio), ("video", video)) if value]
    if given == ["text", "image"] and text and image:
        return embedding.TextImageInput(text, source_of(image))
    if len(given) != 1:
        raise TwelveLabsInputError(
            f"embed() takes a text, an image, both, an audio or a video (given: {' and '.join(given) or 'none'})."
        )
    if text:
        return embedding.TextInput(text)
    if image:
        return embedding.ImageInput(source_of(image))
    return embedding.AudioInput(source_of(audio)) if audio else embedding.VideoInput(source_of(video or ""))
