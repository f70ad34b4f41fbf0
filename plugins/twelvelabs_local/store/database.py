"""SQLite as both processes use it: WAL, one connection per thread, short write transactions."""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twelvelabs_local.store.schema import prepare

Row = sqlite3.Row


@dataclass(frozen=True)
class Paging:
    """Which part of a list is asked for.

    :param page: 1-based page.
    :param limit: items per page.
    :param sort_by: ``created_at`` or ``updated_at``.
    :param descending: newest first.
    """

    page: int = 1
    limit: int = 10
    sort_by: str = "created_at"
    descending: bool = True


@dataclass(frozen=True)
class Page:
    """A part of a list.

    :param rows: the rows of this page.
    :param total: how many rows all pages have.
    :param paging: what was asked for.
    """

    rows: Sequence[Row]
    total: int
    paging: Paging

    def info(self) -> Mapping[str, int]:
        """Return the service's ``page_info``."""
        return {
            "limit_per_page": self.paging.limit,
            "page": self.paging.page,
            "total_page": max(1, math.ceil(self.total / self.paging.limit)),
            "total_results": self.total,
        }


@dataclass(frozen=True)
class Condition:
    """One condition of a list, in SQL.

    :param sql: an expression with question marks.
    :param values: what stands for the question marks.
    """

    sql: str
    values: Sequence[Any] = ()


class Database:
    """The engine's SQLite file.

    :param path: the file; created with its tables when missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        # executescript commits by itself, so it cannot run inside a transaction
        prepare(self._connection())

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            # a commit survives the death of the process; only a power cut may lose the last ones
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside a write transaction; a nested one joins the outer."""
        connection = self._connection()
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Return all rows of a query."""
        return self._connection().execute(sql, values).fetchall()

    def first(self, sql: str, *values: Any) -> Row | None:
        """Return the first row of a query, or nothing."""
        row: Row | None = self._connection().execute(sql, values).fetchone()
        return row

    def run(self, sql: str, *values: Any) -> int:
        """Run one write and return how many rows it touched."""
        with self.transaction() as connection:
            return connection.execute(sql, values).rowcount

    def insert(self, table: str, values: Mapping[str, Any]) -> None:
        """Insert one row.

        :param table: the table.
        :param values: column names and values.
        """
        marks = ", ".join("?" * len(values))
        self.run(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", *values.values())

    def update(self, table: str, row_id: str, values: Mapping[str, Any]) -> int:
        """Update one row by its id and return how many were there (0 or 1)."""
        pairs = ", ".join(f"{name} = ?" for name in values)
        return self.run(f"UPDATE {table} SET {pairs} WHERE id = ?", *values.values(), row_id)

    def page(self, table: str, conditions: Sequence[Condition], paging: Paging) -> Page:
        """Return one page of a table.

        :param table: the table; it has ``created_at``, ``updated_at`` and ``id``.
        :param conditions: all of them must hold.
        :param paging: the page.
        """
        where = " AND ".join(f"({condition.sql})" for condition in conditions) or "1"
        values = [value for condition in conditions for value in condition.values]
        total = self.first(f"SELECT count(*) AS n FROM {table} WHERE {where}", *values)
        order = "DESC" if paging.descending else "ASC"
        rows = self.all(
            f"SELECT * FROM {table} WHERE {where} ORDER BY {paging.sort_by} {order}, id {order} LIMIT ? OFFSET ?",
            *values,
            paging.limit,
            (paging.page - 1) * paging.limit,
        )
        return Page(rows, total["n"] if total else 0, paging)
