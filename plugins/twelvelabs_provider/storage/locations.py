"""Parsed paths, object storage URIs and URLs."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from twelvelabs_provider.exceptions import TwelveLabsInputError

PACKAGE = "airflow-provider-twelvelabs"
ACCEPTED_LOCATIONS = "a local path, file:///..., s3://..., gs://... or abfs://..."

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_HTTP = re.compile(r"https?:", re.IGNORECASE)
_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):/+(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_QUERY = re.compile(r"\?[^/?=]+=.*", re.DOTALL)
_SIGNING = {"awsaccesskeyid", "googleaccessid", "signature", "expires", "policy", "key-pair-id"}
_AZURE_SIGNING = {"sv", "ss", "srt", "se", "st", "sp", "sr", "sig", "sip", "spr", "sdd", "scid", "saoid", "suoid"}
_AZURE_SIGNING |= {"skoid", "sktid", "skt", "ske", "sks", "skv"}


@dataclass(frozen=True, repr=False)
class Location:
    """A parsed path, object storage URI or URL. Its ``str`` and ``repr`` hold no credential and no signature.

    :param value: the text as given, with connection, credentials and query.
    :param scheme: lower case; empty for a plain path.
    :param user: the Airflow connection of an object storage URI, or the user info of a URL.
    :param bucket: bucket, container or host; empty for a plain path.
    :param path: the rest with its leading slash; a plain path as a whole.
    """

    value: str
    scheme: str
    user: str
    bucket: str
    path: str

    @classmethod
    def parse(cls, value: str | os.PathLike[str]) -> Location:
        """Parse a path, URI or URL; an ``ObjectStoragePath`` keeps its connection.

        :raises TwelveLabsInputError: a ``UPath`` has storage options, which no text can carry.
        """
        if isinstance(value, str):
            return cls._of_text(value)
        options = dict(getattr(value, "storage_options", None) or {})
        conn_id = options.pop("conn_id", None) or getattr(value, "conn_id", None)
        location = cls._of_text(str(value))
        if options:
            raise TwelveLabsInputError(
                f"The path {location.shown!r} has storage options ({', '.join(sorted(options))}): name an Airflow"
                " connection instead, scheme://conn_id@bucket/key."
            )
        return location if location.is_local or location.is_url else location.with_connection(conn_id)

    @classmethod
    def _of_text(cls, value: str) -> Location:
        match = _SCHEME.match(value)
        if not match:
            return cls(value, "", "", "", value)
        authority, slash, rest = value[match.end() :].partition("/")
        user, _, bucket = authority.rpartition("@")
        return cls(value, match[1].lower(), user, bucket, slash + rest)

    @property
    def is_url(self) -> bool:
        """Whether this is an http(s) URL; a malformed ``http:/host`` counts, so that it is refused as a URL."""
        return bool(_HTTP.match(self.value))

    @property
    def is_local(self) -> bool:
        """Whether this is a file or folder of the machine that runs the task."""
        return self.scheme in ("", "file", "local") and not self.is_url

    @property
    def shown(self) -> str:
        """The text as given, without credential, connection and query."""
        return redact_url(self.value)

    @property
    def uri(self) -> str:
        """The address to store: with a scheme, without credential, connection and query.

        It is not percent-encoded, so that ``ObjectStoragePath`` opens it.

        :raises TwelveLabsInputError: a local path is invalid.
        """
        return f"file://{self.local_path}" if self.is_local else self.shown

    @property
    def local_path(self) -> Path:
        """The absolute path; ``~`` is expanded, ``%20`` is kept (as fsspec and ``ObjectStoragePath`` do).

        :raises TwelveLabsInputError: a NUL character, or a ``file://`` URI with a host.
        """
        if "\0" in self.value:
            raise TwelveLabsInputError(f"The path {self.value!r} contains a NUL character.")
        if self.bucket not in ("", "localhost"):
            raise TwelveLabsInputError(
                f"The file URI {self.shown!r} names a host; write file:///absolute/path (three slashes)."
            )
        return Path(os.path.abspath(os.path.expanduser(self.path)))

    @property
    def unsigned(self) -> str:
        """The text as given, a URL without its signature: equal for two signed URLs of one resource."""
        if not self.is_url:
            return self.value
        query = self._unsigned_query()
        digest = "#" + hashlib.sha256(repr(query).encode()).hexdigest()[:16] if query else ""
        return self.shown + digest

    def with_connection(self, conn_id: str | None) -> Location:
        """Return an object storage URI with a connection.

        :param conn_id: an Airflow connection; None or empty changes nothing.
        :raises TwelveLabsInputError: the URI names another one.
        """
        if not conn_id or self.user == conn_id:
            return self
        if self.user:
            raise TwelveLabsInputError(
                f"{self.shown!r} names the connection {self.user.partition(':')[0]!r}, but {conn_id!r} is given too:"
                " leave one of them out."
            )
        value = f"{self.scheme}://{conn_id}@{self.bucket}{self.path}"
        return replace(self, value=value, user=conn_id)

    def _unsigned_query(self) -> list[tuple[str, str]]:
        """Return the query parameters that name the resource, without those that sign the access."""
        query = self.value.partition("#")[0].partition("?")[2]
        pairs = sorted(parse_qsl(query, keep_blank_values=True))
        azure = any(name == "sig" for name, _ in pairs)
        return [(name, value) for name, value in pairs if not _signs(name, azure)]

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return f"Location({self.shown!r})"


def is_path(value: Any) -> bool:
    """Return whether a value is a path object: a ``pathlib.Path``, an ``ObjectStoragePath``, or another ``UPath``."""
    if isinstance(value, os.PathLike):
        return True
    # An ObjectStoragePath is no os.PathLike in every version. If one exists, upath is loaded.
    upath = sys.modules.get("upath")
    return upath is not None and isinstance(value, upath.UPath)


def without_signatures(value: Any) -> Any:
    """Return a value in which every URL is replaced by its :attr:`Location.unsigned`, also in lists and mappings."""
    if isinstance(value, str):
        return Location.parse(value).unsigned
    if isinstance(value, Mapping):
        return {name: without_signatures(inner) for name, inner in value.items()}
    return [without_signatures(inner) for inner in value] if isinstance(value, list | tuple) else value


def redact_url(text: str) -> str:
    """Return ``text`` without user info (in object storage URIs: the connection) and without its query string.

    A question mark is part of names in object storage and of files, so there only ``?name=...`` is cut.
    """
    match = _URI.match(text)
    if not match:
        return _QUERY.sub("", text)
    rest = match["rest"]
    rest = re.split(r"[?#]", rest, maxsplit=1)[0] if _HTTP.match(text) else _QUERY.sub("", rest)
    host = match["authority"].rpartition("@")[2]
    separator = text[len(match["scheme"]) : match.start("authority")]
    return f"{match['scheme']}{separator}{host}{rest}"


def _signs(name: str, azure: bool) -> bool:
    name = name.lower()
    return name.startswith(("x-amz-", "x-goog-")) or name in _SIGNING or (azure and name in _AZURE_SIGNING)
