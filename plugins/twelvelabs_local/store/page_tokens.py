"""Tokens for the next page of a search in a knowledge store; each is good for an hour."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twelvelabs_local.identity import later, now
from twelvelabs_local.store.database import Database

GOOD_FOR = 3600.0
"""Seconds."""

REMEMBERED_FOR = 86_400.0
"""Seconds for which an expired token is still known as one."""


@dataclass(frozen=True)
class NextPage:
    """Which search a token goes on with.

    :param request: the search as it was asked for.
    :param position: how many results were shown before.
    """

    request: Mapping[str, Any]
    position: int
    expired: bool = False


def keep_page(db: Database, store_id: str, page: NextPage) -> str:
    """Return a new token for a page."""
    token = secrets.token_urlsafe(24)
    moment = now()
    with db.transaction():
        db.run("DELETE FROM knowledge_page_tokens WHERE expires_at < ?", later(moment, -REMEMBERED_FOR))
        values = {
            "token": token,
            "store_id": store_id,
            "request": json.dumps(page.request),
            "position": page.position,
            "expires_at": later(moment, GOOD_FOR),
        }
        db.insert("knowledge_page_tokens", values)
    return token


def find_page(db: Database, store_id: str, token: str) -> NextPage | None:
    """Return the page of a token, or None where the store knows no such token."""
    row = db.first("SELECT * FROM knowledge_page_tokens WHERE token = ? AND store_id = ?", token, store_id)
    return NextPage(json.loads(row["request"]), row["position"], row["expires_at"] < now()) if row else None
