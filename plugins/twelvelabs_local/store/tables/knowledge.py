"""Entities, knowledge stores, and what is found in them."""

from __future__ import annotations

KNOWLEDGE = """
CREATE TABLE IF NOT EXISTS entity_collections (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS entities (
    id TEXT PRIMARY KEY,
    collection_id TEXT NOT NULL REFERENCES entity_collections (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT,
    metadata TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entities_by_collection ON entities (collection_id, created_at);
CREATE TABLE IF NOT EXISTS entity_assets (
    entity_id TEXT NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    PRIMARY KEY (entity_id, asset_id)
);
CREATE INDEX IF NOT EXISTS entities_by_asset ON entity_assets (asset_id);
CREATE TABLE IF NOT EXISTS knowledge_stores (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    ingestion_config TEXT,
    metadata TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS knowledge_items (
    id TEXT PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES knowledge_stores (id) ON DELETE CASCADE,
    -- the item stays when its asset is deleted
    asset_id TEXT NOT NULL,
    asset_type TEXT NOT NULL,
    status TEXT NOT NULL,
    filename TEXT NOT NULL,
    probe TEXT,
    metadata TEXT NOT NULL,
    error_message TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS knowledge_items_by_store ON knowledge_items (store_id, created_at);
CREATE INDEX IF NOT EXISTS knowledge_items_by_asset ON knowledge_items (asset_id);
CREATE TABLE IF NOT EXISTS item_collections (
    id TEXT PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES knowledge_stores (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT,
    metadata TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (store_id, name)
);
CREATE TABLE IF NOT EXISTS collected_items (
    collection_id TEXT NOT NULL REFERENCES item_collections (id) ON DELETE CASCADE,
    item_id TEXT NOT NULL REFERENCES knowledge_items (id) ON DELETE CASCADE,
    PRIMARY KEY (collection_id, item_id)
);
-- what was read and heard in items, searched by words
CREATE VIRTUAL TABLE IF NOT EXISTS passages USING fts5 (
    text, item_id UNINDEXED, modality UNINDEXED, start_sec UNINDEXED, end_sec UNINDEXED,
    tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TABLE IF NOT EXISTS knowledge_page_tokens (
    token TEXT PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES knowledge_stores (id) ON DELETE CASCADE,
    request TEXT NOT NULL,
    position INTEGER NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    store_id TEXT NOT NULL REFERENCES knowledge_stores (id) ON DELETE CASCADE,
    turns TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
"""
