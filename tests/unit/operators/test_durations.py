"""Durations of operators, sensors and triggers: seconds or a timedelta, checked when the DAG is parsed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from airflow.sdk import DAG

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.typed_arguments import number_of
from twelvelabs_provider.jobs.time_range import TimeRange
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.assets import TwelveLabsCreateAssetOperator
from twelvelabs_provider.operators.batch import TwelveLabsAnalyzeBatchOperator
from twelvelabs_provider.operators.embed import TwelveLabsEmbedOperator
from twelvelabs_provider.operators.imports import TwelveLabsImportVideosOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator
from twelvelabs_provider.sensors.asset import TwelveLabsAssetSensor
from twelvelabs_provider.sensors.indexing import TwelveLabsIndexingSensor
from twelvelabs_provider.triggers.video_ready import TwelveLabsVideoReadyTrigger

HOUR = 3600.0
OPERATORS: Mapping[str, tuple[Any, Mapping[str, Any], float]] = {
    "analysis": (TwelveLabsAnalyzeVideoOperator, {"asset_id": "a", "prompt": "x", "output_path": "o"}, 24 * HOUR),
    "asset": (TwelveLabsCreateAssetOperator, {"source": "a.mp4"}, 24 * HOUR),
    "batch": (TwelveLabsAnalyzeBatchOperator, {"items": ["a"], "prompt": "x", "output_path": "o"}, 26 * HOUR),
    "embedding": (TwelveLabsEmbedOperator, {"text": "a", "output_path": "o"}, 24 * HOUR),
    "import": (TwelveLabsImportVideosOperator, {"connection_id": "c", "items": ["a"]}, 24 * HOUR),
    "index": (TwelveLabsIndexVideoOperator, {"source": "a.mp4", "index_id": "i"}, 24 * HOUR),
    "many": (TwelveLabsIndexVideosOperator, {"videos": ["a"], "index_id": "i", "output_path": "o"}, 72 * HOUR),
}
SENSORS: Mapping[str, tuple[Any, Mapping[str, Any]]] = {
    "asset": (TwelveLabsAssetSensor, {"asset_id": "a"}),
    "indexing": (TwelveLabsIndexingSensor, {"index_id": "i", "video_id": "v"}),
}
MEANT: list[Any] = [3600, 3600.0, timedelta(hours=1), Decimal(3600)]
NONSENSE: list[Any] = [
    True,
    False,
    "3600",
    "",
    -1,
    timedelta(seconds=-1),
    float("nan"),
    float("inf"),
    1e12,
    10**400,
    [],
    {},
]


@pytest.mark.parametrize("name", ["timeout", "poll_interval"])
@pytest.mark.parametrize("what", OPERATORS)
def test_operator_accepts_seconds_or_a_timedelta(what: str, name: str) -> None:
    kind, usual, default = OPERATORS[what]
    for value in MEANT:
        seconds = getattr(kind(task_id="t", **usual, **{name: value}), name)
        assert (seconds, type(seconds)) == (HOUR, float)
    assert getattr(kind(task_id="t", **usual, **{name: None}), name) == (default if name == "timeout" else None)
    assert kind(task_id="t", **usual).timeout == default


@pytest.mark.parametrize("value", [*NONSENSE, 0, 0.0, timedelta()], ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("name", ["timeout", "poll_interval"])
@pytest.mark.parametrize("what", OPERATORS)
def test_operator_refuses_an_invalid_duration(what: str, name: str, value: Any) -> None:
    kind, usual, _ = OPERATORS[what]
    with pytest.raises(ValueError, match=rf"^{name}=.* must be above 0: seconds as a number, or a timedelta"):
        kind(task_id="t", **usual, **{name: value})


@pytest.mark.parametrize("name", ["timeout", "poke_interval", "max_wait"])
@pytest.mark.parametrize("what", SENSORS)
def test_sensor_durations(what: str, name: str) -> None:
    kind, usual = SENSORS[what]
    for value in (*MEANT, 0):
        kind(task_id="t", **usual, **{name: value})
    for value in NONSENSE:
        with pytest.raises(ValueError, match=rf"^{name}=.* must be 0 or more: seconds as a number"):
            kind(task_id="t", **usual, **{name: value})
    assert kind(task_id="t", **usual, timeout=None).timeout == 7 * 24 * HOUR


def test_trigger_durations() -> None:
    for value in (*MEANT, None):
        trigger = TwelveLabsVideoReadyTrigger("i", poll_interval=value)
        assert trigger.serialize()[1]["poll_interval"] == (60.0 if value is None else HOUR)
    for value in NONSENSE:
        with pytest.raises(ValueError, match=r"^poll_interval=.* must be 0 or more"):
            TwelveLabsVideoReadyTrigger("i", poll_interval=value)


@pytest.mark.parametrize("value", MEANT)
def test_durations_in_default_args(value: Any) -> None:
    kind, usual, _ = OPERATORS["analysis"]
    with DAG("d", schedule=None, default_args={"timeout": value}):
        assert kind(task_id="a", **usual).timeout == HOUR
        assert TwelveLabsAssetSensor(task_id="s", asset_id="a").timeout == HOUR
    with DAG("e", schedule=None, default_args={"timeout": "soon"}), pytest.raises(ValueError, match=r"^timeout='soon'"):
        kind(task_id="a", **usual)


def test_mapped_task_with_an_invalid_duration_is_refused() -> None:
    kind, usual, _ = OPERATORS["analysis"]
    with DAG("d", schedule=None):
        mapped = kind.partial(task_id="t", timeout=timedelta(hours=1), **usual).expand(poll_interval=[5])
        assert mapped.unmap({"poll_interval": timedelta(seconds=5)}).timeout == HOUR
        with pytest.raises(ValueError, match=r"^poll_interval=-5"):
            mapped.unmap({"poll_interval": -5})


@pytest.mark.parametrize(
    "read", [lambda value: number_of("x", value), lambda value: TimeRange.parse(value, None).start]
)
def test_offset_may_be_a_timedelta(read: Callable[[Any], float]) -> None:
    assert read(timedelta(minutes=2)) == 120.0
    for value in (True, "1:00:00", float("nan"), 10**400):
        with pytest.raises(TwelveLabsInputError, match=r"must be a number"):
            read(value)
