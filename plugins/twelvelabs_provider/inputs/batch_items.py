"""Items of batches: a list, or a file of JSON lines that is read on demand."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from twelvelabs_provider.api.analysis.batches import BatchItem, BatchOptions
from twelvelabs_provider.api.decoding import decoded_json
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.text_arguments import without_paths
from twelvelabs_provider.inputs.typed_arguments import decoded, number_of
from twelvelabs_provider.jobs.batch_plan import PlannedBatch
from twelvelabs_provider.jobs.identity import fingerprint
from twelvelabs_provider.storage.locations import without_signatures
from twelvelabs_provider.storage.source import Source, resolve_source

LONGEST_LINE = 1024 * 1024
"""Maximum bytes of a line in a file of items."""
_ID = re.compile(r"[0-9a-f]{24}")
_NUMBERS = {
    "temperature": "temperature",
    "start": "start",
    "start_time": "start",
    "end": "end",
    "end_time": "end",
    "min_segment_duration": "min_segment_duration",
    "max_segment_duration": "max_segment_duration",
}
_FIELDS = ("asset_id", "custom_id", "duration", "prompt", "response_format", "max_tokens", *_NUMBERS)


@dataclass(frozen=True)
class GivenItem:
    """One item.

    :param number: counted from 0 over all items.
    :param at: offset in its file (bytes); None for an item of a list.
    :param duration: seconds of its video, None if the caller gave none.
    """

    number: int
    item: BatchItem
    at: int | None = None
    duration: float | None = None

    def __str__(self) -> str:
        name = f" ({self.item.custom_id})" if self.item.custom_id else ""
        return f"items[{self.number}]{name}"


class GivenItems(ABC):
    """Items that can be read again, from any batch on."""

    @abstractmethod
    def read(self, portion: PlannedBatch | None = None) -> Iterator[GivenItem]:
        """Yield the items of a batch, or all of them.

        :raises TwelveLabsInputError: an entry is not an item.
        """

    @property
    @abstractmethod
    def meaning(self) -> str:
        """Digest or version that changes when the items change."""


@dataclass(frozen=True)
class ListedItems(GivenItems):
    """Items of a list."""

    entries: Sequence[Any]

    def read(self, portion: PlannedBatch | None = None) -> Iterator[GivenItem]:
        """Implement the base."""
        first, count = (portion.first, portion.count) if portion else (0, len(self.entries))
        for number in range(first, first + count):
            yield read_item(self.entries[number], number)

    @property
    def meaning(self) -> str:
        """Implement the base."""
        return fingerprint(json.dumps(list(self.entries), sort_keys=True, default=str))


@dataclass(frozen=True)
class FiledItems(GivenItems):
    """Items of a file, one JSON value per line; empty lines are skipped."""

    source: Source

    def read(self, portion: PlannedBatch | None = None) -> Iterator[GivenItem]:
        """Implement the base."""
        everything = self._lines(portion)
        chosen = islice(everything, portion.count) if portion else everything
        with closing(everything):
            for number, at, line in chosen:
                try:
                    entry = decoded_json(line)
                except ValueError as error:
                    raise TwelveLabsInputError(
                        f"items[{number}] of {self.source.uri} is not JSON ({error}): write one item per line"
                    ) from error
                yield replace(read_item(entry, number), at=at)

    @property
    def meaning(self) -> str:
        """Implement the base."""
        return f"{without_signatures(self.source.uri)} {self.source.fingerprint}"

    def _lines(self, portion: PlannedBatch | None) -> Generator[tuple[int, int, bytes], None, None]:
        """Yield number, offset and content of the lines with items, from the first item of a batch on."""
        wanted = portion.first if portion else 0
        number, at = (wanted, portion.at) if portion and portion.at is not None else (0, 0)
        with self.source.open() as stream:
            stream.seek(at)
            while line := stream.readline(LONGEST_LINE + 1):
                if len(line) > LONGEST_LINE:
                    raise TwelveLabsInputError(
                        f"items[{number}] of {self.source.uri} is longer than {LONGEST_LINE:,} bytes"
                    )
                if line.strip():
                    if number >= wanted:
                        yield number, at, line
                    number += 1
                at += len(line)


def items_of(value: Any) -> GivenItems:
    """Return the items of an argument.

    :param value: a list, its JSON text, one asset id, or the path or URI of a file of JSON lines.
    :raises TwelveLabsInputError: it is none of these.
    """
    value = without_paths(value)
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            return ListedItems(list(decoded("items", text, "a JSON list")))
        if _ID.fullmatch(text):
            return ListedItems([text])
        source = resolve_source(text, what="file of items", is_sent=False)
        if source.is_url:
            raise TwelveLabsInputError(f"items={source.uri!r} is a URL: give a list, a path, or an object storage URI")
        return FiledItems(source)
    if isinstance(value, Mapping) or not isinstance(value, Sequence):
        raise TwelveLabsInputError(
            f"items={value!r} must be a list of asset ids or mappings, or the URI of a file of them"
        )
    return ListedItems(value)


def read_item(entry: Any, number: int) -> GivenItem:
    """Return one item: an asset id, or a mapping of ``asset_id`` and the options that differ.

    :param number: counted from 0 over all items.
    :raises TwelveLabsInputError: it is neither.
    """
    if isinstance(entry, str):
        entry = {"asset_id": entry}
    if not isinstance(entry, Mapping):
        raise TwelveLabsInputError(f"items[{number}]={entry!r} must be an asset id, or a mapping with asset_id")
    if extra := sorted(set(entry) - set(_FIELDS)):
        raise TwelveLabsInputError(f"items[{number}] has no field {extra[0]!r}; it may have {', '.join(_FIELDS)}")
    asset_id = entry.get("asset_id")
    if not isinstance(asset_id, str) or not asset_id.strip():
        raise TwelveLabsInputError(f"items[{number}]: asset_id={asset_id!r} must be the id of an asset")
    given = {name: value for name, value in entry.items() if value is not None}
    duration = number_of(f"items[{number}].duration", given["duration"]) if "duration" in given else None
    return GivenItem(
        number, BatchItem(asset_id.strip(), given.get("custom_id"), _options(given, number)), None, duration
    )


def _options(given: Mapping[str, Any], number: int) -> BatchOptions:
    numbers = {
        field: number_of(f"items[{number}].{name}", given[name]) for name, field in _NUMBERS.items() if name in given
    }
    return BatchOptions(
        prompt=given.get("prompt"),
        response_format=given.get("response_format"),
        max_tokens=given.get("max_tokens"),
        **numbers,
    )
