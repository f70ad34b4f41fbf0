"""HTTP session of the synchronous hook: no redirects, large upload chunks, limited responses."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from twelvelabs_provider.hooks.log_redaction import redact_client_logs
from twelvelabs_provider.hooks.network import Network
from twelvelabs_provider.hooks.response_body import PIECE, Body
from twelvelabs_provider.hooks.watchdog import WATCHED_POOLS, Watchdog

_UPLOADED_PIECE = 1 << 20


class _Adapter(HTTPAdapter):
    """Adapter with the connection's TLS context, which sends bodies in pieces of 1 MiB.

    urllib3's own 16 KiB cost an upload twice the CPU.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, blocksize=_UPLOADED_PIECE)  # type: ignore[no-untyped-call, unused-ignore]
        self.poolmanager.pool_classes_by_scheme = WATCHED_POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.startswith("https://"):
            kwargs["proxy_ssl_context"] = self._network.tls
        manager = super().proxy_manager_for(proxy, **kwargs, blocksize=_UPLOADED_PIECE)  # type: ignore[no-untyped-call, unused-ignore]
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = WATCHED_POOLS
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {**tls, "ssl_context": self._network.tls} if host["scheme"] == "https" else tls

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Add no certificates to the ones of the TLS context."""


class HttpSession(requests.Session):
    """Session that follows no redirect: requests would send a header with a key to wherever one leads.

    :param network: TLS trust and proxies, in place of what requests itself reads from the environment.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        redact_client_logs()
        self._network = network
        # Neither variables of the environment nor a .netrc.
        self.trust_env = False
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(network))

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Return the proxies and the TLS trust for an address."""
        proxy = self._network.proxy_for(str(url))
        ours = {"verify": self._network.verifies, "proxies": {"all": proxy} if proxy else {}}
        return {**super().merge_environment_settings(url, proxies, stream, verify, cert), **ours}

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def arriving_pieces(response: requests.Response, body: Body) -> Iterator[bytes]:
    """Return the decoded body of a streamed response piece by piece, each as soon as it is there.

    :param body: keeps its limits.
    :raises TwelveLabsAnswerError: it is too large.
    :raises OSError, HTTPException, ValueError, EOFError, zlib.error: it broke off, or took too long.
    """
    watchdog = Watchdog(getattr(response.raw, "watched_connection", None), body.seconds)
    # The library's own reader would decode, and read chunks, of any size at once.
    source = cast("http.client.HTTPResponse", response.raw._original_response)
    try:
        while not body.full:
            with watchdog.waiting():
                data = source.read1(PIECE)
            if not data:
                _finish(response, source, body)
                return
            yield from body.pieces(data)
            watchdog.allow(body.seconds)
    finally:
        watchdog.close()
        # Of a body that was not read to its end this ends the connection too.
        response.close()


def whole_body(response: requests.Response, body: Body) -> bytes:
    """Return the decoded body of a streamed response; see :func:`arriving_pieces`."""
    content = bytearray()
    for piece in arriving_pieces(response, body):
        content += piece
    return bytes(content)


def _finish(response: requests.Response, source: http.client.HTTPResponse, body: Body) -> None:
    """Give the connection back for the next request.

    :raises OSError, EOFError: the body is not whole.
    """
    if source.length:
        raise ConnectionError(f"{source.length:,} bytes are missing")
    body.ensure_whole()
    source.close()
    response.raw.release_conn()


class NoCredential(AuthBase):
    """Adds nothing; being an auth object, it keeps a ``.netrc`` out of the way."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request
