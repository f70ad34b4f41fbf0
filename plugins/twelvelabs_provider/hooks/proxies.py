"""Proxy selection: environment variables, ``NO_PROXY`` and the proxy of a connection.

The HTTP libraries of worker and triggerer read these variables differently, so both hooks use this module instead.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import quote, unquote, urlsplit

from twelvelabs_provider.api.errors import TwelveLabsConfigurationError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PROXY_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_SOCKS_PACKAGES = {"socks": "PySocks", "socksio": "socksio"}
NO_PROXY_AT_ALL = "none"
"""Value of a connection's ``proxy`` that ignores the environment and connects directly."""


def proxy_for(url: str, own: str | None, conn_id: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy for an address, or None for a direct connection.

    :param own: the proxy of the connection. It is used for every address, and ``NO_PROXY`` does not apply to it.
    :raises TwelveLabsConfigurationError: the proxy is not usable; the message names the variable or the connection.
    """
    if own:
        return None if own.lower() == NO_PROXY_AT_ALL else _checked(own, f"connection {conn_id!r}: extra proxy")
    target = _Target.of(url)
    for variable in (f"{target.scheme}_proxy", "all_proxy"):
        value = _variable(environ, variable)
        if value:
            excluded = any(target.matches(entry) for entry in _entries(_variable(environ, "no_proxy")))
            return None if excluded else _checked(value, f"environment variable {variable.upper()}")
    return None


def shown(proxy: str) -> str:
    """Return a proxy without its user and password."""
    return f"{urlsplit(proxy).scheme}://{proxy.rpartition('://')[2].rpartition('@')[2]}"


def _variable(environ: Mapping[str, str], name: str) -> str:
    """Return a variable's value; the lower-case name has priority, even if empty."""
    return environ.get(name, environ.get(name.upper(), "")).strip()


def _entries(no_proxy: str) -> list[str]:
    return no_proxy.replace(",", " ").lower().split()


@dataclass(frozen=True)
class _Target:
    """Host and port of a URL, for comparison with ``NO_PROXY``."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> _Target:
        parts = urlsplit(url)
        return cls(parts.scheme, _ascii(parts.hostname or ""), parts.port or _DEFAULT_PORTS.get(parts.scheme, 0))

    def matches(self, entry: str) -> bool:
        """Return whether an entry of ``NO_PROXY`` matches this address; an invalid entry never does."""
        scheme, _, rest = entry.rpartition("://")
        name, port = _name_and_port(rest.rstrip("/"))
        if scheme not in ("", "all", self.scheme) or port not in ("", str(self.port)):
            return False
        address = _address(self.host)
        if address is None:
            return _is_below(self.host, _ascii(name))
        network = _network(name)
        return address in network if network else "*" in name and fnmatchcase(self.host, name)


def _name_and_port(entry: str) -> tuple[str, str]:
    """Split an entry: ``[::1]:80``, ``[fd00::]/8``, ``::1``, ``host:80``, ``10.0.0.0/8``."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return (name, rest[1:]) if rest.startswith(":") else (name + rest, "")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _is_below(host: str, name: str) -> bool:
    """Return whether a host is a domain or a subdomain of it."""
    domain = name.removeprefix("*").strip(".") if name != "*" else name
    return bool(domain) and (host == domain or host.endswith(f".{domain}") or fnmatchcase(host, domain))


def _ascii(host: str) -> str:
    try:
        return host.strip(".").encode("idna").decode()
    except UnicodeError:
        return host.strip(".")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        address = None if "/" in text else _address(text)
        return ipaddress.ip_network(address or text, strict=False)
    except ValueError:
        return None


def _checked(text: str, where: str) -> str:
    """Return a proxy in a form that both HTTP libraries understand."""
    hidden = "<hidden>" if "@" in text else text
    wrong = TwelveLabsConfigurationError(
        f"{where} is {hidden!r}: not a proxy. Write http://host:port, or http://user:password@host:port with special"
        " characters percent-encoded."
    )
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port or _PROXY_PORTS.get(parts.scheme)
        host = parts.hostname or ""
    except ValueError:
        raise wrong from None
    odd = set(host) & set(" \\%") or parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in _PROXY_PORTS or not host or not port or not host.isprintable() or odd:
        raise wrong
    scheme = "socks5h" if parts.scheme == "socks5" else parts.scheme
    if scheme == "socks5h":
        _need_socks(where)
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{_credentials(parts.username, parts.password)}{host}:{port}"


def _credentials(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    return ":".join(quote(unquote(text), safe="") for text in (user, password) if text is not None) + "@"


def _need_socks(where: str) -> None:
    missing = [package for module, package in _SOCKS_PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise TwelveLabsConfigurationError(
            f"{where} is a SOCKS proxy, which needs the packages {' and '.join(missing)}: install them on workers and"
            " triggerers, or use an HTTP proxy."
        )
