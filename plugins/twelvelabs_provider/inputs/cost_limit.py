"""The ``max_billable_minutes`` argument."""

from __future__ import annotations

from twelvelabs_provider.inputs.typed_arguments import optional_number
from twelvelabs_provider.jobs.cost import LIMIT


def limit_from(value: float | str | None) -> float | None:
    """Return the limit in minutes; None if the argument is empty after rendering.

    :raises TwelveLabsInputError: it is not a number of minutes.
    """
    return optional_number(LIMIT, value, least=0, what="a number of minutes, 0 or more")
