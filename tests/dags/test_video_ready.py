"""The trigger of new videos against the embedded engine: pages, a restart, and both ways of indexing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from tests.dags.conftest import Connect
from tests.engine.client import Api
from tests.engine_process import Engine
from tests.task_context import AssetStateStore
from twelvelabs_provider.api.resources import Paging
from twelvelabs_provider.jobs import new_videos
from twelvelabs_provider.triggers import video_ready
from twelvelabs_provider.triggers.video_ready import TwelveLabsVideoReadyTrigger

pytestmark = pytest.mark.engine

LONGEST = 180.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses, and one video a page."""
    monkeypatch.setattr(video_ready, "STORE_DELAY", 0.01)
    monkeypatch.setattr(video_ready, "SHORTEST_PAUSE", 0.2)
    monkeypatch.setattr(new_videos, "Paging", partial(Paging, limit=1))


def listen(store: AssetStateStore, index_id: str, videos: int, saved: bool = True) -> list[dict[str, Any]]:
    """Run a trigger until it has fired for so many videos and has saved its watermark.

    :param saved: False ends it before it could.
    """

    async def run() -> list[dict[str, Any]]:
        trigger = TwelveLabsVideoReadyTrigger(index_id=index_id, poll_interval=0.2)
        trigger.asset_state_store = cast("Any", store)
        found = list[dict[str, Any]]()
        async with asyncio.timeout(LONGEST), aclosing(cast("Any", trigger.run())) as events:
            while len(found) < videos:
                found.append((await anext(cast("AsyncIterator[Any]", events))).payload)
            if saved:
                waiting = asyncio.ensure_future(anext(cast("AsyncIterator[Any]", events)))
                before = len(store.saved)
                while len(store.saved) == before:
                    await asyncio.sleep(0.05)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
        return found

    return asyncio.run(run())


@pytest.mark.parametrize("version", ["v1.3", "v1.2"])
def test_each_video_fires_once_and_again_only_after_a_crash(
    engine: Engine, connect: Connect, clip: Path, version: str
) -> None:
    connect(version)
    api, store = Api(engine, version), AssetStateStore()
    index_id = api.create_index(f"watched-{version}")
    listen(store, index_id, 0)

    first, second = (bring(api, index_id, clip) for _ in range(2))
    assert [one["video_id"] for one in listen(store, index_id, 1, saved=False)] == [first]
    fired = listen(store, index_id, 2)
    assert [one["video_id"] for one in fired] == [first, second], "the first event may not have been stored"
    assert fired[0]["index_id"] == index_id and fired[0]["filename"] == clip.name
    assert fired[0]["duration"] == pytest.approx(6.0, abs=0.5)

    third = bring(api, index_id, clip)
    assert [one["video_id"] for one in listen(store, index_id, 1)] == [third]
    assert set(store.saved[-1]["videos"]) == {first, second, third}


def bring(api: Api, index_id: str, clip: Path) -> str:
    """Index a video as the generation does, and return its id."""
    if api.version != "v1.3":
        return api.index_video(index_id, clip)
    path = f"/indexes/{index_id}/indexed-assets"
    video = api.expect(202, "POST", path, json={"asset_id": api.asset(clip)})
    return str(api.finished(f"{path}/{video['_id']}")["_id"])
