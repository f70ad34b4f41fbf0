"""Asynchronous hook, for the triggerer."""

from __future__ import annotations

import asyncio
import time
import zlib
from asyncio import get_running_loop, timeout
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from airflow.sdk import BaseHook

from twelvelabs_provider.api.call import Call, FormBody, JsonBody, ensure_supported
from twelvelabs_provider.api.endpoint import Endpoint
from twelvelabs_provider.api.errors import TwelveLabsConfigurationError, TwelveLabsError
from twelvelabs_provider.api.generations import Dialect, dialect_for
from twelvelabs_provider.api.response_reading import read_answer
from twelvelabs_provider.hooks.connection import endpoint_of, secrets_of
from twelvelabs_provider.hooks.connection_type import DEFAULT_CONN_ID
from twelvelabs_provider.hooks.log_redaction import redact_client_logs
from twelvelabs_provider.hooks.network import Network
from twelvelabs_provider.hooks.pacing import Turn, pace_of
from twelvelabs_provider.hooks.response_body import allowed_seconds, body_of, too_slow
from twelvelabs_provider.hooks.sending import (
    call_headers,
    never_sent,
    no_answer,
    pause_before_retry,
)
from twelvelabs_provider.version_compat.connections import async_mask_secret, get_async_connection, get_async_extra

T = TypeVar("T")


class TwelveLabsAsyncHook(BaseHook):
    """Hook for the TwelveLabs API without blocking the event loop: ``async with TwelveLabsAsyncHook(id) as hook``.

    :param twelvelabs_conn_id: connection of type ``twelvelabs``; read once, when the hook is entered.
    """

    def __init__(self, twelvelabs_conn_id: str = DEFAULT_CONN_ID) -> None:
        super().__init__()
        self.twelvelabs_conn_id = twelvelabs_conn_id

    async def __aenter__(self) -> Self:
        """Read the connection and open the pool."""
        self.endpoint: Endpoint = await self._read_endpoint()
        self._network = Network(self.endpoint)
        redact_client_logs()
        # Certificates are read from files.
        self._client = await asyncio.to_thread(_client, self._network)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        await self._client.aclose()

    async def _read_endpoint(self) -> Endpoint:
        """Read the connection.

        :raises TwelveLabsConfigurationError: it cannot be read, or not be used.
        """
        try:
            connection = await get_async_connection(self.twelvelabs_conn_id)
            # Reading it lets Airflow mask the values of its sensitive names.
            await get_async_extra(connection)
        except Exception as error:
            # The message of a secrets backend may quote what it read.
            raise TwelveLabsConfigurationError(
                f"Connection {self.twelvelabs_conn_id!r} cannot be read ({type(error).__name__});"
                " check that it exists and that the secrets backend answers"
            ) from error
        endpoint = endpoint_of(connection)
        if secrets := secrets_of(connection):
            await async_mask_secret(secrets)
        return endpoint

    @property
    def api(self) -> Dialect:
        """The calls of the connection's generation."""
        return dialect_for(self.endpoint.version)

    async def execute(self, call: Call[T], *, until: float | None = None) -> T:
        """Send a call and return its response. A used-up rate limit delays it.

        :param until: epoch seconds beyond which it does not wait for a turn.
        :raises TwelveLabsError: typed by what to do; transient ones only after the connection's ``max_attempts``.
        """
        ensure_supported(call, self.endpoint.version)
        pace = pace_of(call, self.endpoint)
        attempt = 1
        while True:
            for pause in pace.pauses(call.name, until):
                await asyncio.sleep(pause)
            try:
                with pace.turn() as turn:
                    return await self._attempt(call, turn)
            except TwelveLabsError as error:
                await asyncio.sleep(pause_before_retry(call, self.endpoint, error, attempt))
            attempt += 1

    async def _attempt(self, call: Call[T], turn: Turn) -> T:
        try:
            answer, content = await self._exchange(call)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise never_sent(call, self._network, error) from None
        except (httpx.HTTPError, httpx.StreamError, OSError, EOFError, zlib.error) as error:
            # httpx lets TLS errors of an open connection through as they are.
            raise no_answer(call, self.endpoint, error) from None
        turn.learn(answer.status_code, answer.headers)
        return read_answer(call, answer.status_code, answer.headers, content, time.time())

    async def _exchange(self, call: Call[Any]) -> tuple[httpx.Response, bytes]:
        """Send a call and read the response to its end; of an error, only the start."""
        base = allowed_seconds(call, self.endpoint)
        request, content = self._request(call), bytearray()
        begin = get_running_loop().time()
        try:
            async with timeout(self.endpoint.connect_timeout + base) as deadline:
                answer = await self._client.send(request, stream=True)
                try:
                    body = body_of(call, self.endpoint, answer.status_code, answer.headers)
                    async for data in answer.aiter_raw():
                        for piece in body.pieces(data):
                            content += piece
                        if body.full:
                            break
                        deadline.reschedule(begin + self.endpoint.connect_timeout + body.seconds)
                    body.ensure_whole()
                finally:
                    await answer.aclose()
        except TimeoutError:
            raise too_slow(get_running_loop().time() - begin) from None
        return answer, bytes(content)

    def _request(self, call: Call[Any]) -> httpx.Request:
        if isinstance(call.body, FormBody):
            raise TypeError(
                f"{call.name} uploads a form: that is work for a worker (TwelveLabsHook), not the triggerer"
            )
        return self._client.build_request(
            call.method.value,
            self.endpoint.url(call.path),
            params=list(call.query),
            json=dict(call.body.content) if isinstance(call.body, JsonBody) else None,
            headers={**call_headers(call), "x-api-key": self.endpoint.api_key},
            timeout=httpx.Timeout(
                max(self.endpoint.read_timeout, call.patience), connect=self.endpoint.connect_timeout
            ),
        )


def _client(network: Network) -> httpx.AsyncClient:
    """Return a client that ignores the environment."""
    endpoint = network.endpoint
    address = network.proxy_for(endpoint.origin)
    proxy_tls = address is not None and address.startswith("https")
    tls = network.tls if proxy_tls or endpoint.origin.startswith("https") else None
    return httpx.AsyncClient(
        verify=tls or False,
        proxy=httpx.Proxy(address, ssl_context=tls if proxy_tls else None) if address else None,
        trust_env=False,
        timeout=httpx.Timeout(endpoint.read_timeout, connect=endpoint.connect_timeout),
        follow_redirects=False,
    )
