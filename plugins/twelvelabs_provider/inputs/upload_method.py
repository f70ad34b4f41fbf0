"""The ``method`` argument of uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import choice_of

if TYPE_CHECKING:
    from twelvelabs_provider.api.assets import UploadMethod

AUTO = "auto"
"""The upload method depends on the file."""


def wanted_method(value: str | None, *, in_one_request: bool = False) -> UploadMethod | None:
    """Return the requested upload method; None for ``auto``.

    :param in_one_request: this generation of the API takes a file in one request only.
    :raises TwelveLabsInputError: the method is unknown or unsupported.
    """
    from twelvelabs_provider.api.assets import UploadMethod

    given = choice_of("method", value or AUTO, (AUTO, *UploadMethod))
    if given == AUTO:
        return None
    wanted = UploadMethod(given)
    if in_one_request and wanted is UploadMethod.MULTIPART:
        raise TwelveLabsInputError("method='multipart' needs v1.3: this generation takes a file in one request")
    return wanted
