"""Run against a service with rate limits: no minute has more requests than the headers allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.results import whole
from tests.dags.conftest import Account
from tests.engine.client import Api
from tests.engine.test_faults import Admin
from tests.task_context import TaskStateStore, task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.hooks.pacing import forget_paces
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator

pytestmark = [pytest.mark.e2e, pytest.mark.engine, pytest.mark.usefixtures("connect")]
# More than a minute allows, and fewer at once: what the limit is, only the first answer says.
VIDEOS, PER_MINUTE, AT_ONCE = 10, 7, 6
CATEGORIES = ("upload", "index", "analyze")


@pytest.fixture
def limits(account: Account) -> Iterator[Admin]:
    """Limits that are switched off after the test."""
    admin = Admin(Api(account.engine), "limits")
    forget_paces()
    yield admin
    assert admin.send("DELETE").status_code == 204
    forget_paces()


def test_run_stays_within_the_requests_per_minute(
    limits: Admin, account: Account, new_video: Callable[[], Path], tmp_path: Path
) -> None:
    index_id = account.create_index("limited")
    videos = [new_video() for _ in range(VIDEOS)]
    limits.set({"requests": {category: {"per_minute": PER_MINUTE} for category in CATEGORIES}})

    def understand(video: Path) -> dict[str, Any]:
        waiting: dict[str, Any] = {"deferrable": True, "poll_interval": 0.5}
        context = task_context(TaskStateStore(), run_id=video.stem)
        index = TwelveLabsIndexVideoOperator(task_id="t", source=str(video), index_id=index_id, **waiting)
        indexed, _ = run_to_end(index, context)
        ask = TwelveLabsAnalyzeVideoOperator(
            task_id="t",
            asset_id=indexed["asset_id"],
            prompt="What is it about?",
            output_path=str(tmp_path / video.stem),
            **waiting,
        )
        return dict(run_to_end(ask, task_context(TaskStateStore(), run_id=video.stem))[0])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert len(list(pool.map(understand, videos))) == VIDEOS
    assert all(whole(tmp_path / video.stem) for video in videos)
    counted = account.get("/_local/limits")["minutes"]
    for category in CATEGORIES:
        asked = [minute["accepted"] + minute["refused"] for minute in counted[category]]
        assert sum(minute["accepted"] for minute in counted[category]) == VIDEOS, counted
        assert max(asked) <= PER_MINUTE, counted
