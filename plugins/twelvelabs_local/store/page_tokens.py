"""Page tokens of searches in a knowledge store, valid for an hour."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from twelvelabs_local.store.database import Database
from twelvelabs_local.store.record import Record
from twelvelabs_local.times import add_seconds, now

LIFETIME_SECONDS = 3600.0
REMEMBERED_SECONDS = 86_400.0
"""Time for which an expired token is answered as expired instead of unknown."""


@dataclass(frozen=True, kw_only=True)
class PageToken(Record, table="knowledge_page_tokens"):
    """The token of a next page.

    :param request: the search.
    :param position: number of results on the earlier pages.
    """

    token: Annotated[str, "PRIMARY KEY"] = field(default_factory=lambda: secrets.token_urlsafe(24))
    store_id: Annotated[str, "REFERENCES knowledge_stores (id) ON DELETE CASCADE"]
    request: Mapping[str, Any]
    position: int
    expires_at: str

    @property
    def expired(self) -> bool:
        """Whether its page is no longer available."""
        return self.expires_at < now()


def create_page_token(db: Database, store_id: str, request: Mapping[str, Any], position: int) -> str:
    """Return a new token for a page. Delete the tokens that expired long ago."""
    moment = now()
    with db.transaction():
        db.run("DELETE FROM knowledge_page_tokens WHERE expires_at < ?", add_seconds(moment, -REMEMBERED_SECONDS))
        expires_at = add_seconds(moment, LIFETIME_SECONDS)
        return db.insert(PageToken(store_id=store_id, request=request, position=position, expires_at=expires_at)).token
