"""From rows to the bytes of one file: the base, and the two JSON forms that every kind of row has."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)
Fields = Callable[[R], Mapping[str, Any]]

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str)
# Valid inside JSON strings, but many readers split lines at them.
_LINE_BREAKS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Encoder(ABC, Generic[R_contra]):
    """Turns rows into the bytes of one file; what it returns is written in the order of the calls."""

    def header(self) -> bytes:
        """Bytes before the first row."""
        return b""

    @abstractmethod
    def row(self, row: R_contra) -> bytes:
        """Bytes that are due after this row; they may hold rows of earlier calls, or none.

        :raises ValueError: the row holds what the format cannot say.
        """

    def footer(self) -> bytes:
        """Bytes after the last row."""
        return b""


class JsonLines(Encoder[R]):
    """One JSON object per line.

    :param fields: names and values of a row.
    """

    def __init__(self, fields: Fields[R]) -> None:
        self._fields = fields

    def row(self, row: R) -> bytes:
        return json_text(self._fields(row)) + b"\n"


class JsonArray(Encoder[R]):
    """A JSON array with one object per line.

    :param fields: names and values of a row.
    """

    def __init__(self, fields: Fields[R]) -> None:
        self._fields = fields
        self._separator = b"\n"

    def header(self) -> bytes:
        return b"["

    def row(self, row: R) -> bytes:
        separator, self._separator = self._separator, b",\n"
        return separator + json_text(self._fields(row))

    def footer(self) -> bytes:
        return b"\n]\n"


def json_text(value: Any) -> bytes:
    """A value as one line of JSON in UTF-8.

    :raises ValueError: it holds a number that JSON cannot say (NaN, infinity).
    """
    return utf8(_JSON.encode(value).translate(_LINE_BREAKS))


def utf8(text: str) -> bytes:
    """A text's bytes; a lone surrogate, which can come out of JSON escapes and has no UTF-8, becomes ``?``."""
    return text.encode("utf-8", errors="replace")
