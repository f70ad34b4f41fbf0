"""The ``max_billable_minutes`` argument."""

from __future__ import annotations

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import optional_number
from twelvelabs_provider.jobs.cost import LIMIT


def limit_from(value: float | str | None) -> float | None:
    """Return the limit in minutes; None if the argument is empty after rendering.

    :raises TwelveLabsInputError: it is not a number of minutes.
    """
    limit = optional_number(LIMIT, value)
    if limit is not None and limit < 0:
        raise TwelveLabsInputError(f"{LIMIT}={value!r} must be a number of minutes, 0 or more")
    return limit
