"""The tables of all records, and the upgrade of older data folders."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from twelvelabs_local.store.analyses import Analysis
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.batches import BATCH_TRIGGERS, Batch, BatchItem
from twelvelabs_local.store.billing import Bill
from twelvelabs_local.store.connections import Connection, RedirectUri
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.embeddings import EmbeddingTask
from twelvelabs_local.store.entities import Entity, EntityAsset, EntityCollection
from twelvelabs_local.store.imports import Import, ImportedFile, ImportItem
from twelvelabs_local.store.indexes import Index
from twelvelabs_local.store.job_queue import Job
from twelvelabs_local.store.knowledge import CollectedItem, ItemCollection, KnowledgeItem, KnowledgeStore
from twelvelabs_local.store.page_tokens import PageToken
from twelvelabs_local.store.passages import PASSAGES_TABLE
from twelvelabs_local.store.record import Record, columns, table_sql
from twelvelabs_local.store.renditions import Rendition
from twelvelabs_local.store.search_lines import LINE_TRIGGERS, Line
from twelvelabs_local.store.searches import SavedSearch
from twelvelabs_local.store.sessions import Session
from twelvelabs_local.store.transfers import Transfer, TransferFile
from twelvelabs_local.store.uploads import Upload, UploadChunk, UsedLink
from twelvelabs_local.store.videos import Task, Video, VideoResult
from twelvelabs_local.store.webhooks import WEBHOOK_TRIGGERS, Delivery, Event, Webhook

TABLES: Sequence[type[Record]] = (
    Index, Asset, Video, Task, VideoResult, Upload, UploadChunk, UsedLink, Rendition,
    Analysis, EmbeddingTask, Batch, BatchItem, Job, Bill,
    EntityCollection, Entity, EntityAsset,
    KnowledgeStore, KnowledgeItem, ItemCollection, CollectedItem, PageToken, Session,
    Connection, RedirectUri, Import, ImportItem, ImportedFile, Transfer, TransferFile,
    Line, SavedSearch,
    Webhook, Event, Delivery,
)  # fmt: skip


def open_database(path: Path) -> Database:
    """Open the engine's SQLite file. Missing tables and columns are created.

    :param path: the file; created when missing.
    """
    db = Database(path)
    connection = db.connection
    for record in TABLES:
        _add_missing_columns(connection, record)
    tables = "".join(map(table_sql, TABLES))
    # executescript commits, so it cannot run inside a transaction
    connection.executescript(tables + PASSAGES_TABLE + LINE_TRIGGERS + BATCH_TRIGGERS + WEBHOOK_TRIGGERS)
    return db


def _add_missing_columns(connection: sqlite3.Connection, record: type[Record]) -> None:
    """Add the columns that the table of an older data folder lacks."""
    existing = {row["name"] for row in connection.execute(f"PRAGMA table_info({record.table})")}
    for column in columns(record) if existing else ():
        if column.name not in existing:
            connection.execute(f"ALTER TABLE {record.table} ADD COLUMN {column.added_sql}")
