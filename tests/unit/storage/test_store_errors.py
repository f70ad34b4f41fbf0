from __future__ import annotations

import errno

import pytest

from twelvelabs_provider.storage.store_errors import is_denied, is_for_good, is_missing


class AnswerError(Exception):
    """The shape of azure-core's errors."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"answered {status_code}")
        self.status_code = status_code


def wrapped(cause: Exception) -> Exception:
    """The shape in which adlfs passes them on."""
    error = RuntimeError("Failed to upload block")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "denied", "missing"),
    [
        (PermissionError("no"), True, False),
        (OSError("Forbidden: https://storage.googleapis.com/upload"), True, False),
        (wrapped(AnswerError(403)), True, False),
        (FileNotFoundError("no"), False, True),
        (wrapped(AnswerError(404)), False, True),
        (wrapped(AnswerError(503)), False, False),
        (ConnectionResetError(errno.ECONNRESET, "reset"), False, False),
    ],
)
def test_store_errors_are_classified(error: Exception, denied: bool, missing: bool) -> None:
    assert (is_denied(error), is_missing(error)) == (denied, missing)


def test_full_disk_is_a_retryable_error() -> None:
    assert is_for_good(PermissionError(errno.EROFS, "read-only"))
    assert not is_for_good(OSError(errno.ENOSPC, "no space"))
