"""A quota that is used up, and a limit that several callers share, as the engine enforces them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from tests.conftest import Library
from tests.dags.conftest import Account, Connect
from twelvelabs_provider.api.errors import TwelveLabsQuotaError
from twelvelabs_provider.api.search.request import SearchOption, SearchRequest
from twelvelabs_provider.exceptions import TwelveLabsQuotaUsedUpError
from twelvelabs_provider.hooks import pacing, twelvelabs
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.operators.search import TwelveLabsSearchOperator
from twelvelabs_provider.operators.video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.triggers import quota
from twelvelabs_provider.triggers.quota import TwelveLabsQuotaTrigger
from twelvelabs_provider.version_compat import TaskDeferred

pytestmark = pytest.mark.engine

TWO_HOURS = 7200


class Memory(dict[str, Any]):
    """A task state store."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value

    def delete(self, key: str) -> None:
        del self[key]


def task_context(memory: Memory | None = None) -> Any:
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, max_tries=0, start_date=datetime.now(UTC))
    return {"ti": ti} if memory is None else {"ti": ti, "task_state_store": memory}


@pytest.fixture(autouse=True)
def nothing_learned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pacing.forget_paces()
    monkeypatch.setattr(quota, "SETTLED", 0.0)
    yield
    pacing.forget_paces()


@pytest.fixture
def used_up(account: Account) -> Iterator[Callable[[str], None]]:
    """Return a function that lets the next POST of a path meet a used-up quota."""
    url = account.engine.base_url + "/_local/faults"

    def once(path: str) -> None:
        fault = {"method": "POST", "path": path, "times": 1, "action": "status", "status": 429}
        fault["retry_after"] = TWO_HOURS
        requests.post(url, headers=account.headers, json=fault, timeout=30).raise_for_status()

    yield once
    requests.delete(url, headers=account.headers, timeout=30)


def search(library: Library, output: Path, **fields: Any) -> TwelveLabsSearchOperator:
    return TwelveLabsSearchOperator(
        task_id="t",
        index_id=library.index_id,
        output_path=str(output),
        query_text="the children",
        search_options=["transcription"],
        **fields,
    )


def see_through(operator: Any, context: Any) -> tuple[Any, list[Any]]:
    """Execute as Airflow does, as if every quota were renewed at once; return the result and the triggers."""
    step: Callable[[], Any] = partial(operator.execute, context)
    triggers: list[Any] = []
    while True:
        try:
            return step(), triggers
        except TaskDeferred as deferred:
            trigger = deferred.trigger
            triggers.append(trigger)
            if isinstance(trigger, TwelveLabsQuotaTrigger):
                trigger = TwelveLabsQuotaTrigger(**{**trigger.serialize()[1], "renewed_at": 0.0})
            event = asyncio.run(anext(aiter(trigger.run())))
            step = partial(operator.resume_execution, deferred.method_name, {"event": event.payload}, context)


def billed(account: Account, what: str) -> int:
    return int(account.get("/_local/billing")["totals"].get(what, {"events": 0})["events"])


def test_a_task_waits_for_its_quota_without_a_worker(
    library: Library, tmp_path: Path, connect: Connect, account: Account, used_up: Callable[[str], None]
) -> None:
    before = billed(account, "search")
    used_up("/search")
    began = datetime.now(UTC).timestamp()
    result, triggers = see_through(search(library, tmp_path, on_quota="wait"), task_context())
    assert result["manifest"]
    (trigger,) = triggers
    assert isinstance(trigger, TwelveLabsQuotaTrigger)
    assert 0 <= trigger.renewed_at - began - TWO_HOURS < 60
    assert billed(account, "search") == before + 1


def test_a_task_that_does_not_wait_says_when_the_quota_is_renewed(
    library: Library, tmp_path: Path, connect: Connect, used_up: Callable[[str], None]
) -> None:
    used_up("/search")
    with pytest.raises(TwelveLabsQuotaUsedUpError, match=r"renewed at 20\d\d-.* UTC; on_quota='wait'") as caught:
        see_through(search(library, tmp_path), task_context())
    assert isinstance(caught.value.__cause__, TwelveLabsQuotaError)


def test_a_task_does_not_wait_beyond_its_time(
    library: Library, tmp_path: Path, connect: Connect, used_up: Callable[[str], None]
) -> None:
    used_up("/search")
    task = search(library, tmp_path, on_quota="wait", execution_timeout=timedelta(hours=1))
    with pytest.raises(TwelveLabsQuotaUsedUpError, match="the task's time is up at"):
        see_through(task, task_context())


def test_on_quota_is_checked_at_once(library: Library, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'hope' is not a valid OnQuota"):
        search(library, tmp_path, on_quota="hope")


@pytest.mark.parametrize("memory", [None, Memory()], ids=["without a store", "with a store"])
def test_a_job_goes_on_where_the_quota_stopped_it(
    connect: Connect, account: Account, clip: Path, used_up: Callable[[str], None], memory: Memory | None
) -> None:
    index_id = account.create_index(f"quota {memory is None}")
    assets = account.holdings()[0]
    used_up(f"/indexes/{index_id}/indexed-assets")
    operator = TwelveLabsIndexVideoOperator(
        task_id="t", index_id=index_id, source=str(clip), deferrable=True, poll_interval=0.5
    )
    result, triggers = see_through(operator, task_context(memory))
    assert result["video_id"]
    assert sum(isinstance(trigger, TwelveLabsQuotaTrigger) for trigger in triggers) == 1
    assert account.holdings()[0] <= assets + 1, "the upload of before is used"
    assert account.get(f"/v1.3/indexes/{index_id}/indexed-assets")["page_info"]["total_results"] == 1


def test_callers_that_share_a_limit_do_not_overrun_it(
    connect: Connect, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine calls by nine hooks, five of them allowed: the others are held back without asking."""
    index_id = account.create_index("shared limit")

    class Held(Exception):
        pass

    def hold(seconds: float) -> None:
        raise Held

    monkeypatch.setattr(pacing, "PATIENCE", float("inf"))
    monkeypatch.setattr(twelvelabs, "time", SimpleNamespace(time=time.time, sleep=hold))
    outcomes: list[type[Exception] | None] = []

    def ask() -> None:
        hook = TwelveLabsHook()
        try:
            hook.execute(hook.api.search(SearchRequest(index_id, (SearchOption.VISUAL,), "x")))
        except Exception as error:
            outcomes.append(type(error))
        else:
            outcomes.append(None)

    url = account.engine.base_url + "/_local/limits"
    limits = {"requests": {"search": {"per_day": 5}}}
    requests.put(url, headers=account.headers, json=limits, timeout=30).raise_for_status()
    try:
        ask()
        threads = [Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        used = account.get("/_local/limits")["used"]["search"]["per_day"]
    finally:
        requests.delete(url, headers=account.headers, timeout=30)
    assert used == 5
    assert sorted(map(str, outcomes)) == sorted(map(str, [None] * 5 + [Held] * 4))
