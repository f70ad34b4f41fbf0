"""SQLite with records: WAL, one connection per thread, short write transactions."""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from twelvelabs_local.store.record import Record, columns

Row = sqlite3.Row
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Paging:
    """The requested page of a list.

    :param page: 1-based page.
    :param limit: items per page.
    :param sort_by: a column.
    :param descending: newest first.
    """

    page: int = 1
    limit: int = 10
    sort_by: str = "created_at"
    descending: bool = True


@dataclass(frozen=True)
class Page(Generic[R]):
    """One page of a list.

    :param records: the records of this page.
    :param total: number of records on all pages.
    :param paging: the request.
    """

    records: Sequence[R]
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
    :param values: the values of the question marks.
    """

    sql: str
    values: Sequence[Any] = ()


class Database:
    """The engine's SQLite file. ``schema.open_database`` opens it with its tables.

    :param path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this thread."""
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
    def transaction(self) -> Iterator[None]:
        """Run the block in a write transaction. A nested transaction joins the outer one."""
        connection = self.connection
        if connection.in_transaction:
            yield
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def find(self, record: type[R], /, **equal: Any) -> R | None:
        """Return the first record with these values, or None."""
        found = self.select(record, f"WHERE {_all(equal)} LIMIT 1", *equal.values())
        return found[0] if found else None

    def select(self, record: type[R], clauses: str, *values: Any) -> list[R]:
        """Return the records that ``SELECT * FROM`` their table finds.

        :param clauses: ``WHERE``, ``ORDER BY`` and ``LIMIT``, in SQL.
        :param values: the values of the question marks.
        """
        return [record.of(row) for row in self.rows(f"SELECT * FROM {record.table} {clauses}", *values)]

    def count(self, record: type[Record], /, **equal: Any) -> int:
        """Return the number of records with these values."""
        return int(self.value(f"SELECT count(*) FROM {record.table} WHERE {_all(equal)}", *equal.values()))

    def page(self, record: type[R], conditions: Sequence[Condition], paging: Paging) -> Page[R]:
        """Return one page of the records that fulfil all conditions."""
        where = " AND ".join(f"({condition.sql})" for condition in conditions) or "1"
        values = [value for condition in conditions for value in condition.values]
        total = self.value(f"SELECT count(*) FROM {record.table} WHERE {where}", *values)
        order = "DESC" if paging.descending else "ASC"
        clauses = f"WHERE {where} ORDER BY {paging.sort_by} {order}, rowid {order} LIMIT ? OFFSET ?"
        records = self.select(record, clauses, *values, paging.limit, (paging.page - 1) * paging.limit)
        return Page(records, total, paging)

    def insert(self, record: R) -> R:
        """Insert a record and return it."""
        self._insert("INSERT", record)
        return record

    def insert_new(self, record: Record) -> bool:
        """Insert a record unless one with its key exists; return whether it was inserted."""
        return self._insert("INSERT OR IGNORE", record) == 1

    def replace(self, record: Record) -> None:
        """Insert a record in place of the one with its key."""
        self._insert("INSERT OR REPLACE", record)

    def _insert(self, verb: str, record: Record) -> int:
        known = columns(type(record))
        names, marks = ", ".join(f'"{column.name}"' for column in known), ", ".join("?" * len(known))
        values = [column.write(getattr(record, column.name)) for column in known]
        return self.run(f"{verb} INTO {record.table} ({names}) VALUES ({marks})", *values)

    def update(self, record: type[Record], record_id: str | int | None, /, **changes: Any) -> int:
        """Change one record and return how many have the id: 0 or 1."""
        known = {column.name: column for column in columns(record)}
        pairs = ", ".join(f"{name} = ?" for name in changes)
        values = [known[name].write(value) for name, value in changes.items()]
        return self.run(f"UPDATE {record.table} SET {pairs} WHERE id = ?", *values, record_id)

    def delete(self, record: type[Record], /, **equal: Any) -> int:
        """Delete the records with these values and return their number."""
        return self.run(f"DELETE FROM {record.table} WHERE {_all(equal)}", *equal.values())

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """Return the rows of a query."""
        return self.connection.execute(sql, values).fetchall()

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row of a query, or None."""
        row = self.connection.execute(sql, values).fetchone()
        return row[0] if row else None

    def run(self, sql: str, *values: Any) -> int:
        """Run one write and return the number of rows that it changed."""
        with self.transaction():
            return self.connection.execute(sql, values).rowcount


def _all(equal: Mapping[str, Any]) -> str:
    return " AND ".join(f"{name} = ?" for name in equal)
