"""Classification of store errors: permanent (another input or permission is needed) or temporary."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsOutputError
from twelvelabs_provider.storage.log_redaction import hide_upload_sessions

_FOR_GOOD = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EINVAL,
}


_DEFECTS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@contextmanager
def unexpected_errors_refuse(what: str, shown: str) -> Iterator[None]:
    """Turn an unexpected error about one input into a refusal of that input.

    The input or the library that reads it causes such an error, so a retry fails again. Errors of a store, a disk or
    the service pass through.

    :param what: the word for the input in errors ("video").
    :param shown: its address without credentials.
    :raises TwelveLabsInputError: names the input and the error.
    """
    try:
        yield
    except OSError:
        raise
    except _DEFECTS as error:
        raise TwelveLabsInputError(
            f"The {what} {shown!r} cannot be read ({type(error).__name__}: {error}). Check whether it is damaged."
        ) from error


@contextmanager
def writing(uri: str) -> Iterator[None]:
    """Turn every error of a store (each client has its own) into a ``TwelveLabsOutputError``."""

    def message(error: Exception) -> str:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        return (
            f"Cannot write {uri!r}: {reason}. Check that the place exists, has space and is writable; "
            "a retry writes the same names again."
        )

    with _as_output_errors(message):
        yield


@contextmanager
def reading_result(uri: str) -> Iterator[None]:
    """Turn every error of a store or a published file into a ``TwelveLabsOutputError``."""
    with _as_output_errors(lambda error: f"Cannot read {uri!r}: {type(error).__name__}: {error}."):
        yield


@contextmanager
def _as_output_errors(message: Callable[[Exception], str]) -> Iterator[None]:
    try:
        yield
    except (TwelveLabsInputError, TwelveLabsOutputError):
        raise
    except Exception as error:
        hide_upload_sessions(error)
        raise TwelveLabsOutputError(message(error)) from error


def is_for_good(error: OSError) -> bool:
    """Return whether an error of the local file system is permanent; a full disk or a lost mount is not."""
    return error.errno in _FOR_GOOD


def is_denied(error: BaseException) -> bool:
    """Return whether permission is missing; s3fs, gcsfs and adlfs report it differently."""
    return any(
        isinstance(cause, PermissionError) or _status(cause) in (401, 403) or str(cause).startswith("Forbidden")
        for cause in _causes(error)
    )


def is_missing(error: BaseException) -> bool:
    """Return whether the object, bucket or container does not exist."""
    return any(
        isinstance(cause, FileNotFoundError | NotADirectoryError) or _status(cause) == 404 for cause in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # adlfs wraps the response of the service in a RuntimeError.
    while error is not None:
        yield error
        error = error.__cause__


def _status(error: BaseException) -> int | None:
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return status if isinstance(status, int) else None
