"""The ``method`` argument: how files go to the service."""

from __future__ import annotations

from twelvelabs_provider.api.assets import UploadMethod
from twelvelabs_provider.exceptions import TwelveLabsInputError

AUTO = "auto"
"""The way of a file is chosen by its size."""


def wanted_method(value: str | None, *, in_one_request: bool = False) -> UploadMethod | None:
    """Return the way that is asked for; None leaves the choice to the file.

    :param in_one_request: the generation of the service takes a file in one request only.
    :raises TwelveLabsInputError: naming what it may be.
    """
    given = (value or AUTO).strip().lower()
    if given == AUTO:
        return None
    try:
        wanted = UploadMethod(given)
    except ValueError:
        raise TwelveLabsInputError(f"method={value!r} is not one of {', '.join((AUTO, *UploadMethod))}") from None
    if in_one_request and wanted is UploadMethod.MULTIPART:
        raise TwelveLabsInputError("method='multipart' needs v1.3: this generation takes a file in one request")
    return wanted
