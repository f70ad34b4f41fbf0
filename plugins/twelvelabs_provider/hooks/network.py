"""TLS trust and proxies of a connection, the same for both HTTP libraries."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from functools import cached_property, lru_cache

from twelvelabs_provider.api.endpoint import Endpoint
from twelvelabs_provider.api.errors import TwelveLabsConfigurationError
from twelvelabs_provider.hooks.proxies import proxy_for

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that name trusted certificates: a PEM file or a folder of OpenSSL's kind. The first that is set counts."""


@dataclass(frozen=True)
class Network:
    """TLS trust and proxy of the requests of one connection."""

    endpoint: Endpoint

    @property
    def verifies(self) -> bool:
        """Whether server certificates are verified."""
        return self.endpoint.verify is not False

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """TLS context, created at the first use: an address without TLS needs no certificates.

        :raises TwelveLabsConfigurationError: the trusted certificates cannot be read.
        """
        if not self.verifies:
            return _unverified()
        path, where = self._trusted()
        try:
            folders = _folders(path)
            return _verified(folders or path, bool(folders), _stamp(folders or path, bool(folders)))
        except OSError as error:
            reason = (
                "no such file or folder" if isinstance(error, FileNotFoundError) else f"not readable as such: {error}"
            )
            raise TwelveLabsConfigurationError(
                f"{where} is {path!r}, which should hold the trusted CA certificates ({reason}). Name a PEM file, or a"
                " folder made by 'openssl rehash'."
            ) from None

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy for an address, or None for a direct connection.

        :raises TwelveLabsConfigurationError: the proxy is not usable.
        """
        return proxy_for(url, self.endpoint.proxy, self.endpoint.conn_id, os.environ)

    def _trusted(self) -> tuple[str, str]:
        """Return the path of the trusted certificates and the setting that names it."""
        if isinstance(self.endpoint.verify, str):
            return os.path.expanduser(self.endpoint.verify), f"connection {self.endpoint.conn_id!r}: extra verify"
        for name in CA_VARIABLES:
            if path := os.environ.get(name, "").strip():
                return path, f"environment variable {name}"
        import certifi

        return certifi.where(), "the file of the package certifi"


def _folders(path: str) -> str:
    """Return the existing folders of a path in the form of OpenSSL; empty for a file."""
    return os.pathsep.join(part for part in path.split(os.pathsep) if os.path.isdir(part))


def _stamp(path: str, are_folders: bool) -> tuple[int, ...]:
    """Return a value that changes when certificates are renewed."""
    return tuple(os.stat(part).st_mtime_ns for part in (path.split(os.pathsep) if are_folders else [path]))


@lru_cache(maxsize=16)
def _verified(path: str, are_folders: bool, stamp: tuple[int, ...]) -> ssl.SSLContext:
    """Return the shared context for trusted certificates; creating one costs 40 ms of CPU."""
    return ssl.create_default_context(capath=path) if are_folders else ssl.create_default_context(cafile=path)


@lru_cache(maxsize=1)
def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
