"""Sample texts for regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from typing import Any

# the parser of regular expressions; it has no public name since Python 3.11
code: Any = import_module("re._constants")
parser: Any = import_module("re._parser")

_OF_CATEGORY = {
    code.CATEGORY_DIGIT: "0",
    code.CATEGORY_WORD: "a",
    code.CATEGORY_SPACE: " ",
    code.CATEGORY_NOT_DIGIT: "a",
    code.CATEGORY_NOT_WORD: " ",
    code.CATEGORY_NOT_SPACE: "a",
}
_ANYTHING = "a0 -_.A"


def shortest_match(pattern: str) -> str:
    """Return a short text that matches a pattern, or an empty text.

    Look-arounds and back references are ignored, so the text is checked before it is returned.
    """
    made = _made(parser.parse(pattern))
    return made if re.search(pattern, made) else ""


def _made(parts: Iterable[Any]) -> str:
    return "".join(_piece(operation, argument) for operation, argument in parts)


def _piece(operation: Any, argument: Any) -> str:
    if operation is code.LITERAL:
        return chr(argument)
    if operation is code.NOT_LITERAL:
        return next(letter for letter in _ANYTHING if ord(letter) != argument)
    if operation is code.ANY:
        return _ANYTHING[0]
    if operation is code.IN:
        return _one_of(argument)
    if operation in (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT):
        least, _, repeated = argument
        return _made(repeated) * int(least)
    if operation is code.SUBPATTERN:
        return _made(argument[-1])
    if operation is code.BRANCH:
        return _made(argument[1][0])
    return ""


def _one_of(choices: Any) -> str:
    if choices[0][0] is code.NEGATE:
        refused = re.compile("|".join(re.escape(letter) for letter in _letters(choices[1:])) or r"(?!)")
        return next((letter for letter in _ANYTHING if not refused.fullmatch(letter)), "\u00e9")
    return next(iter(_letters(choices)), _ANYTHING[0])


def _letters(choices: Any) -> list[str]:
    found: list[str] = []
    for operation, argument in choices:
        if operation is code.LITERAL:
            found.append(chr(argument))
        elif operation is code.RANGE:
            low, high = argument
            found += [chr(low), *(letter for letter in _ANYTHING if low < ord(letter) <= high)]
        elif operation is code.CATEGORY:
            found.append(_OF_CATEGORY.get(argument, _ANYTHING[0]))
    return found
