"""Trigger for new videos: one event per video."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.task_context import AssetStateStore
from tests.unit.scripted_server import KEY, Hang, Lost, Reply, ScriptedServer, connection_text
from twelvelabs_provider.api.errors import ErrorDetails, TwelveLabsAuthError, TwelveLabsRateLimitError
from twelvelabs_provider.jobs import new_videos
from twelvelabs_provider.jobs.new_videos import EventWatermark
from twelvelabs_provider.triggers import video_ready, watermark
from twelvelabs_provider.triggers.video_ready import TwelveLabsVideoReadyTrigger
from twelvelabs_provider.triggers.watermark import VariableStore

INDEX = "6298d673f1090f1100476d4c"
LONGEST_TEST = 20.0
NOW = float(int(time.time()))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses."""
    for name in ("STORE_DELAY", "SHORTEST_PAUSE", "REFUSED_PAUSE", "LONGEST_PAUSE"):
        monkeypatch.setattr(video_ready, name, 0.001)


def video(name: str, status: str = "ready", age: float = 0.0) -> dict[str, Any]:
    moment = datetime.fromtimestamp(NOW - age, UTC).isoformat()
    return {"_id": name, "asset_id": f"asset-{name}", "status": status, "created_at": moment}


def page(*videos: dict[str, Any], number: int = 1, of: int = 1) -> Reply:
    info = {"page": number, "limit_per_page": 50, "total_page": of, "total_results": 50 * of}
    return Reply({"data": list(videos), "page_info": info})


def trigger(store: AssetStateStore | None, **arguments: Any) -> TwelveLabsVideoReadyTrigger:
    """Make a trigger as the triggerer does: from its row, with the state store of its asset."""
    arguments = {"poll_interval": 0.001, **({} if "index_name" in arguments else {"index_id": INDEX}), **arguments}
    path, fields = TwelveLabsVideoReadyTrigger(**arguments).serialize()
    assert path == "twelvelabs_provider.triggers.video_ready.TwelveLabsVideoReadyTrigger"
    made = TwelveLabsVideoReadyTrigger(**json.loads(json.dumps(fields)))
    made.asset_state_store = cast("Any", store)
    return made


def names(one: TwelveLabsVideoReadyTrigger, server: ScriptedServer) -> list[str]:
    """Run a trigger until the server's script is through; return the videos of its events."""
    return [event["video_id"] for event in events(one, server)]


def events(one: TwelveLabsVideoReadyTrigger, server: ScriptedServer) -> list[dict[str, Any]]:
    """Run a trigger until the server's script is through.

    The look after that gets no answer: no request of this run is on its way when the next run writes its script.
    """
    found: list[dict[str, Any]] = []

    async def listen() -> None:
        async with aclosing(cast("Any", one.run())) as stream:
            async for event in stream:
                found.append(json.loads(json.dumps(event.payload)))

    async def until_done() -> None:
        async with asyncio.timeout(LONGEST_TEST):
            task = asyncio.create_task(listen())
            server.script.append(Hang())
            last = len(server.requests) + len(server.script)
            while len(server.requests) < last:
                assert not task.done(), task
                await asyncio.sleep(0.005)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(until_done())
    return found


def known(age: float = 3600.0, **fired: float) -> AssetStateStore:
    """A store that remembers a watermark."""
    return AssetStateStore(
        json.dumps(EventWatermark(NOW - age, {name: NOW - at for name, at in fired.items()}).as_json())
    )


def test_a_video_that_becomes_ready_fires_once(server: ScriptedServer) -> None:
    store = known()
    pending, done = page(video("v1", "indexing", 20)), page(video("v1", age=20))
    server.script += [pending, pending, done, done, done]
    (event,) = events(trigger(store), server)
    created = datetime.fromisoformat(event.pop("created_at"))
    assert created.timestamp() == NOW - 20
    assert event == {
        "index_id": INDEX,
        "video_id": "v1",
        "asset_id": "asset-v1",
        "filename": None,
        "duration": None,
    }


def test_videos_ready_at_the_first_poll_do_not_fire(server: ScriptedServer) -> None:
    """Not even if it was asked for a minute later than what is still on its way."""
    store = AssetStateStore()
    server.script += [page(video("old", age=10), video("v1", "indexing", 70))]
    server.script += [page(video("old", age=10), video("v1", age=70))]
    assert names(trigger(store), server) == ["v1"]


def test_since_fires_for_existing_videos_oldest_first(server: ScriptedServer) -> None:
    since = datetime.fromtimestamp(NOW - 500, UTC).isoformat()
    server.script += [page(video("new", age=10), video("old", age=400))]
    assert names(trigger(AssetStateStore(), since=since), server) == ["old", "new"]
    assert datetime.fromisoformat(dict(server.requests[0].query)["created_at"]).timestamp() == NOW - 500


