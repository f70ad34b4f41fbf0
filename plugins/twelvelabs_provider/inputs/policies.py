"""Policies of operators: for videos, results and jobs that exist already, and for an exhausted quota."""

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


class Reuse(StrEnum):
    """When the job of an earlier attempt counts.

    ``RETRY``: on a retry, not after a user's clear. ``ALWAYS``: after a clear as well. ``NEVER``: not at all.
    """

    ALWAYS = "always"
    RETRY = "retry"
    NEVER = "never"


class OnQuota(StrEnum):
    """Policy of a task for an exhausted quota."""

    WAIT = "wait"
    FAIL = "fail"
