"""Downloads from signed URLs, without the API key and without logging the signature."""

from __future__ import annotations

import zlib
from http import HTTPStatus
from http.client import HTTPException

import requests

from twelvelabs_provider.api.addresses import must_be_usable
from twelvelabs_provider.api.endpoint import Endpoint
from twelvelabs_provider.api.errors import TwelveLabsAnswerError, TwelveLabsConnectionError, TwelveLabsNotFoundError
from twelvelabs_provider.hooks.network import Network
from twelvelabs_provider.hooks.response_body import LONGEST_SHARE, Body
from twelvelabs_provider.hooks.session import HttpSession, NoCredential, whole_body


def fetch_signed(url: str, endpoint: Endpoint, most_bytes: int) -> bytes:
    """Return what a signed address opens.

    :param url: never part of a message.
    :param endpoint: for its timeouts; its key stays here.
    :param most_bytes: what is larger is refused.
    :raises TwelveLabsNotFoundError: the link has expired, or what it opened is gone; a new link may help.
    :raises TwelveLabsConnectionError: it could not be fetched now.
    :raises TwelveLabsAnswerError: it is too large, leads into a private network, or redirects.
    """
    must_be_usable(url, endpoint, "a signed link")
    try:
        with (
            HttpSession(Network(endpoint)) as session,
            session.get(
                url, auth=NoCredential(), timeout=(endpoint.connect_timeout, endpoint.read_timeout), stream=True
            ) as answer,
        ):
            return _content(answer, endpoint, most_bytes)
    except (requests.RequestException, OSError, EOFError, HTTPException, ValueError, zlib.error) as error:
        # The library's own message would quote the address, so it is not carried on as the cause either.
        raise TwelveLabsConnectionError(f"a signed link could not be fetched ({type(error).__name__})") from None


def _content(answer: requests.Response, endpoint: Endpoint, most_bytes: int) -> bytes:
    if 400 <= answer.status_code < 500:
        raise TwelveLabsNotFoundError(
            f"a signed link was refused (HTTP {answer.status_code}): it has expired, or what it opened is gone"
        )
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status_code < HTTPStatus.BAD_REQUEST:
        raise TwelveLabsAnswerError(f"a signed link redirects (HTTP {answer.status_code}), which is not followed")
    if not answer.ok:
        raise TwelveLabsConnectionError(f"a signed link could not be fetched (HTTP {answer.status_code})")
    seconds = LONGEST_SHARE * endpoint.read_timeout
    return whole_body(answer, Body("a signed link", answer.headers, most_bytes=most_bytes, seconds=seconds))
