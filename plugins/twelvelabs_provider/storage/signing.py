"""Links by which others may read one object of a store for some hours: made when they are needed, never shown."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from twelvelabs_provider.api.addresses import is_inside
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.hooks.log_redaction import redact_client_logs
from twelvelabs_provider.hooks.masking import mask_secrets_in
from twelvelabs_provider.storage.locations import is_url
from twelvelabs_provider.storage.source import Source

SIGNED_FOR = 6 * 3600
"""Seconds that a link is good for: the service fetches soon, but a queue may lie before."""

_ADDRESS = re.compile(r"\w+://\S+|\S*[?&]\S+=\S*")


class _NoLink(Exception):
    """Why there is no link that the service could follow, in words that go on after the object's address."""


def signed_link(source: Source, service: str) -> str:
    """Have the store sign a link to an object, and masked in logs before anybody has it.

    :param source: an object in a store that signs.
    :param service: the origin of the service that is to fetch it.
    :raises TwelveLabsInputError: the store cannot sign with this connection, or the service could not follow the link.
    """
    try:
        return _signed(source, service)
    except _NoLink as error:
        raise TwelveLabsInputError(
            f"{source.uri!r} {error}: use method 'direct' or 'multipart', which read it through this worker."
        ) from None


def why_no_link(source: Source, service: str) -> str | None:
    """Return why the service cannot be given a link to an object, in words; None where one can be signed.

    Whether the service can follow it (a private network, a policy of the bucket) shows only when it does.

    :param service: the origin of the service that is to fetch it.
    """
    try:
        _signed(source, service)
    except _NoLink as error:
        return f"it {error}"
    return None


def _signed(source: Source, service: str) -> str:
    if source.signer is None:
        raise _NoLink("cannot be fetched by a link, its store signs none")
    try:
        # The client logs what it signs, signature included, before anybody could mask it.
        redact_client_logs()
        url = source.signer(SIGNED_FOR)
    except Exception as error:
        # Whatever a client says, it may quote the link or the key.
        why = f"{type(error).__name__}: {_ADDRESS.sub('...', str(error))[:200]}"
        raise _NoLink(f"cannot be signed with this connection ({why}), which takes a key that can sign") from None
    mask_secrets_in(url)
    host = urlsplit(url).hostname if is_url(url) else None
    if not host:
        raise _NoLink("is signed by a link that is no http(s) URL")
    if is_inside(host) and not is_inside(urlsplit(service).hostname or ""):
        raise _NoLink(f"lies on {host!r}, which the service cannot reach from the internet")
    return url
