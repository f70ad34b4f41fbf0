"""Redaction of the logs of HTTP and storage clients: signed URLs, signatures, API keys."""

from __future__ import annotations

import logging
from threading import Lock
from typing import Any

from twelvelabs_provider.api.redaction import redacted

CLIENTS = frozenset(
    {
        "adlfs",
        "aiobotocore",
        "aiohttp",
        "azure",
        "boto3",
        "botocore",
        "fsspec",
        "gcsfs",
        "google",
        "httpcore",
        "httpx",
        "msal",
        "requests",
        "requests_toolbelt",
        "s3fs",
        "s3transfer",
        "urllib3",
    }
)
"""Packages whose loggers, with all loggers below them, are redacted."""

_SIGNERS = (".auth", ".signers", ".crt.auth")
_installing = Lock()


def redact_client_logs() -> None:
    """Redact all further log records of the packages in :data:`CLIENTS` in this process.

    Filters of a logger do not see what the loggers below it write, and handlers change: so records are redacted where
    they are made.
    """
    with _installing:
        make = logging.getLogRecordFactory()
        if not getattr(make, "redacts_clients", False):
            logging.setLogRecordFactory(_Factory(make))


class _Factory:
    """Log record factory that redacts the records of clients."""

    redacts_clients = True

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(name, *args, **kwargs)
        # The logging module makes records without a name too.
        if isinstance(name, str) and name.partition(".")[0] in CLIENTS:
            _redact(record)
        return record


def _redact(record: logging.LogRecord) -> None:
    try:
        said = record.getMessage()
    except Exception:
        # A client's mistake in its own log line; the handler reports it.
        return
    shown = redacted(said)
    if record.name.endswith(_SIGNERS):
        # What follows in further lines is what is signed, and the signature.
        shown = shown.partition("\n")[0]
    if shown != said:
        record.msg, record.args = shown, ()
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and _quotes_a_secret(error):
        record.msg, record.args = f"{shown} ({type(error).__name__})", ()
        record.exc_info = None


def _quotes_a_secret(error: BaseException) -> bool:
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        cause = left.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        if redacted(text := str(cause)) != text:
            return True
        left += [cause.__cause__, cause.__context__]
    return False