def test_the_list_is_read_from_the_watermark_all_pages_newest_first(server: ScriptedServer) -> None:
    server.script += [page(video("v3", age=1), number=1, of=2), page(video("v2", age=2), number=2, of=3)]
    server.script += [page(video("v2", age=2), video("v1", age=3), number=3, of=3)]
    assert names(trigger(known()), server) == ["v1", "v2", "v3"]
    asked = [dict(request.query) for request in server.requests[:3]]
    assert [query["page"] for query in asked] == ["1", "2", "3"]
    assert {query["sort_option"] for query in asked} == {"desc"}
    assert {datetime.fromisoformat(query["created_at"]).timestamp() for query in asked} == {NOW - 3600}


def test_videos_created_at_the_same_time_all_fire(server: ScriptedServer) -> None:
    store = known()
    server.script += [page(video("a"), video("b", "indexing")), page(video("a"), video("b"))]
    assert names(trigger(store), server) == ["a", "b"]
    server.script += [page(video("a"), video("b"), video("c"))]
    assert names(trigger(store), server) == ["c"]


def test_a_late_video_fires_and_a_known_one_does_not_fire_again(server: ScriptedServer) -> None:
    """One that takes hours holds the watermark back, while others come and go before and after it."""
    store, slow = known(7200), video("slow", "indexing", 7000)
    server.script += [page(video("quick", age=10), slow), page(video("late", age=20), video("quick", age=10), slow)]
    assert names(trigger(store), server) == ["quick", "late"]
    server.script += [page(video("late", age=20), video("quick", age=10), video("slow", age=7000))]
    assert names(trigger(store), server) == ["slow"]
    # After all events the watermark moves on and keeps only the newest videos.
    assert store.saved[-1]["since"] == NOW - 10 - new_videos.OVERLAP
    assert set(store.saved[-1]["videos"]) == {"late", "quick"}


def test_failed_and_endless_videos_do_not_hold_back_the_watermark(server: ScriptedServer) -> None:
    store = known(10**6)
    stuck, failed = video("stuck", "indexing", new_videos.LONGEST_INDEXING + 9), video("failed", "failed", 5000)
    server.script += [page(video("v1", age=10), failed, stuck)]
    assert names(trigger(store), server) == ["v1"]
    assert store.saved[-1] == {"version": 1, "since": NOW - 10 - new_videos.OVERLAP, "videos": {"v1": NOW - 10}}


def test_a_restart_continues_at_the_watermark(server: ScriptedServer) -> None:
    store = known()
    server.script += [page(video("v1"))]
    assert names(trigger(store), server) == ["v1"]
    server.script += [page(video("v1"), video("v2"))]
    assert names(trigger(store), server) == ["v2"]


def test_a_crash_between_event_and_watermark_loses_nothing(server: ScriptedServer) -> None:
    """The event may not have been stored, so it fires again; a DAG recognises it by its payload."""
    store = known()
    server.script += [page(video("v1", age=9), video("v2", age=8))] * 2

    async def die_after(count: int) -> list[str]:
        fired: list[str] = []
        async with aclosing(cast("Any", trigger(store).run())) as stream:
            async for event in stream:
                fired.append(event.payload["video_id"])
                if len(fired) == count:
                    break
        return fired

    assert asyncio.run(die_after(1)) == ["v1"]
    assert store.saved == []
    assert names(trigger(store), server) == ["v1", "v2"]
    assert len(store.saved) == 1


def test_the_watermark_is_saved_after_the_events(server: ScriptedServer) -> None:
    store, seen = known(), list[int]()

    async def listen() -> None:
        async with asyncio.timeout(LONGEST_TEST):
            async for _ in trigger(store).run():
                seen.append(len(store.saved))
                if len(seen) == 3:
                    return

    server.script += [page(video("v1"), video("v2")), page(video("v1"), video("v2"), video("v3"))]
    asyncio.run(listen())
    assert seen == [0, 0, 1]


def test_a_failed_save_is_repeated_and_nothing_fires_twice(server: ScriptedServer) -> None:
    store = known()
    store.failures = 2
    server.script += [page(video("v1"))] * 3
    assert names(trigger(store), server) == ["v1"]
    assert [list(saved["videos"]) for saved in store.saved] == [["v1"]]


def test_a_quiet_index_costs_one_request_per_poll_and_no_write(server: ScriptedServer) -> None:
    store = known()
    server.script += [page()] * 5
    assert names(trigger(store), server) == []
    assert store.saved == []


@pytest.mark.parametrize(
    "step",
    [
        Lost(),
        Reply({"code": "internal_server_error", "message": "sorry"}, status=500),
        Reply({"code": "too_many_requests", "message": "slowly"}, status=429, headers={"Retry-After": "0"}),
        Reply({"code": "api_key_invalid", "message": "no such key"}, status=401),
        Reply(b"<html>"),
        Reply({"data": [{"status": "ready"}], "page_info": {"total_page": 1}}),
    ],
    ids=["lost", "500", "429", "401", "no JSON", "no id"],
)
def test_trigger_never_raises_and_polls_again(server: ScriptedServer, step: Any) -> None:
    server.script += [step, page(video("v1")), step, page(video("v1"), video("v2"))]
    assert names(trigger(known()), server) == ["v1", "v2"]


