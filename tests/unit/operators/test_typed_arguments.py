"""Arguments as templates leave them: values, JSON texts, single texts, and nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pendulum
import pytest

from twelvelabs_provider.api.filters import Between, VideoFilter
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import mapping_of, moment_of, number_of, texts_of
from twelvelabs_provider.inputs.video_filters import WantedVideos

NOON = pendulum.datetime(2026, 6, 1, 12)


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (mapping_of, {"a": 1}, {"a": 1}),
        (mapping_of, '{"a": 1}', {"a": 1}),
        (mapping_of, None, {}),
        (mapping_of, "", {}),
        (mapping_of, "None", {}),
        (texts_of, ["a", " b "], ("a", "b")),
        (texts_of, ("a",), ("a",)),
        (texts_of, '["a", "b"]', ("a", "b")),
        (texts_of, "a", ("a",)),
        (texts_of, "a, b", ("a, b",)),
        (texts_of, " ", ()),
        (texts_of, None, ()),
        (number_of, 5, 5.0),
        (number_of, " 5.5 ", 5.5),
        (moment_of, "2026-06-01T14:00:00+02:00", NOON),
        (moment_of, "2026-06-01 12:00", NOON),
        (moment_of, datetime(2026, 6, 1, 12, tzinfo=UTC), NOON),
        (moment_of, NOON, NOON),
    ],
)
def test_what_can_be_read(read: Callable[[str, Any], Any], value: Any, expected: Any) -> None:
    assert read("name", value) == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (mapping_of, "a=1"),
        (mapping_of, "[1]"),
        (mapping_of, [("a", 1)]),
        (mapping_of, {1: "a"}),
        (texts_of, '["a", 5.5]'),
        (texts_of, ["a", ""]),
        (texts_of, "[a"),
        (texts_of, {"a": 1}),
        (number_of, "five"),
        (number_of, True),
        (number_of, None),
        (number_of, "inf"),
        (number_of, float("nan")),
        (moment_of, "noon"),
        (moment_of, 5.5),
        (moment_of, None),
    ],
)
def test_what_cannot_be_read_is_named_with_its_value(read: Callable[[str, Any], Any], value: Any) -> None:
    with pytest.raises(TwelveLabsInputError) as caught:
        read("name", value)
    assert str(caught.value).startswith(f"name={value!r}")


def test_filters_are_the_services() -> None:
    wanted = WantedVideos.parse(
        {
            "filename": "a.mp4",
            "duration": {"gte": "60", "lte": 600},
            "width": 640,
            "height": None,
            "created_at": "2026-06-01T12:00:00Z",
            "status": "ready",
            "user_metadata": '{"category": "news"}',
        }
    )
    assert wanted.status == ("ready",)
    assert wanted.where == VideoFilter(
        filename="a.mp4",
        duration=Between(60, 600),
        width=Between.exactly(640),
        created_since=NOON,
        user_metadata={"category": "news"},
    )


@pytest.mark.parametrize("nothing", [None, "", {}, "{}", {"filename": None}])
def test_no_filter_means_every_video(nothing: Any) -> None:
    assert WantedVideos.parse(nothing) == WantedVideos(VideoFilter(), ())
