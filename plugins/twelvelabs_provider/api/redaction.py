"""Redaction of text that comes from the service: API keys, signed URLs, control characters."""

from __future__ import annotations

import html
import re
import unicodedata
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from threading import Lock
from typing import Any
from urllib.parse import quote, unquote

LONGEST_TEXT = 500
"""Characters of one text of the service that an error, a log line or a result quotes."""

HIDDEN = "***"
_MOST_KEYS = 32
_SHORTEST_KEY = 8
_MOST_DECODED = 3
_REQUEST_ID = re.compile(r"[\w-]{1,80}", re.ASCII)
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]).*?(?:\x07|\x1b\\|\x9c|$)|\x1b.", re.DOTALL
)
_SUSPECT = re.compile(r"[?&=%@;:]|\\u00", re.IGNORECASE)
_USER = re.compile(r"(\b\w{1,20}:\\?/\\?/)[^\s/?#\"'<>\\]{1,2000}@")
# A question mark, an equals sign and an ampersand may be percent-encoded (twice), or escaped as in JSON or HTML.
_MARK = r"(?:[?]|%(?:25)*3F|\\u003f|&#63;|&#x3f;)"
_EQUALS = r"(?:=|%(?:25)*3D|\\u003d|&#61;|&#x3d;)"
_END = r"[^\s\"'<>]*"
_QUERY = re.compile(rf"({_MARK})[\w.~%+\[\]-]{{1,60}}?{_EQUALS}{_END}", re.IGNORECASE)
_URL_QUERY = re.compile(rf"(https?:\\?/\\?/[^\s?\"'<>]{{1,2000}})\?{_END}", re.IGNORECASE)
_SIGNING = re.compile(
    r"\b(x-(?:amz|goog|ms)-(?:signature|credential|security-token|date|expires|signedheaders|algorithm)"
    r"|signature|sig|awsaccesskeyid|googleaccessid|key-pair-id|policy|access_token|x-api-key|upload_id)"
    rf"(?:{_EQUALS}|[\"']?\s*:\s*b?[\"'])({_END})",
    re.IGNORECASE,
)

_keys: dict[str, None] = {}
_lock = Lock()


def remember_key(key: str) -> None:
    """Have an API key removed from every text that is cleaned in this process from now on."""
    with _lock:
        _keys.pop(key, None)
        _keys[key] = None
        while len(_keys) > _MOST_KEYS:
            del _keys[next(iter(_keys))]


def clean_text(text: Any, longest: int = LONGEST_TEXT) -> str:
    """Return a text of the service as it may be shown: one line, without secrets, of bounded length.

    :param text: anything; None is an empty text.
    :param longest: characters.
    """
    if text is None:
        return ""
    whole = text if isinstance(text, str) else str(text)
    if len(whole) <= 40 and whole.isascii() and whole.isidentifier():
        # Of all secrets, a single word can hold a key only.
        shown: str = without_keys(whole)
    else:
        # Redact before the cut, which could halve a secret; text far behind the cut is skipped.
        shown = redacted(" ".join(_printable(whole[: 20 * longest]).split()))
    return shown if len(shown) <= longest else f"{shown[:longest]}..."


def clean_request_id(value: Any) -> str | None:
    """Return a request id if it looks like one and is no API key, else None."""
    text = value if isinstance(value, str) else ""
    return text if _REQUEST_ID.fullmatch(text) and without_keys(text) == text else None


def redacted(text: str) -> str:
    """Return a text without API keys, queries and credentials of URLs, and signing parameters."""
    text = without_keys(text)
    if not _SUSPECT.search(text):
        return text
    text = _URL_QUERY.sub(r"\1?...", text)
    text = _QUERY.sub(r"\1...", text)
    text = _SIGNING.sub(r"\1=...", text)
    return _USER.sub(r"\1...@", text)


def without_keys(value: Any) -> Any:
    """Return a text, or a decoded JSON value, without the API keys of this process in any spelling."""
    for key in _longest_first():
        if len(key) >= _SHORTEST_KEY:
            value = _without(value, key)
        elif isinstance(value, str):
            value = re.sub(rf"(?<![\w-]){re.escape(key)}(?![\w-])", HIDDEN, value)
    return value


def may_hold_key(content: str) -> bool:
    """Return whether a JSON text may contain an API key, without decoding it."""
    if "\\u00" in content or "%" in content or "&#" in content:
        return True
    return any(spelling in content for key in tuple(_keys) if len(key) >= _SHORTEST_KEY for spelling in _spellings(key))


def _longest_first() -> list[str]:
    """Return the keys: where one begins with another, removing the shorter one first would leave the rest of it."""
    return sorted(tuple(_keys), key=len, reverse=True)  # noqa: C414 - another thread may add a key meanwhile


def _without(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return _text_without(value, key) if len(value) >= len(key) else value
    if isinstance(value, Mapping):
        return {_without(name, key): _without(inner, key) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, key) for inner in value]
    return value


def _text_without(text: str, key: str) -> str:
    for spelling in _spellings(key):
        text = text.replace(spelling, HIDDEN)
    decoded = text
    for _ in range(_MOST_DECODED):
        if "%" not in decoded and "\\" not in decoded and "&" not in decoded:
            break
        decoded = _unescaped(decoded)
        if key in decoded:
            return decoded.replace(key, HIDDEN)
    return text


def _unescaped(text: str) -> str:
    text = html.unescape(unquote(text)) if "%" in text or "&" in text else text
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text) if "\\u" in text else text


@lru_cache(maxsize=2 * _MOST_KEYS)
def _spellings(key: str) -> tuple[str, ...]:
    """The key as it is, percent-encoded, in hexadecimal, and in Base64 wherever it begins within a longer text."""
    found = {key, quote(key, safe=""), key.encode().hex(), key.encode().hex().upper()}
    for before in range(3):
        # Characters that depend on their neighbours are left out.
        start = (8 * before + 5) // 6
        whole = b64encode(b"\0" * before + key.encode()).decode().rstrip("=")
        sure = whole[start : (8 * (before + len(key))) // 6]
        found |= {sure, sure.replace("+", "-").replace("/", "_")}
    return tuple(sorted((one for one in found if len(one) >= _SHORTEST_KEY), key=len, reverse=True))


def _printable(text: str) -> str:
    """Return a text without terminal sequences and invisible characters; line ends and tabs become blanks."""
    if text.isascii() and text.isprintable():
        return text
    text = _ANSI.sub("", text)
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace():
        return " "
    # Format characters (zero-width, text direction) go; lone surrogates and the like cannot be written at all.
    return "" if unicodedata.category(character) in ("Cc", "Cf") else "\N{REPLACEMENT CHARACTER}"
