"""Connections to folders, and allowed redirect URIs."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from twelvelabs_local.connected_folders import ConnectedFolder
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.record import Resource


@dataclass(frozen=True, kw_only=True)
class Connection(Resource, table="connections"):
    """A connected folder.

    :param folder: the resolved path.
    :param custom_id: a label.
    """

    folder: str
    custom_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class RedirectUri(Resource, table="redirect_uris"):
    """An allowed redirect URI of an authorization."""

    redirect_uri: Annotated[str, "UNIQUE"]


def connect_new_folders(db: Database, roots: Sequence[Path]) -> None:
    """Connect the folders of the command line that are not connected."""
    for root in roots:
        if db.count(Connection, folder=str(root)) == 0:
            db.insert(Connection(folder=str(root)))


def find_bucket(db: Database, bucket: str) -> ConnectedFolder | None:
    """Return the connected folder with a bucket name, or None."""
    folders = (ConnectedFolder(Path(one.folder)) for one in db.select(Connection, "ORDER BY id"))
    return next((folder for folder in folders if folder.bucket == bucket), None)


def create_redirect_uri(db: Database, redirect_uri: str) -> RedirectUri | None:
    """Allow a redirect URI. Return None when it is already allowed."""
    try:
        return db.insert(RedirectUri(redirect_uri=redirect_uri))
    except sqlite3.IntegrityError:
        return None


def redirect_uris(db: Database) -> list[str]:
    """Return all allowed redirect URIs."""
    return [one.redirect_uri for one in db.select(RedirectUri, "")]
