"""Searches whose results are still read page by page."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from twelvelabs_local.identity import later, now
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.records import Search

PAGE_SECONDS = 3600
KEPT_SECONDS = 24 * 3600


def keep_search(
    db: Database, way: str, index_id: str, request: Mapping[str, Any], results: Sequence[Mapping[str, Any]]
) -> Search:
    """Keep what a search found for its pages; forget what expired long ago."""
    moment = now()
    values = {
        "id": str(uuid.uuid4()),
        "way": way,
        "index_id": index_id,
        "request": json.dumps(request),
        "results": json.dumps(list(results)),
        "expires_at": later(moment, PAGE_SECONDS),
        "created_at": moment,
    }
    with db.transaction():
        db.run("DELETE FROM searches WHERE expires_at < ?", later(moment, -KEPT_SECONDS))
        db.insert("searches", values)
    return Search(values["id"], way, index_id, request, results, values["expires_at"])


def find_search(db: Database, search_id: str) -> Search | None:
    """Return a search, or None."""
    row = db.first("SELECT * FROM searches WHERE id = ?", search_id)
    return Search.of(row) if row else None


def expire_searches(db: Database) -> int:
    """Let the pages of all searches expire now; return how many there were."""
    return db.run("UPDATE searches SET expires_at = ? WHERE expires_at > ?", now(), now())
