"""Redaction of upload session ids, which grant write access, in errors and logs of storage clients."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

_CLIENT_LOG = "gcsfs"
_SESSION = re.compile(r"([?&]upload_id=)[^&\s'\"]+")


def hide_upload_sessions(error: BaseException) -> None:
    """Remove the ids of upload sessions from the messages of an error and its causes."""
    for cause in _all_causes(error):
        if any(isinstance(arg, str) and _SESSION.search(arg) for arg in cause.args):
            cause.args = tuple(_hidden(arg) if isinstance(arg, str) else arg for arg in cause.args)


def silence_upload_sessions() -> None:
    """Remove the ids of upload sessions from the client's log records."""
    logging.getLogger(_CLIENT_LOG).addFilter(_without_sessions)


def _without_sessions(record: logging.LogRecord) -> bool:
    if _SESSION.search(said := record.getMessage()):
        record.msg, record.args = _hidden(said), ()
    if record.exc_info and record.exc_info[1]:
        hide_upload_sessions(record.exc_info[1])
    return True


def _all_causes(error: BaseException) -> Iterator[BaseException]:
    seen, left = set[int](), [error]
    while left:
        cause = left.pop()
        if id(cause) not in seen:
            seen.add(id(cause))
            left += [other for other in (cause.__cause__, cause.__context__) if other]
            yield cause


def _hidden(text: str) -> str:
    return _SESSION.sub(r"\1***", text)
