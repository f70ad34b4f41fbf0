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

_PIECE = 1 << 20


class _UploadAdapter(HTTPAdapter):
    """Sends bodies in pieces of 1 MiB: urllib3's own 16 KiB cost an upload twice the CPU."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, blocksize=_PIECE)  # type: ignore[no-untyped-call, unused-ignore]


class HttpSession(requests.Session):
    """Follows no redirect, whoever uses it: requests would carry a header with a key along to wherever one leads."""

    def __init__(self) -> None:
        super().__init__()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _UploadAdapter())

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
