"""Secrets in URLs that must not appear in logs, records or results."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import quote, unquote

_ADDRESS = re.compile(r"[a-z][a-z0-9+.\-]*:(?:\\?/)+[^\s\"'<>`]+", re.IGNORECASE)
_PARTS = re.compile(
    r"[a-z][a-z0-9+.\-]*:/+(?P<authority>[^/?#]*)[^?#]*(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.IGNORECASE | re.DOTALL,
)
_STORE_PASSWORD = re.compile(r"[a-z][a-z0-9+.\-]*://(?P<name>[^/?#@:]*):(?P<password>[^?#@]+)@", re.IGNORECASE)
_AFTER_ADDRESS = ")]}>,.;:!\\"

_SECRET_NAME = re.compile(
    r"token|secret|passw|pwd$|credential|hmac|jwt|api_?key|access_?key|signature|^sig$|^auth$|authorization"
    r"|^policy$|^key_pair_id$|^hdn(ts|ea|tl)$"
)
_PUBLIC_NAMES = {
    "x_amz_algorithm", "x_amz_date", "x_amz_expires", "x_amz_signedheaders", "x_amz_content_sha256",
    "x_amz_checksum_mode", "x_id", "x_goog_algorithm", "x_goog_date", "x_goog_expires", "x_goog_signedheaders",
    "googleaccessid", "expires", "versionid", "response_content_disposition", "response_content_type", "filename",
}  # fmt: skip
"""Parameters of signed URLs that are no secret, and long values that are names."""

_TOKEN = re.compile(r"(?=[0-9]*[a-z])(?=[a-z]*[0-9])[a-z0-9]{16,}|[a-z0-9]{24,}", re.IGNORECASE)
_RANDOM_LENGTH = 16
_RANDOM_CHANGES = 0.4
_NAME_LENGTH, _WORD_LENGTH, _NUMBER_LENGTH = 6, 16, 10
_DEEPEST = 3


def secret_parts(url: str) -> tuple[str, ...]:
    """Return the parts of a URL to mask: signatures, tokens, passwords, but no harmless parameter.

    A mask hides its text everywhere in a task's log. A secret that may also be a word (``token=public``) is therefore
    returned together with its name.

    :return: longest first, so that a mask of a part never uncovers the whole.
    """
    found = set(_secrets_of(url, 0))
    return tuple(sorted(filter(None, found), key=lambda part: (-len(part), part)))


def secrets_in(value: Any) -> list[str]:
    """Return what has to be masked of all URLs in an argument, each once."""
    return list(dict.fromkeys(part for address in addresses_in(value) for part in secret_parts(address)))


def addresses_in(value: Any) -> Iterator[str]:
    """Return the URLs in an argument: itself, within a text (JSON, a prompt), in a list or mapping, as a path."""
    if isinstance(value, str):
        # A URL that is not percent-encoded may hold spaces.
        yield from dict.fromkeys(_addresses_of(value, whole=True))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from addresses_in(name)
            yield from addresses_in(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from addresses_in(inner)
    elif isinstance(value, os.PathLike):
        yield from addresses_in(str(value))


def without_secrets(text: str) -> str:
    """Return a text in which no URL has a user, a query or a fragment that holds a secret."""
    for address in sorted(set(_addresses_of(text)), key=len, reverse=True):
        # JSON hides where one parameter ends and the next one begins.
        if any(secret_parts(form) for form in _forms_of(address)):
            text = text.replace(address, _bare(address))
    return text


def _bare(address: str) -> str:
    address = re.split(r"[?#]", address, maxsplit=1)[0]
    scheme, slashes, rest = re.split(r"(:(?:\\?/)+)", address, maxsplit=1)
    authority, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{authority.rpartition('@')[2]}{slash}{path}"


def _addresses_of(text: str, *, whole: bool = False) -> Iterator[str]:
    for address in (*([text] if whole and _ADDRESS.match(text) else []), *_ADDRESS.findall(text)):
        yield from _forms_of(address)


def _forms_of(address: str) -> Iterator[str]:
    """Return an address as it is written, and as it was before JSON or a sentence surrounded it."""
    yield address
    # In templates, tojson writes an ampersand in its own way; JSON may escape slashes.
    plain = address.replace("\\u0026", "&").replace("\\u003d", "=").replace("\\/", "/").replace("&amp;", "&")
    yield plain
    yield plain.rstrip(_AFTER_ADDRESS)


def _secrets_of(url: str, depth: int) -> Iterator[str]:
    match = _PARTS.match(url)
    if match is None or depth > _DEEPEST:
        return
    yield from _secrets_of_user(url, match["authority"])
    for part in (match["query"], match["fragment"]):
        for pair in re.split(r"[&;]", part or ""):
            name, sign, value = pair.partition("=")
            if not sign:
                name, value = "", pair
            yield from _secrets_of_pair(name, value)
            if "://" in (inner := unquote(value)):
                yield from _secrets_of(inner, depth + 1)


def _secrets_of_user(url: str, authority: str) -> Iterator[str]:
    is_web = url[:4].lower() == "http"
    if not is_web:
        # Secret keys of object stores may hold slashes. A user without a password is the id of an Airflow connection.
        if match := _STORE_PASSWORD.match(url):
            yield from _forms(match["password"], f"{match['name']}:{match['password']}@")
        return
    user, at, host = authority.rpartition("@")
    name, _, password = user.partition(":")
    if password:
        yield from _forms(password, f"{name}:{password}@")
    elif at and name:
        yield from _forms(name, f"{name}@{host}")


def _secrets_of_pair(name: str, value: str) -> Iterator[str]:
    plain = unquote(name).lower().replace("-", "_")
    if not value or plain in _PUBLIC_NAMES:
        return
    if _SECRET_NAME.search(plain):
        yield from _forms(value, f"{name}={value}")
        if plain.endswith("_credential"):
            # The id of the key, without the scope of the signature.
            yield from _forms(re.split(r"/|%2F", value, flags=re.IGNORECASE)[0], "")
    elif is_token(unquote(value)):
        yield from _forms(value, f"{name}={value}")


def _forms(value: str, named: str) -> Iterator[str]:
    """Return a secret as it is written in a URL and without percent-encoding; with its name where it may be a word."""
    plain = unquote(value)
    if not _is_no_word(plain):
        yield named
        return
    yield from (value, plain, quote(plain, safe=""))


def is_token(value: str) -> bool:
    """Return whether a value looks random, unlike a word, name, date or number."""
    if _TOKEN.search(value):
        return True
    kinds = [_kind(character) for character in value if character.isalnum()]
    if len(kinds) < _RANDOM_LENGTH or len(set(kinds)) < 3 or " " in value:
        return False
    return sum(one != other for one, other in pairwise(kinds)) > _RANDOM_CHANGES * len(kinds)


def _kind(character: str) -> int:
    return 1 if character.islower() else 2 if character.isupper() else 3


def _is_no_word(value: str) -> bool:
    """Return whether a text is unlike any word or number, so that masking it everywhere does no harm."""
    if value.isdigit():
        return len(value) >= _NUMBER_LENGTH
    if value.isalpha():
        return len(value) >= _WORD_LENGTH
    return len(value) >= _NAME_LENGTH and any(map(str.isalnum, value))