def test_retry_after_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    slow = TwelveLabsRateLimitError("slowly", ErrorDetails(retry_after=40.0))
    assert video_ready._pause_after(slow, INDEX) == 40.0
    assert video_ready._pause_after(TwelveLabsAuthError("no such key"), INDEX) == video_ready.REFUSED_PAUSE
    assert trigger(None)._pause() >= 4.5


def test_an_invalid_watermark_stops_the_events(server: ScriptedServer) -> None:
    """Nothing says which videos have had their event, until a user deletes the watermark."""
    store = AssetStateStore(json.dumps({"version": 99}))
    seen = []

    async def listen() -> None:
        async with asyncio.timeout(LONGEST_TEST):
            task = asyncio.ensure_future(anext(trigger(store).run()))
            await asyncio.sleep(0.1)
            seen.append(len(server.requests))
            store.value = json.dumps(EventWatermark(NOW - 60).as_json())
            event = await task
            assert event.payload["video_id"] == "v1"

    server.script += [page(video("v1"))]
    asyncio.run(listen())
    assert seen == [0]


def test_an_index_that_is_created_later_is_found_by_its_name(server: ScriptedServer) -> None:
    none = Reply({"data": [], "page_info": {"total_page": 0}})
    index = {"_id": INDEX, "index_name": "late", "models": [], "video_count": 0}
    found = Reply({"data": [index], "page_info": {"total_page": 1}})
    gone = Reply({"code": "resource_not_exists", "message": "no such index"}, status=404)
    age = NOW - time.time()
    v1, v2 = video("v1", age=age), video("v2", age=age)
    server.script += [none, found, page(v1), page(v1), gone, found, page(v1, v2)]
    store = AssetStateStore()
    assert names(trigger(store, index_name="late"), server) == ["v1", "v2"]
    paths = [request.path for request in server.requests][:7]
    listed = f"/v1.3/indexes/{INDEX}/indexed-assets"
    assert paths == ["/v1.3/indexes", "/v1.3/indexes", listed, listed, listed, "/v1.3/indexes", listed]


def test_videos_older_than_the_watermark_never_fire(server: ScriptedServer) -> None:
    old, new = video("old", age=7200), video("new", age=60)
    server.script += [page(new, old), page(new, old)]
    assert names(trigger(known(age=3600)), server) == ["new"]


def test_older_generations_are_read_by_their_tasks(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_TWELVELABS_DEFAULT", connection_text(server.origin, max_attempts=1, api_version="v1.2")
    )

    def task(name: str, status: str, video_id: str | None) -> dict[str, Any]:
        shown = {**video(name, status, 5), "metadata": {"filename": f"{name}.mp4", "duration": 3.5}}
        return {**shown, "video_id": video_id}

    server.script += [page(task("t1", "uploading", None)), page(task("t1", "ready", "v1"))]
    (event,) = events(trigger(known()), server)
    assert (event["video_id"], event["filename"], event["duration"]) == ("v1", "t1.mp4", 3.5)
    assert server.requests[0].path == "/v1.2/tasks"
    assert dict(server.requests[0].query)["index_id"] == INDEX


def test_the_stored_row_is_stable_and_contains_no_secret(server: ScriptedServer) -> None:
    path, fields = trigger(None).serialize()
    assert KEY not in json.dumps(fields)
    assert set(fields) == {"index_name", "index_id", "twelvelabs_conn_id", "poll_interval", "since"}
    same = [TwelveLabsVideoReadyTrigger.hash(*trigger(None).serialize()) for _ in range(2)]
    assert same[0] == same[1] == TwelveLabsVideoReadyTrigger.hash(path, fields)


@pytest.mark.parametrize("arguments", [{}, {"index_name": "one", "index_id": INDEX}])
def test_one_index_is_watched(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="index_name or index_id"):
        TwelveLabsVideoReadyTrigger(**arguments)


def test_without_a_state_store_a_variable_keeps_the_watermark(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow 3.1 and 3.2, and one trigger under several assets."""
    kept = dict[str, str]()

    class Variable:
        @staticmethod
        def get(name: str, default: Any = None) -> Any:
            return kept.get(name, default)

        @staticmethod
        def set(name: str, value: str, description: str = "") -> None:
            assert description
            kept[name] = value

    monkeypatch.setattr("airflow.sdk.Variable", Variable)
    server.script += [page(video("old")), page(video("old"), video("v1"))]
    assert names(trigger(None), server) == ["v1"]
    server.script += [page(video("old"), video("v1"), video("v2"))]
    assert names(trigger(None), server) == ["v2"]
    (name,) = kept
    assert name.startswith("twelvelabs_video_ready_")


def test_the_blocking_state_store_of_early_3_3_is_used_in_a_thread() -> None:
    class Blocking:
        kept: Any = None

        def get(self, key: str, default: Any = None) -> Any:
            return self.kept or default

        def set(self, key: str, value: Any) -> None:
            self.kept = (key, value)

    store = Blocking()
    memory = watermark.watermark_store(store, "key")

    async def use() -> Any:
        await memory.save({"a": 1})
        return await memory.load()

    assert asyncio.run(use()) == ("key", {"a": 1})
    assert isinstance(watermark.watermark_store(None, "key"), VariableStore)
