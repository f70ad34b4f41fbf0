"""The limit of what a task may have billed."""

from __future__ import annotations

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import optional_number
from twelvelabs_provider.jobs.cost import LIMIT


def limit_from(value: float | str | None) -> float | None:
    """Read the argument ``max_billable_minutes``; what rendered to nothing is no limit.

    :raises TwelveLabsInputError: for what is no number of minutes.
    """
    limit = optional_number(LIMIT, value)
    if limit is not None and limit < 0:
        raise TwelveLabsInputError(f"{LIMIT}={value!r} must be a number of minutes, 0 or more")
    return limit
