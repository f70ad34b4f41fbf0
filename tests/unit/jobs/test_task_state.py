"""Task state between attempts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from tests.task_context import TaskStateStore
from twelvelabs_provider.exceptions import TwelveLabsRecordError
from twelvelabs_provider.inputs.policies import Reuse
from twelvelabs_provider.jobs.identity import Identity, fingerprint
from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob
from twelvelabs_provider.jobs.resume import EarlierSubmission
from twelvelabs_provider.jobs.task_state import TaskState, origin_in

IDENTITY = Identity("dag", "manual__2026", "index", -1, 3, fingerprint("s3://b/a.mp4", "i1"))
KEY = "twelvelabs_job"
PENDING = PendingJob(JobRef(JobKind.ASSET, "c1"), 1.0, 2.0, 3.0, {"filename": "a.mp4"})


class BrokenStore(TaskStateStore):
    """A store that cannot be reached."""

    def get(self, key: str, default: Any = None) -> Any:
        raise ConnectionError("the API server does not answer")


def test_a_retry_finds_the_job() -> None:
    store = TaskStateStore()
    TaskState(store, IDENTITY).record_job(PENDING)
    assert TaskState(store, replace(IDENTITY)).earlier_job() == PENDING


def test_there_is_no_job_before_the_first_submission() -> None:
    assert TaskState(TaskStateStore(), IDENTITY).earlier_job() is None


@pytest.mark.parametrize(
    "other",
    [
        {"life": 4},
        {"map_index": 0},
        {"asked": fingerprint("s3://b/other.mp4", "i1")},
        {"run_id": "manual__2027"},
        {"task_id": "other"},
        {"dag_id": "other"},
    ],
    ids=["a clear", "another mapped task", "another question", "another run", "another task", "another DAG"],
)
def test_another_identity_finds_nothing(other: dict[str, Any]) -> None:
    store = TaskStateStore()
    TaskState(store, IDENTITY).record_job(PENDING)
    assert TaskState(store, replace(IDENTITY, **other)).earlier_job() is None
    assert TaskState(store, IDENTITY).earlier_job() == PENDING, "and does not take it away"


@pytest.mark.parametrize(
    "junk",
    ["x", 5, [], {}, {"pending": PENDING.as_json()}, {"identity": IDENTITY.key()},
     {"identity": IDENTITY.key(), "phase": "elsewhere"}, {"identity": IDENTITY.key(), "phase": "intent"}],
)  # fmt: skip
def test_an_invalid_record_is_an_error(junk: Any) -> None:
    store = TaskStateStore()
    store.set("twelvelabs_job", junk)
    with pytest.raises(TwelveLabsRecordError, match="Cannot read the task state"):
        TaskState(store, IDENTITY).earlier_job()
    assert TaskState(store, replace(IDENTITY, reuse=Reuse.NEVER)).earlier_job() is None, "the way out"


def test_a_record_of_another_release_is_read() -> None:
    store = TaskStateStore()
    store.set("twelvelabs_job", {"identity": IDENTITY.key(), "pending": PENDING.as_json()})
    assert TaskState(store, IDENTITY).earlier_job() == PENDING
    assert TaskState(store, replace(IDENTITY, life=4)).earlier_job() is None


def test_a_clear_ignores_an_invalid_record() -> None:
    store = TaskStateStore()
    task_state = TaskState(store, IDENTITY)
    task_state.record_job(PENDING)
    store.set("twelvelabs_job", {**store["twelvelabs_job"], "pending": "of another release"})
    with pytest.raises(TwelveLabsRecordError):
        task_state.earlier_job()
    assert TaskState(store, replace(IDENTITY, life=4)).earlier_job() is None


def test_the_two_phases_are_one_record() -> None:
    store = TaskStateStore()
    task_state = TaskState(store, IDENTITY)
    task_state.record_intent(5.0, ["t1"])
    assert (task_state.earlier_job(), task_state.unconfirmed()) == (None, EarlierSubmission(None, True, 5.0, ("t1",)))
    task_state.record_job(PENDING)
    assert (task_state.earlier_job(), task_state.unconfirmed()) == (PENDING, None)
    task_state.drop_intent()
    assert task_state.earlier_job() == PENDING, "what was submitted is not an intent that came to nothing"
    task_state.record_intent(6.0)
    task_state.drop_intent()
    assert store == {}


@pytest.mark.parametrize("change", [{"life": 4}, {"life": 3}])
def test_reuse_decides_whether_the_record_counts(change: dict[str, Any]) -> None:
    store, retry = TaskStateStore(), replace(IDENTITY, **change)
    TaskState(store, IDENTITY).record_job(PENDING)
    cleared = retry.life != IDENTITY.life
    found = {reuse: TaskState(store, replace(retry, reuse=reuse, try_number=2)).earlier_job() for reuse in Reuse}
    assert found == {Reuse.ALWAYS: PENDING, Reuse.RETRY: None if cleared else PENDING, Reuse.NEVER: None}


@pytest.mark.parametrize(
    ("change", "superseded"),
    [
        ({}, False),
        ({"try_number": 2}, False),
        ({"life": 4}, True),
        ({"life": 4, "reuse": Reuse.ALWAYS}, False),
        ({"try_number": 2, "reuse": Reuse.NEVER}, True),
        ({"asked": fingerprint("s3://b/other.mp4", "i1")}, True),
    ],
)
def test_a_job_that_no_attempt_attaches_to_is_superseded(change: dict[str, Any], superseded: bool) -> None:
    store = TaskStateStore()
    TaskState(store, IDENTITY).record_job(PENDING)
    assert TaskState(store, replace(IDENTITY, **change)).superseded() == (PENDING if superseded else None)


def test_a_job_of_another_task_or_an_invalid_record_is_not_superseded() -> None:
    store, cleared = TaskStateStore(), replace(IDENTITY, life=4)
    TaskState(store, IDENTITY).record_job(PENDING, ours=False)
    assert TaskState(store, cleared).superseded() is None
    for record in ({"phase": "unheard of"}, {"phase": "submitted"}, ["no record"], {**store[KEY], "pending": {}}):
        store.set(KEY, record)
        assert TaskState(store, cleared).superseded() is None
    TaskState(store, IDENTITY).record_intent(5.0)
    assert TaskState(store, cleared).superseded() is None
    assert TaskState(None, cleared).superseded() is None


def test_reuse_decides_which_attempts_share_a_key() -> None:
    def keys(reuse: Reuse) -> int:
        tries = [(3, 1), (3, 2), (4, 3)]
        return len({replace(IDENTITY, reuse=reuse, life=life, try_number=nr).key() for life, nr in tries})

    assert [keys(reuse) for reuse in (Reuse.ALWAYS, Reuse.RETRY, Reuse.NEVER)] == [1, 2, 3]


def test_an_unreadable_store_is_an_error() -> None:
    with pytest.raises(ConnectionError):
        TaskState(BrokenStore(), IDENTITY).earlier_job()


def test_clearing_removes_the_record() -> None:
    store = TaskStateStore()
    task_state = TaskState(store, IDENTITY)
    task_state.clear()
    task_state.record_job(PENDING)
    task_state.clear()
    assert task_state.earlier_job() is None
    assert store == {}


def test_without_a_store_nothing_is_recorded() -> None:
    task_state = TaskState(None, IDENTITY)
    task_state.record_job(PENDING)
    task_state.clear()
    assert task_state.earlier_job() is None


def test_a_newer_job_replaces_the_older() -> None:
    store = TaskStateStore()
    task_state = TaskState(store, IDENTITY)
    task_state.record_job(PENDING)
    following = PENDING.followed_by(JobRef(JobKind.INDEXED_ASSET, "v1", "i1"), 9.0)
    task_state.record_job(following)
    assert task_state.earlier_job() == following


def test_the_parts_of_an_identity_are_separated() -> None:
    assert replace(IDENTITY, dag_id="da", run_id="gmanual__2026").key() != IDENTITY.key()
    assert replace(IDENTITY, map_index=-1, life=13).key() != replace(IDENTITY, map_index=-11, life=3).key()
    assert len(IDENTITY.key()) == 64


def test_a_fingerprint_depends_on_types_and_order() -> None:
    assert fingerprint("a", None) == fingerprint("a", None)
    different = [fingerprint("a", None), fingerprint(None, "a"), fingerprint("a", "None"), fingerprint("a")]
    assert len(set(different)) == 4


def scheduled(**moments: Any) -> dict[str, Any]:
    """Return the context of a task of a scheduled run, whose ids are the same wherever the DAG runs."""
    ti = SimpleNamespace(dag_id="d", run_id="scheduled__2026", task_id="t", map_index=-1, max_tries=1, try_number=1)
    due, started = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 1, 0, 0, 3, 141592, tzinfo=UTC)
    return {"ti": ti, "dag_run": SimpleNamespace(**{"run_after": due, "start_date": started, **moments})}


def keys(context: dict[str, Any], store: Any = None, reuse: Reuse = Reuse.RETRY) -> set[str]:
    identity = Identity.of(context, "asked", origin_in(store), reuse)
    return {identity.key(), identity.lasting_key(), identity.instance()}


def test_two_airflows_with_their_own_stores_share_no_key() -> None:
    one, other = TaskStateStore(), TaskStateStore()
    assert not keys(scheduled(), one) & keys(scheduled(), other)
    assert keys(scheduled(), one) == keys(scheduled(), one), "and a retry has the same"


def test_without_a_store_the_start_of_the_run_separates_two_airflows() -> None:
    other = scheduled(start_date=datetime(2026, 11, 1, 0, 0, 3, 141593, tzinfo=UTC))
    one = Identity.of(scheduled(), "asked", "")
    assert one.key() != Identity.of(other, "asked", "").key()
    assert one.instance() != Identity.of(other, "asked", "").instance()


def test_a_run_that_was_created_again_under_its_id_shares_no_key() -> None:
    again = scheduled(run_after=datetime(2026, 11, 2, tzinfo=UTC))
    for reuse in Reuse:
        assert not keys(scheduled(), reuse=reuse) & keys(again, reuse=reuse)


def test_reuse_always_ignores_the_start_of_the_run() -> None:
    cleared, store = scheduled(start_date=datetime(2026, 11, 5, tzinfo=UTC)), TaskStateStore()
    assert keys(scheduled(), store, Reuse.ALWAYS) == keys(cleared, store, Reuse.ALWAYS)
    one, other = (Identity.of(each, "asked", origin_in(store)) for each in (scheduled(), cleared))
    assert one.lasting_key() == other.lasting_key() and one.instance() == other.instance()
    assert one.key() != other.key()


def test_time_zones_do_not_change_the_key() -> None:
    there = scheduled(start_date=scheduled()["dag_run"].start_date.astimezone(timezone(timedelta(hours=5))))
    assert keys(scheduled()) == keys(there)


def test_runs_without_times_are_not_distinguished() -> None:
    assert Identity.of({"ti": scheduled()["ti"]}, "asked", "").instance() == ""


@pytest.mark.parametrize("junk", ["", 5, [], {}])
def test_an_invalid_origin_is_an_error(junk: Any) -> None:
    store = TaskStateStore()
    store.set("twelvelabs_origin", junk)
    with pytest.raises(TwelveLabsRecordError, match=r"task.s origin"):
        origin_in(store)
