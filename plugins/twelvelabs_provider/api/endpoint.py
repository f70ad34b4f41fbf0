"""Endpoint of a connection: address, API key, generation, timeouts, TLS and proxy."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from twelvelabs_provider.api.errors import TwelveLabsConfigurationError
from twelvelabs_provider.api.retry import RetrySettings
from twelvelabs_provider.api.version import ApiVersion

VENDOR_DOMAIN = "twelvelabs.io"
DEFAULT_HOST = f"https://api.{VENDOR_DOMAIN}"
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
LARGEST_NUMBER = 86_400
"""Seconds of a timeout, and attempts, at most: sockets cannot count much further."""

_OLD_FIELD = "extra__twelvelabs__"
_JSON_NAMES = {list: "list", str: "text", bool: "boolean"}
_AFTER_BRACKET = re.compile(r"\][^:]")
_HOST_NAME = re.compile(r"[\w.-]+|[0-9a-f:.]+")


@dataclass(frozen=True)
class Endpoint:
    """The address and the settings of one account.

    :param origin: scheme, host and port, without a trailing slash.
    :param connect_timeout: seconds to wait for a connection.
    :param read_timeout: seconds to wait for the next bytes of a response.
    :param verify: False trusts every certificate; a path names the trusted ones; None leaves it to the environment.
    :param proxy: address of a proxy for all requests, ``none`` for no proxy; None leaves it to the environment.
    :param conn_id: name of the connection, for messages.
    """

    origin: str
    version: ApiVersion
    api_key: str = field(repr=False)
    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    retry: RetrySettings = field(default_factory=RetrySettings)
    verify: str | Literal[False] | None = None
    proxy: str | None = field(default=None, repr=False)
    conn_id: str = ""

    def url(self, path: str) -> str:
        """Return the full address of a call's path."""
        return f"{self.origin}/{self.version.value}{path}"

    @property
    def is_vendor(self) -> bool:
        """Return whether the host belongs to TwelveLabs."""
        host = (urlsplit(self.origin).hostname or "").rstrip(".").lower()
        return host == VENDOR_DOMAIN or host.endswith(f".{VENDOR_DOMAIN}")

    @property
    def is_plain_and_remote(self) -> bool:
        """Return whether the key would cross a network unencrypted."""
        parts = urlsplit(self.origin)
        return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def endpoint_from(
    conn_id: str,
    *,
    host: str | None,
    port: int | None,
    schema: str | None,
    password: str | None,
    extra: Mapping[str, Any],
) -> Endpoint:
    """Read a connection's fields.

    :param host: a name, or an address with scheme and port; empty for the service itself.
    :param schema: ``http`` or ``https`` where the host carries no scheme.
    :param password: the API key.
    :param extra: ``api_version``, ``connect_timeout``, ``read_timeout`` (seconds), ``max_attempts``,
        ``verify``, ``proxy``.
    :raises TwelveLabsConfigurationError: naming the field that cannot be used.
    """
    key = key_of(password)
    if not key:
        raise TwelveLabsConfigurationError(
            f"connection {conn_id!r} has no API key: put it into the connection's password"
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise TwelveLabsConfigurationError(
            f"the API key of connection {conn_id!r} holds characters that no key has (blanks, line ends or non-ASCII);"
            " copy it again"
        )
    return Endpoint(
        origin=_origin(conn_id, host, port, schema),
        version=_version(conn_id, extra.get("api_version")),
        api_key=key,
        connect_timeout=_positive(conn_id, extra, "connect_timeout", Endpoint.connect_timeout),
        read_timeout=_positive(conn_id, extra, "read_timeout", Endpoint.read_timeout),
        retry=RetrySettings(attempts=_attempts(conn_id, extra)),
        verify=_verify(conn_id, extra.get("verify")),
        proxy=_proxy(conn_id, extra.get("proxy")),
        conn_id=conn_id,
    )


def key_of(password: str | None) -> str:
    """Return the API key in a password, without the blanks, line ends and quotation marks around it.

    Secrets of Kubernetes end with a line end, and ``.env`` files leave quotation marks.
    """
    key = (password or "").strip().strip("\ufeff").strip()
    if len(key) > 1 and key[0] == key[-1] and key[0] in "\"'":
        key = key[1:-1].strip()
    return key


def extra_from(conn_id: str, text: str | None) -> dict[str, Any]:
    """Read a connection's extra; fields of Airflow's old forms (``extra__twelvelabs__api_version``) count too.

    :raises TwelveLabsConfigurationError: the extra is no JSON object; it quotes nothing of it.
    """
    if not (text or "").strip():
        return {}
    try:
        extra = json.loads(str(text))
    except ValueError:
        raise _no_object(conn_id, "not JSON") from None
    if extra is None:
        return {}
    if not isinstance(extra, dict):
        raise _no_object(conn_id, f"a JSON {_JSON_NAMES.get(type(extra), 'number')}")
    old = {name.removeprefix(_OLD_FIELD): value for name, value in extra.items() if name.startswith(_OLD_FIELD)}
    return {**old, **{name: value for name, value in extra.items() if not name.startswith(_OLD_FIELD)}}


def _no_object(conn_id: str, what: str) -> TwelveLabsConfigurationError:
    return TwelveLabsConfigurationError(
        f'connection {conn_id!r}: extra is {what}; it must be a JSON object such as {{"api_version": "v1.3"}}'
    )


def _origin(conn_id: str, host: str | None, port: int | None, schema: str | None) -> str:
    text = (host or "").strip() or DEFAULT_HOST
    if "://" not in text:
        scheme = (schema or "").strip().lower().rstrip(":/")
        text = f"{scheme if scheme in ('http', 'https') else 'https'}://{text}"
    text = _with_brackets(text)
    # The text after one of these may be a secret.
    shown = "<hidden>" if any(sign in text for sign in "@?#") else host
    try:
        parts = urlsplit(text)
        number = _port(conn_id, port) if parts.port is None else parts.port
    except ValueError:
        raise _wrong(conn_id, "host", shown, "a host name or http(s)://host:port") from None
    usable = text.isprintable() and parts.scheme in ("http", "https") and not _AFTER_BRACKET.search(parts.netloc)
    if not usable or not _HOST_NAME.fullmatch(parts.hostname or ""):
        raise _wrong(conn_id, "host", shown, "a host name or http(s)://host:port")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise _wrong(conn_id, "host", shown, "an address without user, password or query; the key is the password")
    if parts.path.strip("/") not in {"", *(version.value for version in ApiVersion)}:
        raise _wrong(conn_id, "host", host, "an address without a path; the version is the extra api_version")
    if number is not None and not 0 < number < 65536:
        raise _wrong(conn_id, "port", number, "a number from 1 to 65535")
    name = parts.hostname or ""
    name = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{name}:{number}" if number else f"{parts.scheme}://{name}"


def _with_brackets(text: str) -> str:
    """Return an address whose IPv6 host stands in brackets."""
    scheme, _, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    try:
        ipaddress.IPv6Address(authority)
    except ValueError:
        return text
    return f"{scheme}://[{authority}]{slash}{path}"


def _port(conn_id: str, port: Any) -> int | None:
    if port in (None, ""):
        return None
    try:
        return int(str(port))
    except ValueError:
        raise _wrong(conn_id, "port", port, "a number from 1 to 65535") from None


def _version(conn_id: str, value: Any) -> ApiVersion:
    if value in (None, ""):
        return ApiVersion.V1_3
    try:
        return ApiVersion(str(value))
    except ValueError:
        known = ", ".join(version.value for version in ApiVersion)
        raise _wrong(conn_id, "extra api_version", value, f"one of {known}") from None


def _positive(conn_id: str, extra: Mapping[str, Any], name: str, default: float) -> float:
    value = extra.get(name)
    if value in (None, ""):
        return default
    try:
        number = float(str(value))
    except ValueError:
        number = 0.0
    if not 0 < number <= LARGEST_NUMBER:
        raise _wrong(conn_id, f"extra {name}", value, f"a number above 0, {LARGEST_NUMBER:,} at most")
    return number


def _attempts(conn_id: str, extra: Mapping[str, Any]) -> int:
    number = _positive(conn_id, extra, "max_attempts", RetrySettings.attempts)
    if number != int(number):
        raise _wrong(conn_id, "extra max_attempts", extra["max_attempts"], "a whole number above 0")
    return int(number)


def _verify(conn_id: str, value: Any) -> str | Literal[False] | None:
    word = "" if value is None else str(value).strip().lower()
    if not word or word in _YES:
        return None
    if word in _NO:
        return False
    if not isinstance(value, str) or not value.isprintable():
        raise _wrong(conn_id, "extra verify", value, "true, false, or the path of a file or folder of CA certificates")
    return value.strip()


def _proxy(conn_id: str, value: Any) -> str | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise _wrong(conn_id, "extra proxy", value, "an address such as http://proxy:3128, or 'none'")
    return value.strip() or None


def _wrong(conn_id: str, what: str, value: Any, wanted: str) -> TwelveLabsConfigurationError:
    return TwelveLabsConfigurationError(f"connection {conn_id!r}: {what} is {value!r}; it must be {wanted}")


def _is_loopback(hostname: str) -> bool:
    if hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return False
