"""How a place is written down: schemes, local paths, object stores, and what of it may be shown."""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.version_compat import AirflowException

PACKAGE = "airflow-provider-twelvelabs"
KNOWN_PLACES = "a local path, file:///..., s3://..., gs://... or abfs://..."

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_LOOSE_HTTP = re.compile(r"https?:", re.IGNORECASE)
_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):/+(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_QUERY = re.compile(r"\?[^/?=]+=.*", re.DOTALL)
_EXTRAS = {"s3": "s3", "s3a": "s3", "s3n": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure"}
_EXTRAS |= {"adl": "azure", "az": "azure"}
_SIGNING = {"awsaccesskeyid", "googleaccessid", "signature", "expires", "policy", "key-pair-id"}
_AZURE_SIGNING = {"sv", "ss", "srt", "se", "st", "sp", "sr", "sig", "sip", "spr", "sdd", "scid", "saoid", "suoid"}
_AZURE_SIGNING |= {"skoid", "sktid", "skt", "ske", "sks", "skv"}


def is_path(value: Any) -> bool:
    """Whether a value is a path object: a ``pathlib.Path``, an ``ObjectStoragePath``, or another ``UPath``."""
    if isinstance(value, os.PathLike):
        return True
    # The paths of object storage are no os.PathLike in every version; where they are in use, upath is loaded.
    upath = sys.modules.get("upath")
    return upath is not None and isinstance(value, upath.UPath)


def place_text(place: str | os.PathLike[str]) -> str:
    """Return a path or URI as a text; an ``ObjectStoragePath`` keeps its connection.

    :raises TwelveLabsInputError: a ``UPath`` has storage options of its own, which no text can carry.
    """
    if isinstance(place, str):
        return place
    options = dict(getattr(place, "storage_options", None) or {})
    conn_id = options.pop("conn_id", None) or getattr(place, "conn_id", None)
    text = str(place)
    if options:
        raise TwelveLabsInputError(
            f"The path {redact_url(text)!r} has storage options ({', '.join(sorted(options))}): name an Airflow"
            " connection instead, scheme://conn_id@bucket/key."
        )
    return text if is_local(text) or is_url(text) else with_connection(text, conn_id)


def scheme_of(value: str) -> str:
    """Scheme of a place in lower case; an empty string for a plain path."""
    match = _SCHEME.match(value)
    return match[1].lower() if match else ""


def is_url(value: str) -> bool:
    """Whether this is, or is meant to be, an http(s) URL (``http:/host`` counts, so that it is refused as one)."""
    return bool(_LOOSE_HTTP.match(value))


def is_local(value: str) -> bool:
    """Whether this names a file of the machine that runs the task."""
    return scheme_of(value) in ("", "file", "local")


def local_path(value: str) -> Path:
    """The absolute path behind a plain path or a ``file://`` URI; ``~`` is expanded, ``%20`` is left alone
    (as fsspec and ``ObjectStoragePath`` do).

    :raises TwelveLabsInputError: a NUL character, or a ``file://`` URI that names another host.
    """
    if "\0" in value:
        raise TwelveLabsInputError(f"The path {value!r} holds a NUL character.")
    path = value
    if match := _SCHEME.match(value):
        authority, slash, rest = value[match.end() :].partition("/")
        if authority.rpartition("@")[2] not in ("", "localhost"):
            raise TwelveLabsInputError(
                f"The file URI {redact_url(value)!r} names a host; write file:///absolute/path (three slashes)."
            )
        path = slash + rest
    return Path(os.path.abspath(os.path.expanduser(path)))


def filesystem_of(value: str, what: str) -> tuple[Any, str]:
    """The fsspec filesystem that Airflow has for an object storage URI, and the path inside it (bucket first).

    :param value: a URI such as ``s3://conn@bucket/key``.
    :param what: the word for the place in errors.
    :raises TwelveLabsInputError: unknown scheme, missing package, or no bucket.
    """
    from airflow.sdk import ObjectStoragePath
    from airflow.sdk.exceptions import AirflowRuntimeError

    scheme, shown = scheme_of(value), redact_url(value)
    if not shown.partition("://")[2].strip("/"):
        raise TwelveLabsInputError(f"The {what} {shown!r} names no bucket and no path; write {scheme}://bucket/key.")
    user, bucket, key = _split(value)
    if ":" in user:
        raise TwelveLabsInputError(
            f"The {what} {shown!r} holds a password: name an Airflow connection instead, {scheme}://conn_id@bucket/key."
        )
    try:
        # Of a bucket's objects only the bucket is parsed: in a URL, some characters of keys would mean another thing.
        location = ObjectStoragePath(f"{scheme}://{user and user + '@'}{bucket}" if scheme in _EXTRAS else value)
        filesystem, path = location.fs, str(location.path)
        if user and getattr(filesystem, "anon", False):
            _ensure_connection(user)
    except (ValueError, ImportError) as error:
        raise TwelveLabsInputError(_no_filesystem(what, shown, scheme, error)) from error
    except (AirflowException, AirflowRuntimeError) as error:
        raise TwelveLabsInputError(_no_connection(what, shown, user, error)) from error
    return filesystem, f"{bucket}{key}" if scheme in _EXTRAS else path


def with_connection(value: str, conn_id: str | None) -> str:
    """A URI that names a connection: its own, or else this one.

    :param value: an object storage URI.
    :param conn_id: an Airflow connection; None or empty leaves the URI as it is.
    :raises TwelveLabsInputError: the URI names another one.
    """
    user, bucket, key = _split(value)
    if not conn_id or user == conn_id:
        return value
    if user:
        raise TwelveLabsInputError(
            f"{redact_url(value)!r} names the connection {user.partition(':')[0]!r}, and {conn_id!r} was given too: "
            "leave one of them out."
        )
    return f"{scheme_of(value)}://{conn_id}@{bucket}{key}"


def _split(value: str) -> tuple[str, str, str]:
    """User (the connection), bucket, and the rest with its slash."""
    authority, slash, rest = value.partition("://")[2].partition("/")
    user, _, bucket = authority.rpartition("@")
    return user, bucket, slash + rest


@lru_cache(maxsize=64)
def _ensure_connection(conn_id: str) -> None:
    """Raise if there is no such connection: the amazon provider goes on without any credentials then."""
    from airflow.sdk import Connection

    Connection.get(conn_id)


def _no_connection(what: str, shown: str, user: str, error: Exception) -> str:
    named = f"the connection {user!r}" if user else "the default connection"
    return f"The {what} {shown!r} cannot be opened with {named}: {error}"


def _no_filesystem(what: str, shown: str, scheme: str, error: Exception) -> str:
    if not isinstance(error, ImportError) and "filesystem" not in str(error):
        return f"The {what} {shown!r} cannot be used: {error}."
    if extra := _EXTRAS.get(scheme):
        return (
            f"The {what} {shown!r} needs a package that is not installed: "
            f"run pip install '{PACKAGE}[{extra}]' wherever tasks run. ({error})"
        )
    return f"The {what} {shown!r} has a scheme that Airflow has no filesystem for: {scheme!r}. Use {KNOWN_PLACES}."


def display_uri(path: str | os.PathLike[str]) -> str:
    """The address of a place as it may be shown and stored: always with a scheme, never with a connection id or a
    credential. It is not percent-encoded, so that ``ObjectStoragePath`` reads it as it stands.

    :param path: a path, a URI, or an ``ObjectStoragePath``.
    """
    value = str(path)
    if is_local(value):
        return f"file://{local_path(value)}"
    return redact_url(value)


def redact_url(url: str) -> str:
    """``url`` without user info (in object storage URIs: the connection id) and without its query string.

    A question mark is part of the name in object storage and in files, so there only ``?name=...`` is cut.
    """
    match = _URI.match(url)
    if not match:
        return _QUERY.sub("", url)
    rest = match["rest"]
    rest = re.split(r"[?#]", rest, maxsplit=1)[0] if is_url(url) else _QUERY.sub("", rest)
    host = match["authority"].rpartition("@")[2]
    separator = url[len(match["scheme"]) : match.start("authority")]
    return f"{match['scheme']}{separator}{host}{rest}"


def unsigned_query(url: str) -> list[tuple[str, str]]:
    """The query parameters that say *which* resource a URL means, without those that sign one access to it."""
    pairs = sorted(parse_qsl(url.partition("#")[0].partition("?")[2], keep_blank_values=True))
    azure = any(name == "sig" for name, _ in pairs)
    return [(name, value) for name, value in pairs if not _signs(name, azure)]


def _signs(name: str, azure: bool) -> bool:
    name = name.lower()
    return name.startswith(("x-amz-", "x-goog-")) or name in _SIGNING or (azure and name in _AZURE_SIGNING)
