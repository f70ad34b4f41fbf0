"""Data folders of older engines."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.engine.client import Api
from tests.engine_process import running_engine
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.schema import open_database


def columns(path: Path, table: str) -> set[str]:
    with sqlite3.connect(path) as connection:
        return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def test_missing_columns_and_tables_are_added(tmp_path: Path, clip: Path) -> None:
    with running_engine(tmp_path) as engine:
        asset_id = Api(engine).asset(clip)
    database = DataFolder(tmp_path).database
    newest = columns(database, "assets")
    with sqlite3.connect(database) as connection:
        connection.execute("ALTER TABLE assets DROP COLUMN transcription_error")
        connection.execute("DROP TABLE webhook_deliveries")
    assert columns(database, "assets") == newest - {"transcription_error"}
    with running_engine(tmp_path) as engine:
        assert Api(engine).get(f"/assets/{asset_id}")["status"] == "ready"
    assert columns(database, "assets") == newest
    assert columns(database, "webhook_deliveries")


def test_an_up_to_date_data_folder_is_unchanged(tmp_path: Path) -> None:
    open_database(tmp_path / "a.db")
    before = columns(tmp_path / "a.db", "videos")
    open_database(tmp_path / "a.db")
    assert columns(tmp_path / "a.db", "videos") == before
