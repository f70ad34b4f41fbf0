"""Upload session ids, which allow writes, are in no error and no log."""

from __future__ import annotations

import logging

import pytest

from twelvelabs_provider.storage.log_redaction import hide_upload_sessions, silence_upload_sessions

ADDRESS = "https://storage.example/upload/storage/v1/b/bucket/o?name=a&upload_id=ABPnzm-secret_1&x=2"
HIDDEN = ADDRESS.replace("ABPnzm-secret_1", "***")


def test_exception_and_its_causes_are_redacted() -> None:
    cause = OSError(f"Forbidden: {ADDRESS}\nno", 7)
    error = ValueError("no address")
    error.__cause__, cause.__context__ = cause, KeyError(ADDRESS)
    cause.__context__.__context__ = error  # a circle
    hide_upload_sessions(error)
    assert error.args == ("no address",)
    assert cause.args == (f"Forbidden: {HIDDEN}\nno", 7)
    assert cause.__context__.args == (HIDDEN,)


def test_client_log_lines_are_redacted(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        silence_upload_sessions()
    log = logging.getLogger("gcsfs")
    try:
        raise OSError(f"Forbidden: {ADDRESS}")
    except OSError as error:
        log.exception("%s failed: %s", "_request", error)
    log.warning("100% harmless")
    assert "secret_1" not in caplog.text
    assert "_request failed: Forbidden: https://storage.example/upload/" in caplog.text
    assert "100% harmless" in caplog.text
