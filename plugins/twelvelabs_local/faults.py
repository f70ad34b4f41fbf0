"""Which requests go wrong, and how: the rules that ``/_local/faults`` takes, and their counters; no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random
from threading import Lock
from typing import Any

from twelvelabs_local.errors import invalid, missing, unknown

VERSIONS = ("v1.1", "v1.2", "v1.3")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LONGEST_LATENCY = 3600.0


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


@dataclass(frozen=True)
class Rule:
    """One fault.

    :param name: what it is called in the counters.
    :param action: what happens.
    :param method: the requests that it is for; None for all.
    :param path: glob (``*`` crosses slashes) over the path below the version: ``/analyze/*``.
    :param pattern: the same as a regular expression, which must match the whole path.
    :param version: the generation that it is for; None for all.
    :param after: how many requests that match are left alone first.
    :param every: then each of so many is hit; 1 hits all.
    :param times: most hits; None for no end.
    :param probability: share of the remaining requests that is hit.
    :param seed: of the dice; the same seed hits the same requests.
    :param latency: seconds before anything else.
    :param status: of the answer.
    :param body: of the answer: text as it is, anything else as JSON; ``null`` is an empty one, none the service's own.
    :param headers: of the answer.
    :param retry_after: seconds in a ``Retry-After`` header.
    :param reset_after: seconds until the window's reset, in both spellings of the rate-limit headers.
    :param share: of the body that is sent.
    :param length: ``whole``: the head promises all of it and the connection breaks; ``cut``: the head fits the rest.
    :param records: lines (NDJSON) or events (SSE) that are sent.
    :param half_record: send half of the next one too.
    :param end: ``broken``: the connection breaks; ``clean``: the answer ends as if that were all.
    :param content_type: of the garbage.
    """

    name: str
    action: Action
    method: str | None = None
    path: str | None = None
    pattern: str | None = None
    version: str | None = None
    after: int = 0
    every: int = 1
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    latency: float = 0.0
    status: int | None = None
    body: Any = ...
    headers: Mapping[str, str] | None = None
    retry_after: float | None = None
    reset_after: float | None = None
    share: float = 0.5
    length: str = "whole"
    records: int = 1
    half_record: bool = False
    end: str = "broken"
    content_type: str = "text/html"

    def matches(self, method: str, version: str, path: str) -> bool:
        """Tell whether a request is one that this rule is for.

        :param version: its generation.
        :param path: below the version.
        """
        return (
            self.method in (None, method)
            and self.version in (None, version)
            and (self.path is None or fnmatchcase(path, self.path))
            and (self.pattern is None or re.fullmatch(self.pattern, path) is not None)
        )

    def as_json(self) -> dict[str, Any]:
        """Return what was asked for, without what was left out."""
        defaults = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != defaults[name] or name == "action"}


@dataclass
class _Counted:
    """A rule with what has happened to it."""

    rule: Rule
    dice: Random
    seen: int = 0
    fired: int = 0

    def hits(self) -> bool:
        """Count a request that matches, and tell whether it goes wrong."""
        rule = self.rule
        self.seen += 1
        if rule.times is not None and self.fired >= rule.times:
            return False
        turn = self.seen - rule.after
        if turn < 1 or (turn - 1) % rule.every or self.dice.random() >= rule.probability:
            return False
        self.fired += 1
        return True

    def told(self) -> dict[str, Any]:
        return {**self.rule.as_json(), "seen": self.seen, "fired": self.fired}


class FaultBook:
    """The rules of an engine, in order: the first one that hits a request decides what happens to it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rules: list[_Counted] = []

    def replace(self, rules: Iterable[Rule]) -> None:
        """Forget all rules and their counters, and take these.

        :raises ServiceError: when two have the same name.
        """
        fresh: list[_Counted] = []
        for rule in rules:
            _append(fresh, rule)
        with self._lock:
            self._rules = fresh

    def add(self, rule: Rule) -> None:
        """Take one more rule, after the others.

        :raises ServiceError: when its name is taken.
        """
        with self._lock:
            _append(self._rules, rule)

    def remove(self, name: str) -> bool:
        """Forget one rule; return whether it was there."""
        with self._lock:
            before = len(self._rules)
            self._rules = [counted for counted in self._rules if counted.rule.name != name]
            return len(self._rules) < before

    def strike(self, method: str, version: str, path: str) -> Rule | None:
        """Count a request, and return the rule that it falls under, if one hits it."""
        with self._lock:
            for counted in self._rules:
                if counted.rule.matches(method, version, path) and counted.hits():
                    return counted.rule
        return None

    def told(self) -> list[dict[str, Any]]:
        """Return the rules with their counters: ``seen`` requests that matched, ``fired`` of them went wrong."""
        with self._lock:
            return [counted.told() for counted in self._rules]


def _append(rules: list[_Counted], rule: Rule) -> None:
    if any(counted.rule.name == rule.name for counted in rules):
        raise invalid("name", f"There is a rule {rule.name!r} already.")
    rules.append(_Counted(rule, Random(rule.seed)))


def read_rule(given: Any, number: int) -> Rule:
    """Return a rule that was asked for.

    :param given: its JSON.
    :param number: names it where it has no name.
    :raises ServiceError: for the first thing that is wrong with it.
    """
    if not isinstance(given, dict):
        raise invalid("rule", "A rule must be an object.")
    if extra := set(given) - {field.name for field in fields(Rule)}:
        raise unknown(sorted(extra))
    if "action" not in given:
        raise missing("action")
    if given["action"] not in set(Action):
        raise invalid("action", f"It is {given['action']!r}; it must be one of {', '.join(Action)}.")
    action = Action(given["action"])
    if extra := set(given) & _SPECIAL - _OPTIONS.get(action, frozenset()):
        raise invalid(sorted(extra)[0], f"It means nothing to the action {action.value}.")
    _check_match(given)
    _check_when(given)
    _check_what(given, action)
    return Rule(**{"name": f"rule-{number}", **given, "action": action})


def _check_match(given: Mapping[str, Any]) -> None:
    _among(given, "method", METHODS)
    _among(given, "version", VERSIONS)
    for name in ("name", "path", "pattern"):
        if name in given and not (isinstance(given[name], str) and given[name]):
            raise invalid(name, f"It is {given[name]!r}; it must be text.")
    if "path" in given and "pattern" in given:
        raise invalid("pattern", "Give either path or pattern.")
    try:
        re.compile(given.get("pattern", ""))
    except re.error as error:
        raise invalid("pattern", f"It is not a regular expression: {error}.") from error


def _check_when(given: Mapping[str, Any]) -> None:
    _whole(given, "after", 0)
    _whole(given, "every", 1)
    _whole(given, "times", 1)
    _whole(given, "seed", 0)
    _number(given, "probability", 0.0, 1.0)
    _number(given, "latency", 0.0, LONGEST_LATENCY)


def _check_what(given: Mapping[str, Any], action: Action) -> None:
    if action is Action.STATUS and "status" not in given:
        raise missing("status")
    if action is Action.DELAY and not given.get("latency"):
        raise missing("latency")
    _whole(given, "status", 200, 599)
    _whole(given, "records", 0)
    _number(given, "retry_after", 0.0, float("inf"))
    _number(given, "reset_after", float("-inf"), float("inf"))
    _number(given, "share", 0.0, 1.0)
    _among(given, "length", ("whole", "cut"))
    _among(given, "end", ("broken", "clean"))
    if "half_record" in given and not isinstance(given["half_record"], bool):
        raise invalid("half_record", "It must be true or false.")
    if "content_type" in given and not isinstance(given["content_type"], str):
        raise invalid("content_type", "It must be text.")
    headers = given.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise invalid("headers", "It must be an object of texts.")


def _among(given: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> None:
    if name in given and given[name] not in allowed:
        raise invalid(name, f"It is {given[name]!r}; it must be one of {', '.join(allowed)}.")


def _whole(given: Mapping[str, Any], name: str, low: int, high: int = 10**9) -> None:
    value = given.get(name, low)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise invalid(name, f"It is {value!r}; it must be a whole number from {low} to {high}.")


def _number(given: Mapping[str, Any], name: str, low: float, high: float) -> None:
    value = given.get(name, max(low, 0.0))
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise invalid(name, f"It is {value!r}; it must be a number from {low:g} to {high:g}.")
