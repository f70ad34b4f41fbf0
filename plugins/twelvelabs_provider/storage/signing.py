"""Presigned URLs of stored objects, created on demand and masked in logs."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from twelvelabs_provider.api.addresses import is_inside
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.hooks.log_redaction import redact_client_logs
from twelvelabs_provider.hooks.masking import mask_secrets_in
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.storage.source import Source

SIGNED_FOR = 6 * 3600
"""Validity of a presigned URL in seconds: the service may fetch it from a queue."""

_ADDRESS = re.compile(r"\w+://\S+|\S*[?&]\S+=\S*")


class _NoLink(Exception):
    """No usable presigned URL; the message continues a sentence that begins with the object's address."""


def signed_link(source: Source, service: str) -> str:
    """Return a presigned URL of an object, already masked in logs.

    :param source: an object in a store that can presign URLs.
    :param service: the origin of the service that fetches it.
    :raises TwelveLabsInputError: the store cannot sign with this connection, or the service could not follow the link.
    """
    try:
        return _signed(source, service)
    except _NoLink as error:
        raise TwelveLabsInputError(
            f"{source.uri!r} {error}: use method 'direct' or 'multipart', which read it through this worker."
        ) from None


def why_no_link(source: Source, service: str) -> str | None:
    """Return why no presigned URL of an object is possible; None if one is.

    Whether the service can fetch it (private network, bucket policy) shows only during the fetch.

    :param service: the origin of the service that fetches it.
    """
    try:
        _signed(source, service)
    except _NoLink as error:
        return f"it {error}"
    return None


def _signed(source: Source, service: str) -> str:
    if source.content is None or not source.can_sign:
        raise _NoLink("cannot be fetched by a link, its store signs none")
    try:
        # The client logs the signature before it can be masked.
        redact_client_logs()
        url = source.content.sign(SIGNED_FOR)
    except Exception as error:
        # The message of a client may quote the URL or the key.
        why = f"{type(error).__name__}: {_ADDRESS.sub('...', str(error))[:200]}"
        raise _NoLink(f"cannot be signed with this connection ({why}), which takes a key that can sign") from None
    mask_secrets_in(url)
    host = urlsplit(url).hostname if Location.parse(url).is_url else None
    if not host:
        raise _NoLink("is signed by a link that is no http(s) URL")
    if is_inside(host) and not is_inside(urlsplit(service).hostname or ""):
        raise _NoLink(f"is on {host!r}, which the service cannot reach from the internet")
    return url
