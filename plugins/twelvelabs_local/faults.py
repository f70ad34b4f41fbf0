"""Fault injection: the rules of ``/_local/faults``, and their counters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random
from threading import Lock
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, field_validator, model_validator

from twelvelabs_local.api.parameters import NonEmpty, at_least, between
from twelvelabs_local.api.request_model import RequestModel, invalid_field, missing_field
from twelvelabs_local.errors import invalid

VERSIONS = ("v1.1", "v1.2", "v1.3")


class Action(StrEnum):
    """What happens to a request."""

    DELAY = "delay"
    STATUS = "status"
    HANG = "hang"
    RESET = "reset"
    LOSE_ANSWER = "lose_answer"
    CUT_BODY = "cut_body"
    CUT_STREAM = "cut_stream"
    GARBAGE = "garbage"


_OPTIONS: Mapping[Action, frozenset[str]] = {
    Action.STATUS: frozenset({"status", "body", "headers", "retry_after", "reset_after"}),
    Action.CUT_BODY: frozenset({"share", "length"}),
    Action.CUT_STREAM: frozenset({"records", "half_record", "end"}),
    Action.GARBAGE: frozenset({"status", "body", "content_type"}),
}
_SPECIAL = frozenset().union(*_OPTIONS.values())


class Rule(RequestModel):
    """One fault.

    :param name: its name in the counters.
    :param action: what happens.
    :param method: the HTTP method of the requests; None for all.
    :param path: glob (``*`` crosses slashes) over the path below the version: ``/analyze/*``.
    :param pattern: the same as a regular expression, which must match the whole path.
    :param version: the generation of the requests; None for all.
    :param after: how many matching requests pass before the first hit.
    :param every: from then on, each n-th request is hit; 1 hits all.
    :param times: the most hits; None for no limit.
    :param probability: share of the remaining requests that is hit.
    :param seed: of the random numbers; the same seed hits the same requests.
    :param latency: seconds before anything else.
    :param status: of the response.
    :param body: of the response: text as it is, anything else as JSON; null is empty; without it the service's own.
    :param headers: of the response.
    :param retry_after: seconds in a ``Retry-After`` header.
    :param reset_after: seconds until the window's reset, in both spellings of the rate-limit headers.
    :param share: of the body that is sent.
    :param length: ``whole``: Content-Length promises all of it, and the connection breaks; ``cut``: it fits the part.
    :param records: lines (NDJSON) or events (SSE) that are sent.
    :param half_record: send half of the next one too.
    :param end: ``broken``: the connection breaks; ``clean``: the response ends as if it were complete.
    :param content_type: of the garbage.
    """

    name: NonEmpty
    action: Annotated[Action, BeforeValidator(Action)]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None
    path: NonEmpty | None = None
    pattern: NonEmpty | None = None
    version: Literal["v1.1", "v1.2", "v1.3"] | None = None
    after: Annotated[int, at_least(0)] = 0
    every: Annotated[int, at_least(1)] = 1
    times: Annotated[int, at_least(1)] | None = None
    probability: Annotated[float, between(0, 1)] = 1.0
    seed: Annotated[int, at_least(0)] = 0
    latency: Annotated[float, between(0, 3600)] = 0.0
    status: Annotated[int, between(200, 599)] | None = None
    body: Any = None
    headers: dict[str, str] = {}
    retry_after: Annotated[float, at_least(0)] | None = None
    reset_after: float | None = None
    share: Annotated[float, between(0, 1)] = 0.5
    length: Literal["whole", "cut"] = "whole"
    records: Annotated[int, at_least(0)] = 1
    half_record: bool = False
    end: Literal["broken", "clean"] = "broken"
    content_type: str = "text/html"

    @model_validator(mode="before")
    @classmethod
    def _keep_empty_body(cls, given: Any) -> Any:
        """Keep a null body, which is an empty one."""
        return {**given, "body": ""} if isinstance(given, dict) and given.get("body", "") is None else given

    @field_validator("pattern")
    @classmethod
    def _check_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"It is not a regular expression: {error}.") from error
        return pattern

    @model_validator(mode="after")
    def _check_options(self) -> Rule:
        if extra := self.model_fields_set & _SPECIAL - _OPTIONS.get(self.action, frozenset()):
            raise invalid_field(sorted(extra)[0], f"It means nothing to the action {self.action.value}.")
        if self.path and self.pattern:
            raise invalid_field("pattern", "Give either path or pattern.")
        if self.action is Action.STATUS and self.status is None:
            raise missing_field("status")
        if self.action is Action.DELAY and not self.latency:
            raise missing_field("latency")
        return self

    @property
    def has_body(self) -> bool:
        """Whether the rule sets the body of the response."""
        return "body" in self.model_fields_set

    def matches(self, method: str, version: str, path: str) -> bool:
        """Tell whether the rule is for a request.

        :param version: its generation.
        :param path: below the version.
        """
        return (
            self.method in (None, method)
            and self.version in (None, version)
            and (self.path is None or fnmatchcase(path, self.path))
            and (self.pattern is None or re.fullmatch(self.pattern, path) is not None)
        )


@dataclass
class _Counted:
    """A rule with its counters."""

    rule: Rule
    random: Random
    seen: int = 0
    fired: int = 0

    def hits(self) -> bool:
        """Count a matching request, and tell whether it is hit."""
        rule = self.rule
        self.seen += 1
        if rule.times is not None and self.fired >= rule.times:
            return False
        turn = self.seen - rule.after
        if turn < 1 or (turn - 1) % rule.every or self.random.random() >= rule.probability:
            return False
        self.fired += 1
        return True

    def as_json(self) -> dict[str, Any]:
        return {**self.rule.given(), "seen": self.seen, "fired": self.fired}


class FaultBook:
    """The rules of an engine, in order; the first one that hits a request decides what happens."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rules: list[_Counted] = []

    def replace(self, rules: Iterable[Rule]) -> None:
        """Replace all rules, with their counters.

        :raises ServiceError: when two have the same name.
        """
        fresh: list[_Counted] = []
        for rule in rules:
            _append(fresh, rule)
        with self._lock:
            self._rules = fresh

    def add(self, rule: Rule) -> None:
        """Add a rule after the others.

        :raises ServiceError: when its name is taken.
        """
        with self._lock:
            _append(self._rules, rule)

    def remove(self, name: str) -> bool:
        """Remove a rule; return whether there was one."""
        with self._lock:
            before = len(self._rules)
            self._rules = [counted for counted in self._rules if counted.rule.name != name]
            return len(self._rules) < before

    def hit(self, method: str, version: str, path: str) -> Rule | None:
        """Count a request, and return the rule that hits it, or None."""
        with self._lock:
            for counted in self._rules:
                if counted.rule.matches(method, version, path) and counted.hits():
                    return counted.rule
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rules with their counters: ``seen`` requests matched, ``fired`` of them were hit."""
        with self._lock:
            return [counted.as_json() for counted in self._rules]


def _append(rules: list[_Counted], rule: Rule) -> None:
    if any(counted.rule.name == rule.name for counted in rules):
        raise invalid("name", f"There is a rule {rule.name!r} already.")
    rules.append(_Counted(rule, Random(rule.seed)))


def read_rule(given: Any, number: int) -> Rule:
    """Return a rule from its JSON.

    :param number: names it where it has no name.
    :raises ServiceError: when it is invalid.
    """
    return Rule.parse({"name": f"rule-{number}", **given} if isinstance(given, dict) else given)
