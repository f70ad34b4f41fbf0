"""All tables, and what it takes to bring those of an older data folder up to date."""

from __future__ import annotations

import sqlite3

from twelvelabs_local.store.tables.accounts import ACCOUNTS
from twelvelabs_local.store.tables.finding import FINDING
from twelvelabs_local.store.tables.knowledge import KNOWLEDGE
from twelvelabs_local.store.tables.library import LIBRARY
from twelvelabs_local.store.tables.webhooks import WEBHOOKS
from twelvelabs_local.store.tables.work import WORK

SCHEMA = "".join((LIBRARY, WORK, KNOWLEDGE, ACCOUNTS, FINDING, WEBHOOKS))


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables that are missing, and add the columns that an older data folder does not have yet."""
    fresh = sqlite3.connect(":memory:")
    fresh.executescript(SCHEMA)
    for table in _tables(connection) & _tables(fresh):
        known = _columns(connection, table)
        for name, definition in _columns(fresh, table).items():
            if name not in known:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {definition}")
    fresh.close()
    connection.executescript(SCHEMA)


def _tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
    return {name for (name,) in rows.fetchall() if not name.startswith("sqlite_")}


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """Return the columns of a table with what rows that are there already can be given of their definitions."""
    rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return {name: kind if default is None else f"{kind} DEFAULT {default}" for _, name, kind, _, default, _ in rows}
