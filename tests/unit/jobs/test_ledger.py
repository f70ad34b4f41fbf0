"""What one try of a task remembers for the next."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from twelvelabs_provider.jobs.job import JobKind, JobRef, PendingJob
from twelvelabs_provider.jobs.ledger import Identity, Ledger, fingerprint

IDENTITY = Identity("dag", "manual__2026", "index", -1, 3, fingerprint("s3://b/a.mp4", "i1"))
PENDING = PendingJob(JobRef(JobKind.ASSET, "c1"), 1.0, 2.0, 3.0, {"filename": "a.mp4"})


class Store:
    """A state store as Airflow's: JSON in, JSON out."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.rows[key]) if key in self.rows else default

    def set(self, key: str, value: Any) -> None:
        self.rows[key] = json.dumps(value)

    def delete(self, key: str) -> None:
        del self.rows[key]


class BrokenStore(Store):
    """A store that cannot be reached."""

    def get(self, key: str, default: Any = None) -> Any:
        raise ConnectionError("the API server does not answer")


def test_a_retry_finds_the_job() -> None:
    store = Store()
    Ledger(store, IDENTITY).record(PENDING)
    assert Ledger(store, replace(IDENTITY)).recall() == PENDING


def test_nothing_is_there_before() -> None:
    assert Ledger(Store(), IDENTITY).recall() is None


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
    store = Store()
    Ledger(store, IDENTITY).record(PENDING)
    assert Ledger(store, replace(IDENTITY, **other)).recall() is None
    assert Ledger(store, IDENTITY).recall() == PENDING, "and does not take it away"


@pytest.mark.parametrize("junk", ["x", 5, [], {}, {"identity": "x"}, {"pending": PENDING.as_json()}])
def test_what_somebody_else_stored_is_not_believed(junk: Any) -> None:
    store = Store()
    Ledger(store, IDENTITY).record(PENDING)
    key = next(iter(store.rows))
    store.rows[key] = json.dumps(junk)
    assert Ledger(store, IDENTITY).recall() is None


def test_a_store_that_cannot_be_read_is_an_error_not_an_absence() -> None:
    with pytest.raises(ConnectionError):
        Ledger(BrokenStore(), IDENTITY).recall()


def test_forgetting() -> None:
    store = Store()
    ledger = Ledger(store, IDENTITY)
    ledger.forget()
    ledger.record(PENDING)
    ledger.forget()
    assert ledger.recall() is None
    assert store.rows == {}


def test_without_a_store_nothing_is_remembered() -> None:
    ledger = Ledger(None, IDENTITY)
    ledger.record(PENDING)
    ledger.forget()
    assert ledger.recall() is None


def test_a_newer_job_replaces_the_older() -> None:
    store = Store()
    ledger = Ledger(store, IDENTITY)
    ledger.record(PENDING)
    following = PENDING.followed_by(JobRef(JobKind.INDEXED_ASSET, "v1", "i1"), 9.0)
    ledger.record(following)
    assert ledger.recall() == following


def test_the_parts_of_an_identity_do_not_run_together() -> None:
    assert replace(IDENTITY, dag_id="da", run_id="gmanual__2026").key() != IDENTITY.key()
    assert replace(IDENTITY, map_index=-1, life=13).key() != replace(IDENTITY, map_index=-11, life=3).key()
    assert len(IDENTITY.key()) == 64


def test_a_fingerprint_tells_types_and_order() -> None:
    assert fingerprint("a", None) == fingerprint("a", None)
    different = [fingerprint("a", None), fingerprint(None, "a"), fingerprint("a", "None"), fingerprint("a")]
    assert len(set(different)) == 4
