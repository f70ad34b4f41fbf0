"""Request of a batch: the options of all items, and the checks of each item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twelvelabs_provider.api.analysis.batches import MOST_ITEMS, BatchItem, BatchOptions
from twelvelabs_provider.api.analysis.request import DEFAULT_MODEL, AnalysisMode, AnalysisRequest
from twelvelabs_provider.api.analysis.response_format import Problem
from twelvelabs_provider.api.analysis.rules import problems_of_request
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.batch_items import GivenItem
from twelvelabs_provider.inputs.text_arguments import text_of
from twelvelabs_provider.inputs.typed_arguments import choice_of, mapping_of, optional_number
from twelvelabs_provider.jobs.cost import Bill, analysis_bill, definitions_in
from twelvelabs_provider.jobs.time_range import TimeRange

QUESTION = (
    "prompt", "response_format", "analysis_mode", "model_name", "temperature", "max_tokens", "start", "end",
    "min_segment_duration", "max_segment_duration",
)  # fmt: skip
"""The arguments of the request."""


@dataclass(frozen=True)
class ItemRules:
    """Checks of each item, with the default options that it may override."""

    defaults: BatchOptions
    mode: AnalysisMode
    model: str

    def checked(self, items: Iterator[GivenItem]) -> Iterator[GivenItem]:
        """Yield items that the service would accept.

        :raises TwelveLabsInputError: an item would be refused.
        """
        seen: set[str] = set()
        for count, given in enumerate(items):
            if count % MOST_ITEMS == 0:
                # Ids are unique in a batch, and no batch has more items.
                seen.clear()
            self._check(given)
            if given.item.custom_id in seen:
                raise TwelveLabsInputError(f"{given}: another item of the same batch has this custom_id")
            seen |= {given.item.custom_id} if given.item.custom_id else set()
            yield given

    def bill(self, given: GivenItem, duration: float | None) -> Bill:
        """Return what one item bills.

        :param duration: seconds of its video, None if unknown.
        """
        options, usual = given.item.options, self.defaults
        window = TimeRange(
            usual.start if options.start is None else options.start, usual.end if options.end is None else options.end
        )
        return analysis_bill(window, duration, definitions_in(options.response_format or usual.response_format))

    def check_defaults(self) -> None:
        """Refuse defaults that are invalid for every item; the items may have the prompt.

        :raises TwelveLabsInputError: with the first problem.
        """
        timed = self.mode is AnalysisMode.TIME_BASED_METADATA
        if timed or self.defaults.prompt is not None:
            self._refuse("", self._request(BatchItem("0" * 24)))

    def _check(self, given: GivenItem) -> None:
        # Most items have the default options, which are checked already; checking a schema takes time.
        if given.item.options != BatchOptions() or self.defaults.prompt is None:
            self._refuse(f"{given}: ", self._request(given.item))
        elif given.item.custom_id is not None:
            plain = AnalysisRequest(given.item.asset_id, prompt="?", custom_id=given.item.custom_id)
            self._refuse(f"{given}: ", plain)

    def _request(self, item: BatchItem) -> AnalysisRequest:
        """Return the analysis request of an item."""
        values = {
            **vars(self.defaults),
            **{name: value for name, value in vars(item.options).items() if value is not None},
        }
        prompt = values.pop("prompt")
        question = {"prompt": prompt} if prompt is None or isinstance(prompt, str) else {"prompt_v2": prompt}
        return AnalysisRequest(
            item.asset_id, mode=self.mode, model=self.model, custom_id=item.custom_id, **question, **values
        )

    def _refuse(self, place: str, request: AnalysisRequest) -> None:
        problems = problems_of_request(request, now=False)
        for problem in (*problems, *_impossible_options(request)) if place else problems:
            raise TwelveLabsInputError(f"{place}{problem.pointer.lstrip('/')}: {problem.message}")


def _impossible_options(request: AnalysisRequest) -> Iterator[Problem]:
    """Protects results: the batches before the one that the service refuses are billed, and would not be published."""
    if request.mode is AnalysisMode.GENERAL and not (request.prompt or request.prompt_v2):
        yield Problem("/prompt", "neither the item nor the task has one")
    if request.temperature is not None and not 0 <= request.temperature <= 1:
        yield Problem("/temperature", f"{request.temperature!r} is not between 0 and 1")
    if isinstance(request.max_tokens, int) and request.max_tokens < 1:
        yield Problem("/max_tokens", f"{request.max_tokens!r} is not positive")
    if request.end is not None and request.end <= (request.start or 0.0):
        yield Problem("/end", f"{request.end:g} s is not after start, {request.start or 0.0:g} s")
    shortest, longest = request.min_segment_duration, request.max_segment_duration
    if shortest is not None and longest is not None and shortest > longest:
        yield Problem("/max_segment_duration", f"{longest!r} is less than min_segment_duration, {shortest!r}")


def rules_from(values: Mapping[str, Any]) -> ItemRules:
    """Parse the rendered arguments.

    :param values: the values of :data:`QUESTION`.
    :raises TwelveLabsInputError: an argument is invalid.
    """
    mode, model = choice_of("analysis_mode", values["analysis_mode"], AnalysisMode), values["model_name"]
    if model != DEFAULT_MODEL:
        raise TwelveLabsInputError(f"model_name={model!r}: batches need {DEFAULT_MODEL}")
    window = TimeRange.parse(values["start"], values["end"])
    tokens = optional_number("max_tokens", values["max_tokens"])
    defaults = BatchOptions(
        prompt=_question(values["prompt"]),
        response_format=mapping_of("response_format", values["response_format"]) or None,
        temperature=optional_number("temperature", values["temperature"]),
        max_tokens=None if tokens is None else int(tokens),
        start=window.start,
        end=window.end,
        min_segment_duration=optional_number("min_segment_duration", values["min_segment_duration"]),
        max_segment_duration=optional_number("max_segment_duration", values["max_segment_duration"]),
    )
    return ItemRules(defaults, mode, model)


def _question(prompt: Any) -> str | Mapping[str, Any] | None:
    if prompt is None or isinstance(prompt, Mapping):
        return prompt
    text = text_of("prompt", prompt) or ""
    return None if text.strip() in ("", "None") else text
