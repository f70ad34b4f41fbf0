"""The tables."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE IF NOT EXISTS indexes (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    legacy INTEGER NOT NULL,
    models TEXT NOT NULL,
    addons TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS assets (
    id TEXT PRIMARY KEY,
    method TEXT NOT NULL,
    status TEXT NOT NULL,
    filename TEXT NOT NULL,
    url TEXT,
    size_limit INTEGER NOT NULL,
    -- 1: made by the engine for an upload that was not an asset's (a task, an analysis); not listed
    implicit INTEGER NOT NULL,
    sha256 TEXT,
    file_type TEXT,
    probe TEXT,
    user_metadata TEXT NOT NULL,
    error_code TEXT,
    error_message TEXT,
    transcription_error TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS assets_by_content ON assets (sha256);
CREATE TABLE IF NOT EXISTS videos (
    id TEXT PRIMARY KEY,
    index_id TEXT NOT NULL REFERENCES indexes (id) ON DELETE CASCADE,
    asset_id TEXT NOT NULL REFERENCES assets (id),
    legacy INTEGER NOT NULL,
    status TEXT NOT NULL,
    progress REAL NOT NULL DEFAULT 0,
    filename TEXT NOT NULL,
    duration REAL,
    fps REAL,
    width INTEGER,
    height INTEGER,
    size INTEGER,
    title TEXT,
    user_metadata TEXT NOT NULL,
    subtitles_url TEXT,
    subtitles TEXT,
    error_code TEXT,
    error_message TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    indexed_at TEXT
);
CREATE INDEX IF NOT EXISTS videos_by_index ON videos (index_id, created_at);
CREATE INDEX IF NOT EXISTS videos_by_asset ON videos (asset_id);
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY,
    index_id TEXT NOT NULL REFERENCES indexes (id) ON DELETE CASCADE,
    video_id TEXT NOT NULL,
    status TEXT NOT NULL,
    filename TEXT NOT NULL,
    duration REAL,
    width INTEGER,
    height INTEGER,
    error_code TEXT,
    error_message TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS tasks_by_index ON tasks (index_id, created_at);
CREATE INDEX IF NOT EXISTS tasks_by_video ON tasks (video_id);
CREATE TABLE IF NOT EXISTS results (
    video_id TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    segments TEXT NOT NULL,
    PRIMARY KEY (video_id, kind)
);
CREATE TABLE IF NOT EXISTS analyses (
    id TEXT PRIMARY KEY,
    asset_id TEXT NOT NULL,
    status TEXT NOT NULL,
    custom_id TEXT,
    analysis_mode TEXT NOT NULL,
    video_url TEXT,
    request TEXT NOT NULL,
    result TEXT,
    error_message TEXT,
    idempotency_key TEXT UNIQUE,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    completed_at TEXT
);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    running INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (kind, subject)
);
CREATE TABLE IF NOT EXISTS billing (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    what TEXT NOT NULL,
    minutes REAL NOT NULL,
    subject TEXT NOT NULL,
    created_at TEXT NOT NULL,
    -- a job that is done again after a crash is billed once
    UNIQUE (what, subject)
);
"""
