"""Checks of hosts and URLs: private networks, and URLs that the service returns."""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from urllib.parse import urlsplit

from twelvelabs_provider.api.endpoint import Endpoint
from twelvelabs_provider.api.errors import TwelveLabsAnswerError

_INSIDE = (".local", ".localhost", ".internal", ".lan", ".home", ".corp", ".svc", ".cluster.local", ".arpa")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f\\]")


def is_inside(host: str) -> bool:
    """Return whether a host name or address belongs to this machine or a private network.

    All spellings of an address count: IPv6, IPv4 within IPv6, decimal, octal and hexadecimal numbers. A public name
    that resolves to an inner address is not recognised, since only a resolver knows.
    """
    name = unicodedata.normalize("NFKC", host).lower().rstrip(".").strip("[]")
    address = _address_of(name)
    if address is not None:
        return not address.is_global or address.is_multicast
    return "." not in name or name.endswith(_INSIDE)


def must_be_usable(url: str, endpoint: Endpoint, what: str) -> None:
    """Refuse a URL of a response that leads into a private network or is not encrypted.

    A service that lies inside itself (the embedded engine, a test) may name any http(s) address.

    :param url: may be signed; never part of a message.
    :param what: names the address in errors: ``the address of part 3``.
    :raises TwelveLabsAnswerError: it may not be used; nothing was sent to it.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise TwelveLabsAnswerError(f"{what} cannot be read; nothing was sent to it") from None
    if _UNSAFE.search(url) or parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise TwelveLabsAnswerError(f"{what} is no http(s) address of a host; nothing was sent to it")
    if is_inside(urlsplit(endpoint.origin).hostname or ""):
        return
    if parts.scheme != "https":
        raise TwelveLabsAnswerError(f"{what} is not encrypted (http, host {host!r}); nothing was sent to it")
    if is_inside(host):
        raise TwelveLabsAnswerError(f"{what} leads into a private network (host {host!r}); nothing was sent to it")


def _address_of(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return _old_spelling(name)
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _old_spelling(name: str) -> ipaddress.IPv4Address | None:
    """Return the address of ``2130706433``, ``0x7f.1`` and the like, which resolvers take for IPv4."""
    if not re.fullmatch(r"[0-9a-fx.]+", name) or not name[0].isdigit():
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(name))
    except OSError:
        return None
