"""Policies for work that was done before: what an operator does with a video or a result that exists already."""

from __future__ import annotations

from enum import StrEnum


class IfIndexed(StrEnum):
    """Policy for content that is already in the index."""

    REUSE = "reuse"
    REINDEX = "reindex"
    FAIL = "fail"


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
