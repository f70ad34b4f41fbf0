"""Policies for work that was done before: what an operator does with a video or a result that exists already."""

from __future__ import annotations

from enum import StrEnum

from twelvelabs_provider.exceptions import TwelveLabsInputError


class IfIndexed(StrEnum):
    """Policy for content that is already in the index."""

    REUSE = "reuse"
    REINDEX = "reindex"
    FAIL = "fail"

    @classmethod
    def parse(cls, value: str) -> IfIndexed:
        """Return the argument ``if_indexed``, which is templated.

        :raises TwelveLabsInputError: with the allowed values.
        """
        try:
            return cls(value)
        except ValueError:
            raise TwelveLabsInputError(f"if_indexed={value!r} is not one of {', '.join(cls)}") from None


class IfPublished(StrEnum):
    """Policy for a published result of the same question."""

    SKIP = "skip"
    REPLACE = "replace"

    @classmethod
    def parse(cls, value: str) -> str:
        """Return the argument ``if_published``, which is read with the DAG file.

        :raises ValueError: the value is unknown.
        """
        if value not in set(cls):
            raise ValueError(f"if_published={value!r} is not one of {', '.join(cls)}")
        return cls(value).value
