"""What users keep: indexes, files, videos, and the uploads and pictures of files."""

from __future__ import annotations

LIBRARY = """
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
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY,
    asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    total_size INTEGER NOT NULL,
    chunk_size INTEGER NOT NULL,
    total_chunks INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS uploads_by_asset ON uploads (asset_id);
-- the parts that have arrived; one that was not reported yet is pending
CREATE TABLE IF NOT EXISTS upload_chunks (
    upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    status TEXT NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT,
    error TEXT,
    uploaded_at TEXT,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (upload_id, number)
);
-- a link for a part is good once
CREATE TABLE IF NOT EXISTS used_links (
    nonce TEXT PRIMARY KEY,
    upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE
);
CREATE TABLE IF NOT EXISTS renditions (
    asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    PRIMARY KEY (asset_id, kind)
);
"""
