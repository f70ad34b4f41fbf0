"""Safe decoding of JSON from the service: depth, numbers, surrogates, API keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twelvelabs_provider.api.redaction import may_hold_key, without_keys


class JsonError(ValueError):
    """A text is not JSON that can be used; the message quotes nothing of it."""


class JsonCutError(JsonError):
    """A JSON text ends too early."""


def _no_number(_: str) -> None:
    """NaN and Infinity are no JSON: they say as much as null."""


_LONGEST_REST = 9
_NUMBER_RESTS = (".", "e", "E", "e+", "e-", "E+", "E-")
_DECODER = json.JSONDecoder(parse_constant=_no_number)


def decoded_json(content: bytes | str) -> Any:
    """Return the value of a JSON text, without API keys and unwritable characters.

    :raises JsonCutError: it ends too early.
    :raises JsonError: it is not JSON, or nested too deeply.
    """
    text = text_of(content).strip()
    value, end = first_json(text)
    if end != len(text):
        raise JsonError(f"more follows after {end} characters")
    return value


def first_json(text: str, start: int = 0) -> tuple[Any, int]:
    """Return the JSON value at a position of a text, and its end; see :func:`decoded_json`."""
    try:
        value, end = _DECODER.raw_decode(text, start)
        source = text[start:end]
        if may_hold_key(source):
            value = without_keys(value)
        if "\\ud" in source or "\\uD" in source:
            value = _writable(value)
    except json.JSONDecodeError as error:
        if text.startswith(("{", "["), start) and _is_cut(text, error):
            raise JsonCutError(f"it ends after {len(text)} characters") from None
        raise JsonError(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise JsonError("it is nested too deeply") from None
    except ValueError:
        # Python refuses to read numbers of thousands of digits.
        raise JsonError("it holds a number of too many digits") from None
    return value, end


def text_of(content: bytes | str) -> str:
    """Return bytes as UTF-8 text; invalid bytes become replacement characters."""
    text = content if isinstance(content, str) else content.decode("utf-8", errors="replace")
    return text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")


def _is_cut(text: str, error: json.JSONDecodeError) -> bool:
    """Return whether a decoder failed because the text is cut; inside a string it points to its beginning."""
    if error.msg.startswith("Unterminated"):
        return True
    rest = text[error.pos :].rstrip("\N{REPLACEMENT CHARACTER}")
    return len(rest) < _LONGEST_REST and (rest in _NUMBER_RESTS or _starts_a_word(rest) or rest.startswith("\\"))


def _starts_a_word(rest: str) -> bool:
    return any(word.startswith(rest) for word in ("true", "false", "null", "-Infinity", "NaN"))


def _writable(value: Any) -> Any:
    """Return a JSON value with replacement characters for lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")
    if isinstance(value, Mapping):
        return {_writable(name): _writable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_writable(inner) for inner in value]
    return value
