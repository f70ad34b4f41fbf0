"""Deadlines for whole responses that arrive too slowly."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from twelvelabs_provider.hooks.response_body import too_slow

_HEAD_SHARE = 2.0
_LONGEST = 3600.0


class Watchdog:
    """Closes a connection whose response takes too long, because a thread that waits for bytes cannot check the time.

    :param seconds: how long one may wait for bytes altogether; asked again when they are over.
    """

    def __init__(self, connection: Any, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self._since: float | None = None
        self._waited = 0.0
        self.ended = False
        self._timer: Timer | None = None

    def allow(self, seconds: float) -> None:
        """Set another limit; raise if it is already over.

        :raises TimeoutError: it is over.
        """
        self._seconds = seconds
        if self._waited > seconds:
            self.ended = True
        if self.ended:
            raise too_slow(self._waited)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of one wait.

        :raises TimeoutError: the time was over.
        """
        self._since = time.monotonic()
        self._arm()
        try:
            yield
        except Exception:
            if self.ended:
                raise too_slow(self._seconds) from None
            raise
        finally:
            self._waited += time.monotonic() - self._since
            self._since = None
        if self.ended:
            raise too_slow(self._seconds)

    def close(self) -> None:
        """Stop watching."""
        if self._timer:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = Timer(max(0.01, self._seconds - self._waited), self._ring)
            self._timer.daemon = True
            self._timer.start()

    def _ring(self) -> None:
        since, self._timer = self._since, None
        if since is None:
            return
        if self._waited + time.monotonic() - since < self._seconds:
            self._arm()
            return
        self.ended = True
        with suppress(OSError, TypeError):
            # The method of plain sockets: that of TLS sockets would take the keys from under the waiting thread.
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)


class _Watched:
    """HTTP connection with a limited wait for the response head, which its body refers to."""

    sock: Any
    timeout: Any

    def getresponse(self) -> Any:
        connection = self.sock
        watchdog = Watchdog(connection, _HEAD_SHARE * self.timeout + 1 if self.timeout else _LONGEST)
        try:
            with watchdog.waiting():
                response = super().getresponse()  # type: ignore[misc]
        finally:
            watchdog.close()
        response.watched_connection = connection
        return response


class _PlainConnection(_Watched, HTTPConnection):
    pass


class _TlsConnection(_Watched, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


WATCHED_POOLS = {"http": _PlainPool, "https": _TlsPool}
