"""Synchronous hook, for workers."""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cached_property
from http.client import HTTPException
from ssl import SSLCertVerificationError
from threading import Lock
from typing import Any, TypeVar

import requests
from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret
from requests.auth import AuthBase
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError, ProxyError, SSLError

from twelvelabs_provider.api.call import Call, FormBody, JsonBody, StreamedCall, ensure_supported
from twelvelabs_provider.api.endpoint import Endpoint
from twelvelabs_provider.api.errors import TwelveLabsAuthError, TwelveLabsError, TwelveLabsPermissionError
from twelvelabs_provider.api.generations import Dialect, dialect_for
from twelvelabs_provider.api.models import Page
from twelvelabs_provider.api.paging import Pages
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.api.response_reading import parsed, read_answer, refusal
from twelvelabs_provider.api.streams import records
from twelvelabs_provider.hooks.connection import endpoint_of, secrets_of
from twelvelabs_provider.hooks.connection_type import CONN_TYPE, DEFAULT_CONN_ID
from twelvelabs_provider.hooks.model_verbs import ModelVerbs
from twelvelabs_provider.hooks.network import Network
from twelvelabs_provider.hooks.pacing import Turn, pace_of
from twelvelabs_provider.hooks.response_body import Body, body_of
from twelvelabs_provider.hooks.sending import (
    broken_off,
    call_headers,
    never_sent,
    no_answer,
    pause_before_retry,
)
from twelvelabs_provider.hooks.session import HttpSession, arriving_pieces, whole_body
from twelvelabs_provider.hooks.upload import OpenForm, open_form
from twelvelabs_provider.hooks.video_verbs import VideoVerbs
from twelvelabs_provider.hooks.xcom import allow_answers

allow_answers()

if not __package__:
    # Executed alone by Airflow's plugin loader (no .airflowignore): `twelvelabs` is another package's name.
    __name__ = "twelvelabs_executed_alone.twelvelabs"
    sys.modules[__name__] = sys.modules.pop("twelvelabs")

T = TypeVar("T")
_BROKEN_OFF = (requests.RequestException, HTTPError, HTTPException, OSError, EOFError, ValueError, zlib.error)
"""What a response raises while it is read, whichever layer notices first."""

_NOT_SENT = (NewConnectionError, ConnectTimeoutError, ProxyError)


