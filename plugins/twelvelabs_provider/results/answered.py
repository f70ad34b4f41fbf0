"""Answers of a model with their request, and the ways to wait for them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from twelvelabs_provider.api.analysis.generation import Generation
from twelvelabs_provider.api.analysis.request import AnalysisMode, AnalysisRequest, SourceKind
from twelvelabs_provider.api.analysis.rules import LONGEST_NOW, problems_of_request
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.analyzed_video import Subject
from twelvelabs_provider.jobs.cost import Bill, analysis_bill, definitions_in
from twelvelabs_provider.jobs.result_deduplication import question_digest
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.storage.locations import without_signatures
from twelvelabs_provider.storage.manifest import Answer, Origin, Provenance, ResultFacts

if TYPE_CHECKING:
    from twelvelabs_provider.api.endpoint import Endpoint

Facts = dict[str, Any]


class Mode(StrEnum):
    """Way to wait for an answer."""

    AUTO = "auto"
    SYNC = "sync"
    STREAM = "stream"
    ASYNC = "async"


def fitting_mode(request: AnalysisRequest, length: float | None, task: bool) -> Mode:
    """Return the mode for ``auto``.

    :param length: seconds of the analyzed time range, None if unknown.
    :param task: the operator waits in the triggerer, or not at all.
    """
    if request.source.kind is SourceKind.INDEXED:
        return Mode.SYNC
    only_as_task = request.mode is AnalysisMode.TIME_BASED_METADATA or request.custom_id is not None
    too_long = length is None or length > LONGEST_NOW
    return Mode.ASYNC if task or only_as_task or too_long else Mode.SYNC


def ensure_valid(request: AnalysisRequest, mode: Mode) -> None:
    """Refuse a request that would be billed for another answer.

    :raises TwelveLabsInputError: naming every problem, with a JSON pointer into the request.
    """
    problems = problems_of_request(request, now=mode is not Mode.ASYNC)
    if problems:
        first, *others = map(str, problems)
        listed = "".join(f"\n  {problem}" for problem in others)
        raise TwelveLabsInputError(f"Invalid request: {first}{listed}")


def asked_of(request: AnalysisRequest) -> Facts:
    """Return the values of a request that its answer depends on, as plain JSON without signatures."""
    source = request.source
    # A file in the request is identified by its content, a URL by its unsigned form.
    inline = source.kind is SourceKind.INLINE
    video = hashlib.sha256(source.value.encode()).hexdigest() if inline else without_signatures(source.value)
    return {
        "source": source.kind.value,
        "video": video,
        "model": request.model,
        "analysis_mode": request.mode.value,
        "prompt": request.prompt,
        "prompt_v2": without_signatures(request.prompt_v2),
        "response_format": request.response_format,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "start": request.start or None,
        "end": request.end,
        "min_segment_duration": request.min_segment_duration,
        "max_segment_duration": request.max_segment_duration,
        **request.extra,
    }


def question_of(endpoint: Endpoint, kind: str, request: AnalysisRequest) -> str:
    """Return the digest of a question, by which its published answer is found.

    :param kind: what the result holds.
    """
    return question_digest(endpoint, kind=kind, **asked_of(request))


def question_of_summary(
    endpoint: Endpoint, kind: str, video_id: str | None, prompt: str | None = None, temperature: float | None = None
) -> str:
    """Return the digest of a question to an endpoint for summaries, which the older generations have."""
    asked = {"video": video_id, "prompt": prompt or None, "temperature": temperature}
    return question_digest(endpoint, kind=kind, **asked)


def facts_of(request: AnalysisRequest, mode: Mode) -> Facts:
    """Return the facts that are known before the answer, as plain JSON."""
    return {
        "mode": mode.value,
        "model": request.model,
        "prompt_hash": request.question_hash(),
        "format": request.response_format["type"] if request.response_format else None,
        "definitions": definitions_in(request.response_format),
        "options": {
            "analysis_mode": request.mode.value,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "min_segment_duration": request.min_segment_duration,
            "max_segment_duration": request.max_segment_duration,
        },
    }


@dataclass(frozen=True)
class Answered:
    """An answer and the facts about its request.

    :param facts: see :func:`facts_of`; with ``analysis_task_id`` if a task produced the answer.
    """

    subject: Subject
    generation: Generation
    window: TimeRange
    facts: Facts = field(default_factory=dict)

    @property
    def model(self) -> str | None:
        """The model: as the answer states it, else as requested."""
        return self.generation.model or self.facts.get("model")

    def bill(self) -> Bill:
        """Return the cost of the answer, by the length that the service measured."""
        bill = analysis_bill(self.window, self.subject.duration, self.facts.get("definitions", 1))
        usage = self.generation.usage
        return bill.with_tokens(usage.input_tokens, usage.output_tokens)

    def as_result(self) -> dict[str, Any]:
        """Return the fields of the task's result."""
        generation, facts = self.generation, self.facts
        return {
            **self.subject.ids(),
            "origin": Origin.GENERATED.value,
            "mode": facts["mode"],
            "analysis_task_id": facts.get("analysis_task_id"),
            "generation_id": generation.id,
            "model": self.model,
            "finish_reason": generation.finish_reason,
            "usage": generation.usage.as_json(),
            "warning": generation.warning,
        }

    @property
    def question(self) -> str | None:
        """Digest of the question; None if another task asked it."""
        return self.facts.get("question")

    def table_facts(self, provenance: Provenance, answer: Answer | None = None) -> ResultFacts:
        """Return the facts for the manifest."""
        subject, generation, facts = self.subject, self.generation, self.facts
        return ResultFacts(
            provenance,
            Origin.GENERATED,
            source_uri=subject.uri,
            model=self.model,
            options={"mode": facts["mode"], **facts.get("options", {})},
            prompt_hash=facts.get("prompt_hash"),
            answer=answer,
            duration=subject.duration,
            window={"start": self.window.start, "end": self.window.end},
            billed=self.bill().as_json(),
            details={
                "generation": {
                    "id": generation.id,
                    "analysis_task_id": facts.get("analysis_task_id"),
                    "finish_reason": generation.finish_reason,
                    "usage": generation.usage.as_json(),
                    "warning": generation.warning,
                },
            },
            **subject.ids(),
        )
