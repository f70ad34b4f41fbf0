"""Saved searches, whose results clients read page by page."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from twelvelabs_local.store.database import Database
from twelvelabs_local.store.record import Record
from twelvelabs_local.times import add_seconds, now

LIFETIME_SECONDS = 3600
REMEMBERED_SECONDS = 24 * 3600
"""Time for which an expired search is answered as expired instead of unknown."""


@dataclass(frozen=True, kw_only=True)
class SavedSearch(Record, table="saved_searches"):
    """A search and all its results.

    :param path: the path of its pages.
    :param request: the parts of the request that the pages need.
    :param results: clips, best first.
    """

    id: Annotated[str, "PRIMARY KEY"] = field(default_factory=lambda: str(uuid.uuid4()))
    path: str
    index_id: Annotated[str, "REFERENCES indexes (id) ON DELETE CASCADE"]
    request: Mapping[str, Any]
    results: Sequence[Mapping[str, Any]]
    expires_at: str
    created_at: str = field(default_factory=now)

    @property
    def expired(self) -> bool:
        """Whether its pages are no longer available."""
        return self.expires_at <= now()


def save_search(
    db: Database, path: str, index_id: str, request: Mapping[str, Any], results: Sequence[Mapping[str, Any]]
) -> SavedSearch:
    """Save a search for its pages. Delete the searches that expired long ago."""
    moment = now()
    expires_at = add_seconds(moment, LIFETIME_SECONDS)
    with db.transaction():
        db.run("DELETE FROM saved_searches WHERE expires_at < ?", add_seconds(moment, -REMEMBERED_SECONDS))
        search = SavedSearch(
            path=path, index_id=index_id, request=request, results=list(results), expires_at=expires_at
        )
        return db.insert(search)


def expire_searches(db: Database) -> int:
    """Expire the pages of all searches; return the number of searches."""
    return db.run("UPDATE saved_searches SET expires_at = ? WHERE expires_at > ?", now(), now())