class TwelveLabsHook(VideoVerbs, ModelVerbs, BaseHook):
    """Hook for the TwelveLabs API.

    A call is a value that the hook sends: ``hook.execute(hook.api.read_index("..."))``. ``hook.api`` holds the calls
    that differ between the generations; the modules of :mod:`twelvelabs_provider.api` hold those of v1.3 only
    (``hook.execute(entities.create_entity(...))``). ``execute`` sends a call, retries it if a repeat is safe, and
    returns the typed response; ``stream`` returns the records of a streamed response; ``items`` reads all pages.

    For ``@task`` functions there are verbs, such as ``hook.upload("talk.mp4")``: see :class:`VideoVerbs` and
    :class:`ModelVerbs`.

    :param twelvelabs_conn_id: connection of type ``twelvelabs``; the API key is its password.
    """

    conn_name_attr = "twelvelabs_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = CONN_TYPE
    hook_name = "TwelveLabs"

    def __init__(self, twelvelabs_conn_id: str = DEFAULT_CONN_ID) -> None:
        super().__init__()
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self._rereading = Lock()

    @cached_property
    def endpoint(self) -> Endpoint:
        """The address of the service, read from the connection at the first use."""
        endpoint = self._read_endpoint()
        if endpoint.is_plain_and_remote:
            self.log.warning("No TLS to %s: the API key crosses the network unencrypted", endpoint.origin)
        return endpoint

    @cached_property
    def network(self) -> Network:
        """TLS trust and proxies."""
        return Network(self.endpoint)

    def reread(self) -> bool:
        """Read the connection again and return whether its key, host or options have changed.

        An unreadable connection keeps its values.
        """
        try:
            endpoint = self._read_endpoint()
        except Exception as error:
            # The message of a secrets backend may quote what it read.
            self.log.warning("Connection %r cannot be read again (%s)", self.twelvelabs_conn_id, type(error).__name__)
            return False
        with self._rereading:
            if endpoint == self.endpoint:
                return False
            self.log.info("Connection %r has changed; continuing with its new values", self.twelvelabs_conn_id)
            self.__dict__["endpoint"] = endpoint
            for made in ("network", "session"):
                self.__dict__.pop(made, None)
        return True

    def _read_endpoint(self) -> Endpoint:
        connection = self.get_connection(self.twelvelabs_conn_id)
        endpoint = endpoint_of(connection)
        # Reading it lets Airflow mask the values of its sensitive names.
        _ = connection.extra_dejson
        if secrets := secrets_of(connection):
            mask_secret([*secrets])
        return endpoint

    @property
    def api(self) -> Dialect:
        """The calls of the connection's generation."""
        return dialect_for(self.endpoint.version)

    @cached_property
    def session(self) -> requests.Session:
        """One pool of connections for the life of the hook."""
        session = HttpSession(self.network)
        session.auth = _ApiKey(self.endpoint)
        return session

    def get_conn(self) -> requests.Session:
        """Return the HTTP session that sends the key to the configured host."""
        return self.session

    def execute(self, call: Call[T], *, until: float | None = None) -> T:
        """Send a call and return its response. A used-up rate limit delays it.

        :param until: epoch seconds; the rate limit delays it no longer than this.
        :raises TwelveLabsError: the class says what to do; a transient error is raised after ``max_attempts``.
        :raises TwelveLabsUnsupportedError: the connection's generation has no such call; nothing was sent.
        """
        return self._persistently(call, lambda turn: self._attempt(call, turn), until)

    def stream(self, call: StreamedCall[T]) -> Iterator[T]:
        """Send a call and return the records of its response as they arrive; it is retried until the first byte.

        :raises TwelveLabsAmbiguousError: the response ended early; the records that arrived were returned, and the call
            is not repeated.
        :raises TwelveLabsError: as for :meth:`execute`.
        """
        with self._persistently(call, lambda turn: self._opened(call, turn)) as response:
            body = self._body_of(call, response)
            for record in records(self._arriving(call, response, body), call.framing):
                yield parsed(call, record)

    def _arriving(self, call: Call[Any], response: requests.Response, body: Body) -> Iterator[bytes]:
        try:
            yield from arriving_pieces(response, body)
        except _BROKEN_OFF as error:
            raise no_answer(call, self.endpoint, error) from None

    def _body_of(self, call: Call[Any], response: requests.Response) -> Body:
        return body_of(call, self.endpoint, response.status_code, response.headers)

    def items(self, page: Callable[[Paging], Call[Page[T]]]) -> Iterator[T]:
        """Return the entries of all pages of a list, each once; a page is requested when its first entry is needed.

        :param page: builds the call for one page: ``lambda paging: hook.api.list_videos(index_id, paging=paging)``.
        :raises TwelveLabsAnswerError: the list has more pages than any account.
        """
        pages = Pages()
        while pages.more:
            call = page(Paging(page=pages.number))
            yield from pages.new_in(self.execute(call))
            pages.ensure_complete(call.name)

    def test_connection(self) -> tuple[bool, str]:
        """List one index: return whether the host responds and accepts the key."""
        try:
            call = self.api.list_indexes(Paging(limit=1))
            with pace_of(call, self.endpoint).turn() as turn:
                self._attempt(call, turn)
        except TwelveLabsError as error:
            return False, str(error)
        return True, f"{self.endpoint.origin} responds as API {self.endpoint.version.value} and accepts the key"

    def _persistently(self, call: Call[Any], attempt: Callable[[Turn], T], until: float | None = None) -> T:
        ensure_supported(call, self.endpoint.version)
        number, reread = 1, False
        while True:
            endpoint = self.endpoint
            pace = pace_of(call, endpoint)
            for pause in pace.pauses(call.name, until):
                time.sleep(pause)
            try:
                with pace.turn() as turn:
                    return attempt(turn)
            except (TwelveLabsAuthError, TwelveLabsPermissionError):
                # The service refused before any work, so even a billed request can be repeated with a rotated key.
                if reread or not self._has_other_key(endpoint):
                    raise
                reread = True
                continue
            except TwelveLabsError as error:
                time.sleep(pause_before_retry(call, self.endpoint, error, number))
            number += 1

    def _has_other_key(self, refused: Endpoint) -> bool:
        """Return whether the connection has changed since a request was refused; another thread may have read it.

        A call is built for one generation of the API, so a change of the generation does not count.
        """
        changed = self.reread() or self.endpoint != refused
        return changed and self.endpoint.version is refused.version

    def _opened(self, call: StreamedCall[Any], turn: Turn) -> requests.Response:
        """Return the response with its body unread."""
        try:
            response = self._send(call, None)
        except requests.RequestException as error:
            raise _unanswered(call, self.network, error) from None
        turn.learn(response.status_code, response.headers)
        if 200 <= response.status_code < 300:
            return response
        content = self._content(call, response)
        raise refusal(call, response.status_code, response.headers, content, time.time())

    def _attempt(self, call: Call[T], turn: Turn) -> T:
        with ExitStack() as stack:
            form = open_form(call.body, stack) if isinstance(call.body, FormBody) else None
            try:
                answer = self._send(call, form)
            except requests.RequestException as error:
                if form and form.bytes_left:
                    raise broken_off(call, self.endpoint, error, form.bytes_left) from None
                raise _unanswered(call, self.network, error) from None
            turn.learn(answer.status_code, answer.headers)
            content = self._content(call, answer)
            return read_answer(call, answer.status_code, answer.headers, content, time.time())

    def _content(self, call: Call[Any], response: requests.Response) -> bytes:
        """Read a response to its end; of an error, only the start."""
        try:
            return whole_body(response, self._body_of(call, response))
        except _BROKEN_OFF as error:
            raise no_answer(call, self.endpoint, error) from None

    def _send(self, call: Call[Any], form: OpenForm | None) -> requests.Response:
        headers = call_headers(call)
        body: dict[str, Any] = {}
        if isinstance(call.body, JsonBody):
            body["json"] = dict(call.body.content)
        elif form:
            headers["content-type"] = form.encoder.content_type
            body["data"] = form.encoder
        return self.session.request(
            call.method.value,
            self.endpoint.url(call.path),
            params=list(call.query),
            headers=headers,
            timeout=(self.endpoint.connect_timeout, max(self.endpoint.read_timeout, call.patience)),
            allow_redirects=False,
            stream=True,
            **body,
        )


class _ApiKey(AuthBase):
    """Authentication that adds the key to requests to the configured host, and disables ``.netrc``."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._api_key = endpoint.api_key
        self._home = requests.Request("GET", endpoint.origin).prepare().url or endpoint.origin

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if (request.url or "").startswith(self._home):
            request.headers["x-api-key"] = self._api_key
        return request


def _unanswered(call: Call[Any], network: Network, error: requests.RequestException) -> TwelveLabsError:
    inner = error.args[0] if error.args else None
    reason = inner.reason if isinstance(inner, MaxRetryError) else inner
    unsent = isinstance(error, requests.ConnectTimeout) or isinstance(reason, _NOT_SENT)
    # Any other TLS error may have occurred after the request was sent.
    distrust = isinstance(reason, SSLError) and isinstance(reason.args[0], SSLCertVerificationError)
    sent = not (unsent or distrust)
    return no_answer(call, network.endpoint, error) if sent else never_sent(call, network, error)
