"""Connected accounts, and what was imported from them."""

from __future__ import annotations

ACCOUNTS = """
CREATE TABLE IF NOT EXISTS connections (
    id TEXT PRIMARY KEY,
    folder TEXT NOT NULL,
    custom_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS redirect_uris (
    id TEXT PRIMARY KEY,
    redirect_uri TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS imports (
    id TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    custom_id TEXT,
    item_count INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS import_items (
    import_id TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    source_id TEXT NOT NULL,
    action TEXT NOT NULL,
    asset_id TEXT,
    error_code TEXT,
    error_message TEXT,
    PRIMARY KEY (import_id, position)
);
-- what was imported through an account, whichever connection it was
CREATE TABLE IF NOT EXISTS imported (
    account TEXT NOT NULL,
    source_id TEXT NOT NULL,
    asset_id TEXT NOT NULL,
    filename TEXT NOT NULL,
    PRIMARY KEY (account, source_id)
);
CREATE INDEX IF NOT EXISTS imported_by_asset ON imported (asset_id);
CREATE TABLE IF NOT EXISTS transfers (
    id TEXT PRIMARY KEY,
    integration_id TEXT NOT NULL,
    index_id TEXT NOT NULL REFERENCES indexes (id) ON DELETE CASCADE,
    failed_files TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS transferred (
    integration_id TEXT NOT NULL,
    index_id TEXT NOT NULL REFERENCES indexes (id) ON DELETE CASCADE,
    filename TEXT NOT NULL,
    transfer_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    video_id TEXT,
    error_message TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (integration_id, index_id, filename)
);
"""
