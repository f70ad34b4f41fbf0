"""Rendered arguments: values, JSON texts, single texts, and empty values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pendulum
import pytest

from twelvelabs_provider.api.filters import Between, VideoFilter
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.policies import IfIndexed
from twelvelabs_provider.inputs.typed_arguments import (
    choice_of,
    choices_of,
    mapping_of,
    moment_of,
    number_of,
    optional_choice,
    texts_of,
    whole_number_of,
)
from twelvelabs_provider.inputs.user_metadata import plain_metadata_of, text_metadata_of, user_metadata_of
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
        (whole_number_of, "3", 3),
        (user_metadata_of, '{"shift": 2, "tags": ["a"], "old": null}', {"shift": 2, "tags": ["a"], "old": None}),
        (user_metadata_of, "", {}),
        (plain_metadata_of, {"live": True, "team": "A"}, {"live": True, "team": "A"}),
        (text_metadata_of, {"team": "A"}, {"team": "A"}),
    ],
)
def test_argument_values(read: Callable[[str, Any], Any], value: Any, expected: Any) -> None:
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
        (whole_number_of, 0),
        (whole_number_of, "2.5"),
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
def test_invalid_argument_is_named_with_its_value(read: Callable[[str, Any], Any], value: Any) -> None:
    with pytest.raises(TwelveLabsInputError) as caught:
        read("name", value)
    assert str(caught.value).startswith(f"name={value!r}")


@pytest.mark.parametrize("given", ["reuse", " Reuse ", IfIndexed.REUSE])
def test_choice_is_read_in_any_case(given: str) -> None:
    assert choice_of("if_indexed", given, IfIndexed) is IfIndexed.REUSE
    assert optional_choice("if_indexed", given, IfIndexed) is IfIndexed.REUSE
    assert choice_of("if_exists", given, ("reuse", "fail")) == "reuse"


@pytest.mark.parametrize("nothing", [None, "", " ", "None"])
def test_empty_choice_is_none(nothing: Any) -> None:
    assert optional_choice("if_indexed", nothing, IfIndexed) is None
    assert choices_of("if_indexed", nothing, IfIndexed) == ()


def test_list_of_choices() -> None:
    both = (IfIndexed.FAIL, IfIndexed.REUSE)
    assert choices_of("if_indexed", ["fail", "REUSE"], IfIndexed) == both
    assert choices_of("if_indexed", '["fail", "reuse"]', IfIndexed) == both
    assert choices_of("if_indexed", "fail", IfIndexed) == both[:1]


@pytest.mark.parametrize(("read", "given"), [(choice_of, "often"), (optional_choice, "often"), (choices_of, ["often"])])
def test_unknown_choice_is_refused_with_the_valid_ones(read: Callable[..., Any], given: Any) -> None:
    with pytest.raises(TwelveLabsInputError, match="if_indexed='often' is not one of reuse, reindex, fail"):
        read("if_indexed", given, IfIndexed)


@pytest.mark.parametrize(
    ("read", "metadata", "reason"),
    [
        (user_metadata_of, {"size": 1}, r"\['size'\]: the service keeps this name"),
        (
            user_metadata_of,
            {"a": float("nan")},
            r"\['a'\]=nan must be a text, a number, a boolean, a list of texts, or",
        ),
        (user_metadata_of, {"a": {"b": 1}}, "must be a text, a number, a boolean, a list of texts, or None"),
        (plain_metadata_of, {"a": ["b"]}, "must be a text, a number or a boolean"),
        (text_metadata_of, {"a": 1}, r"\['a'\]=1 must be a text"),
    ],
)
def test_invalid_metadata_is_refused(read: Callable[..., Any], metadata: Any, reason: str) -> None:
    with pytest.raises(TwelveLabsInputError, match=reason):
        read("user_metadata", metadata)


def test_video_filter_of_a_mapping() -> None:
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
