"""The ``filters`` argument: selection of videos in an index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twelvelabs_provider.api.errors import TwelveLabsBadRequestError
from twelvelabs_provider.api.filters import Between, VideoFilter
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import mapping_of, moment_of, number_of, texts_of
from twelvelabs_provider.inputs.user_metadata import plain_metadata_of

_RANGES = ("duration", "fps", "width", "height", "size")
_NAMES = ("filename", "status", *_RANGES, "created_at", "updated_at", "user_metadata")


@dataclass(frozen=True)
class WantedVideos:
    """Selection of videos.

    :param where: the filter of the request.
    :param status: accepted statuses; empty for ready videos.
    """

    where: VideoFilter
    status: tuple[str, ...]

    @classmethod
    def parse(cls, filters: Any) -> WantedVideos:
        """Parse the argument.

        :param filters: a mapping or its JSON text, as :class:`TwelveLabsListVideosOperator` documents it.
        :raises TwelveLabsInputError: a filter is unknown or invalid.
        """
        given = {name: value for name, value in mapping_of("filters", filters).items() if value is not None}
        if unknown := sorted(given.keys() - set(_NAMES)):
            raise TwelveLabsInputError(
                f"filters has no {unknown[0]!r}; it takes {', '.join(_NAMES)}. Put your own fields into user_metadata"
            )
        filename = given.get("filename")
        where = VideoFilter(
            filename=str(filename) if filename is not None else None,
            created_since=_moment(given, "created_at"),
            updated_since=_moment(given, "updated_at"),
            user_metadata=plain_metadata_of("filters['user_metadata']", given.get("user_metadata")),
            **{name: _range(name, given[name]) for name in _RANGES if name in given},
        )
        try:
            where.query()
        except TwelveLabsBadRequestError as error:
            raise TwelveLabsInputError(f"filters: {error}") from error
        return cls(where, texts_of("filters['status']", given.get("status")))


def _moment(given: Mapping[str, Any], name: str) -> Any:
    return moment_of(f"filters[{name!r}]", given[name]) if name in given else None


def _range(name: str, value: Any) -> Between:
    if not isinstance(value, Mapping):
        return Between.exactly(number_of(f"filters[{name!r}]", value))
    if not value or value.keys() - {"gte", "lte"}:
        raise TwelveLabsInputError(f"filters[{name!r}]={value!r} must be a number, or have gte, lte or both")
    ends = {end: number_of(f"filters[{name!r}][{end!r}]", number) for end, number in value.items()}
    return Between(ends.get("gte"), ends.get("lte"))
