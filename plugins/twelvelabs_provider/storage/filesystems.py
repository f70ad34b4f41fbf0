"""Airflow's fsspec filesystems for object storage locations."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.storage.locations import ACCEPTED_LOCATIONS, PACKAGE, Location
from twelvelabs_provider.version_compat import AirflowException

OBJECT_STORES = {
    "s3": "s3", "s3a": "s3", "s3n": "s3", "gs": "gcs", "gcs": "gcs",
    "abfs": "azure", "abfss": "azure", "adl": "azure", "az": "azure",
}  # fmt: skip
"""Scheme of each store of whole objects in buckets, and the extra that installs its package."""


def filesystem_of(location: Location, what: str) -> tuple[Any, str]:
    """Return the filesystem of an object storage location, and the path inside it (bucket first).

    :param what: the word for the location in errors.
    :raises TwelveLabsInputError: unknown scheme, missing package or connection, or no bucket.
    """
    from airflow.sdk import ObjectStoragePath
    from airflow.sdk.exceptions import AirflowRuntimeError

    scheme, user, shown = location.scheme, location.user, location.shown
    if not shown.partition("://")[2].strip("/"):
        raise TwelveLabsInputError(f"The {what} {shown!r} names no bucket and no path; write {scheme}://bucket/key.")
    if ":" in user:
        raise TwelveLabsInputError(
            f"The {what} {shown!r} holds a password: name an Airflow connection instead, {scheme}://conn_id@bucket/key."
        )
    in_bucket = scheme in OBJECT_STORES
    try:
        # Only the bucket is parsed as a URL: some characters of object keys have a meaning in URLs.
        parsed = f"{scheme}://{user and user + '@'}{location.bucket}" if in_bucket else location.value
        root = ObjectStoragePath(parsed)
        filesystem, path = root.fs, str(root.path)
        if user and getattr(filesystem, "anon", False):
            _ensure_connection(user)
    except (ValueError, ImportError) as error:
        raise TwelveLabsInputError(_no_filesystem(what, shown, scheme, error)) from error
    except (AirflowException, AirflowRuntimeError) as error:
        raise TwelveLabsInputError(_no_connection(what, shown, user, error)) from error
    return filesystem, f"{location.bucket}{location.path}" if in_bucket else path


@lru_cache(maxsize=64)
def _ensure_connection(conn_id: str) -> None:
    """Raise if the connection does not exist: the amazon provider falls back to anonymous access."""
    from airflow.sdk import Connection

    Connection.get(conn_id)


def _no_connection(what: str, shown: str, user: str, error: Exception) -> str:
    named = f"the connection {user!r}" if user else "the default connection"
    return f"The {what} cannot be opened with {named}: {error} ({shown})"


def _no_filesystem(what: str, shown: str, scheme: str, error: Exception) -> str:
    if not isinstance(error, ImportError) and "filesystem" not in str(error):
        return f"The {what} cannot be used: {error} ({shown})."
    if extra := OBJECT_STORES.get(scheme):
        return (
            f"The {what} needs a package that is not installed: {shown!r}. "
            f"Run pip install '{PACKAGE}[{extra}]' wherever tasks run. ({error})"
        )
    return (
        f"The {what} has a scheme that Airflow has no filesystem for: {scheme!r} ({shown}). Use {ACCEPTED_LOCATIONS}."
    )
