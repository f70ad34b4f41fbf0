"""Asset events of published results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Asset, AssetAlias

from tests.unit.airflow.publishing import PublishOperator, run
from tests.unit.storage.published import put
from twelvelabs_provider import asset_events
from twelvelabs_provider.asset_events import MOST_NAMED, asset_uri


def published(outlets: list[Any], output: Path, videos: tuple[str, ...] = ("v",), **fields: Any) -> Any:
    """Run a task that publishes; return its events."""
    return run(PublishOperator(task_id="t", output_path=str(output), videos=videos, outlets=outlets, **fields))


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after a wait"])
def test_asset_event_describes_the_published_result(tmp_path: Path, waits: bool) -> None:
    asset = Asset(f"file://{tmp_path}")
    extra = published([asset], tmp_path, waits=waits)[asset].extra
    moment = extra.pop("published_at")
    size = (tmp_path / "idx" / "v" / "transcription.jsonl").stat().st_size
    assert moment.endswith("Z")
    assert extra == {
        "results": 1,
        "rows": 2,
        "bytes": size,
        "uri": f"file://{tmp_path}/idx/v",
        "manifest": f"file://{tmp_path}/idx/v/transcription.manifest.json",
        "kind": "transcription",
        "formats": ["jsonl"],
        "index_id": "idx",
        "video_id": "v",
    }


@pytest.mark.parametrize(
    "place",
    [
        "file://{root}", "file://{root}/", "{root}", "file://{root}/idx", "file://{root}/idx/vid%C3%A9o", "a name",
        "file://{root}/idx/vidéo", "file://{root}/idx/vidéo/transcription.jsonl",
        "file://{root}/idx/vidéo/transcription.manifest.json",
    ],
)  # fmt: skip
def test_asset_that_contains_the_result_gets_an_event(tmp_path: Path, place: str) -> None:
    asset = Asset(place.format(root=tmp_path))
    assert published([asset], tmp_path, ("vidéo",))[asset].extra["video_id"] == "vidéo"


@pytest.mark.parametrize(
    "place", ["file://{root}x", "file://{root}/id", "file://{root}/idx/other", "s3://bucket{root}", "file:///elsewhere"]
)
def test_asset_elsewhere_gets_no_extra(tmp_path: Path, place: str) -> None:
    asset = Asset(place.format(root=tmp_path))
    assert published([asset], tmp_path)[asset].extra == {}


def test_each_asset_gets_the_results_below_it(tmp_path: Path) -> None:
    whole, first, named = Asset(f"file://{tmp_path}"), Asset(f"file://{tmp_path}/idx/a"), Asset(name="transcripts")
    events = published([whole, first, named], tmp_path, ("a", "b"))
    assert events[first].extra["video_id"] == "a"
    for asset in (whole, named):
        extra = events[asset].extra
        assert (extra["results"], extra["rows"], extra["kinds"]) == (2, 4, ["transcription"])
        assert [uri.split("/")[-2] for uri in extra["manifests"]] == ["a", "b"]


def test_event_extra_stays_small(tmp_path: Path) -> None:
    asset = Asset(f"file://{tmp_path}")
    extra = published([asset], tmp_path, tuple(f"v{number}" for number in range(60)))[asset].extra
    assert (extra["results"], extra["rows"], len(extra["manifests"])) == (60, 120, MOST_NAMED)
    assert len(json.dumps(extra)) < 5000


def test_result_published_twice_counts_once(tmp_path: Path) -> None:
    asset = Asset(f"file://{tmp_path}")
    assert published([asset], tmp_path, ("v", "v"))[asset].extra["results"] == 1


def test_extra_set_by_a_subclass_is_kept(tmp_path: Path) -> None:
    asset = Asset(f"file://{tmp_path}")

    class Own(PublishOperator):
        def woken(self, context: Any, event: Any = None) -> dict[str, Any]:
            context["outlet_events"][asset].extra["kind"] = "mine"
            return super().woken(context, event)

    extra = run(Own(task_id="t", output_path=str(tmp_path), outlets=[asset]))[asset].extra
    assert (extra["kind"], extra["video_id"]) == ("mine", "v")


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after a wait"])
def test_alias_gets_an_event_for_each_result(tmp_path: Path, waits: bool) -> None:
    alias = AssetAlias("transcripts")
    events = published([alias], tmp_path / "my out", ("a", "vidéo?"), waits=waits)[alias].asset_alias_events
    folders = ["a", events[1].extra["uri"].rpartition("/")[2]]
    assert [event.extra["video_id"] for event in events] == ["a", "vidéo?"]
    assert [event.dest_asset_key.uri for event in events] == [
        asset_uri(f"{tmp_path}/my out/idx/{folder}") for folder in folders
    ]
    assert all(event.dest_asset_key.uri.isascii() and " " not in event.dest_asset_key.uri for event in events)


def test_many_results_are_one_event_of_an_alias(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asset_events, "MOST_EVENTS", 3)
    alias = AssetAlias("transcripts")
    (event,) = published([alias], tmp_path, ("a", "b", "c", "d"))[alias].asset_alias_events
    assert event.dest_asset_key.uri == f"file://{tmp_path}" and event.extra["results"] == 4


def test_uri_that_airflow_refuses_does_not_fail_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asset_events, "asset_uri", lambda place: "file:///" + "x" * 2000)
    alias = AssetAlias("transcripts")
    assert published([alias], tmp_path)[alias].asset_alias_events == []


@pytest.mark.parametrize(
    ("place", "uri"),
    [
        ("s3://conn@bucket/a b/ü", "s3://bucket/a%20b/%C3%BC"),
        ("gs://bucket/x#1?a=b", "gs://bucket/x%231"),
        ("abfs://conn@container/x%20", "abfs://container/x%2520"),
        ("/data/out", "file:///data/out"),
    ],
)
def test_asset_uri_of_a_location(place: str, uri: str) -> None:
    assert asset_uri(place) == uri
    assert Asset(uri).uri == uri


def test_task_that_publishes_nothing_adds_no_extra(tmp_path: Path) -> None:
    asset, alias = Asset(f"file://{tmp_path}"), AssetAlias("transcripts")
    put(str(tmp_path), "another task's")
    events = published([asset, alias], tmp_path, ())
    assert events[asset].extra == {} and events[alias].asset_alias_events == []


def test_without_outlets_there_are_no_events(tmp_path: Path) -> None:
    assert len(published([], tmp_path)) == 0
    asset_events.register_events({}, [Asset("x")], [])
