"""The HTTP session under everything that is sent: it follows no redirect and uploads in large pieces."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from twelvelabs_provider.hooks.network import Network

_PIECE = 1 << 20


class _Adapter(HTTPAdapter):
    """Adapter with the connection's TLS context, which sends bodies in pieces of 1 MiB.

    urllib3's own 16 KiB cost an upload twice the CPU.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, blocksize=_PIECE)  # type: ignore[no-untyped-call, unused-ignore]

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.startswith("https://"):
            kwargs["proxy_ssl_context"] = self._network.tls
        return super().proxy_manager_for(proxy, **kwargs, blocksize=_PIECE)  # type: ignore[no-untyped-call, unused-ignore]

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


def arriving_pieces(response: requests.Response) -> Iterator[bytes]:
    """Return the body of a streamed answer piece by piece, each as soon as it is there.

    ``iter_content(None)`` does that for a chunked body only; of any other it waits for the end.
    """
    if response.raw.chunked:
        yield from response.iter_content(chunk_size=None)
        return
    while piece := response.raw.read1(_PIECE, decode_content=True):
        yield piece


@contextmanager
def silent_queries() -> Iterator[None]:
    """Keep the queries of addresses, which may sign them, out of what the HTTP library logs when it debugs."""
    logger, redact = logging.getLogger("urllib3.connectionpool"), _Redact()
    logger.addFilter(redact)
    try:
        yield
    finally:
        logger.removeFilter(redact)


class _Redact(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(re.sub(r"\?.*", "?...", one) if isinstance(one, str) else one for one in record.args)
        return True


class NoCredential(AuthBase):
    """Adds nothing; being an auth object, it keeps a ``.netrc`` out of the way."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request
