"""Formats of the results that one task extracts of many videos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.jobs.bulk_extraction.kinds import formats_by_kind

SEGMENTS = {"type": "segment_definitions", "segment_definitions": []}
SCHEMA = {"type": "json_schema", "json_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("response_format", "analysis"),
    [(None, ["parquet", "txt"]), (SCHEMA, ["json", "parquet"]), (SEGMENTS, ["json", "srt", "parquet"])],
)
def test_each_kind_takes_the_formats_that_it_can_have(
    response_format: Mapping[str, Any] | None, analysis: list[str]
) -> None:
    kinds = ["transcription", "chapters", "gist", "analysis"]
    names = ["JSON", "srt", "parquet", *([] if response_format else ["txt"])]
    found = formats_by_kind(kinds, names, response_format)
    assert found == {
        "transcription": ["json", "srt", "parquet"],
        "chapters": ["json", "srt", "parquet"],
        "gist": ["json", "parquet"],
        "analysis": analysis,
    }


def test_format_that_no_kind_can_have_is_refused() -> None:
    with pytest.raises(TwelveLabsInputError, match="formats has 'srt', which no kind of gist, analysis can have"):
        formats_by_kind(["gist", "analysis"], ["json", "srt"], SCHEMA)
    assert formats_by_kind(["gist"], [], None) == {}
