"""Why a store said no: for good (another input or permission is needed), or in passing (a retry may help)."""

from __future__ import annotations

import errno
from collections.abc import Iterator

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


def is_for_good(error: OSError) -> bool:
    """Whether the local file system would refuse again; a full disk or a lost mount may come right."""
    return error.errno in _FOR_GOOD


def is_denied(error: BaseException) -> bool:
    """Whether permission is lacking; s3fs, gcsfs and adlfs each say it in their own way."""
    return any(
        isinstance(cause, PermissionError) or _status(cause) in (401, 403) or str(cause).startswith("Forbidden")
        for cause in _causes(error)
    )


def is_missing(error: BaseException) -> bool:
    """Whether the object, bucket or container does not exist."""
    return any(
        isinstance(cause, FileNotFoundError | NotADirectoryError) or _status(cause) == 404 for cause in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # adlfs wraps the answer of the service in a RuntimeError.
    while error is not None:
        yield error
        error = error.__cause__


def _status(error: BaseException) -> int | None:
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return status if isinstance(status, int) else None
