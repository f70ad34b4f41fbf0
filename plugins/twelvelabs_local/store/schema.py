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
CREATE TABLE IF NOT EXISTS embedding_tasks (
    id TEXT PRIMARY KEY,
    -- 1: /embed/tasks, 2: /embed-v2/tasks
    edition INTEGER NOT NULL,
    kind TEXT NOT NULL,
    asset_id TEXT NOT NULL,
    status TEXT NOT NULL,
    request TEXT NOT NULL,
    result TEXT,
    error_message TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
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
-- what is said and shown in videos, line by line; kept beside the results by the triggers below
CREATE TABLE IF NOT EXISTS lines (
    id INTEGER PRIMARY KEY,
    video_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    start REAL NOT NULL,
    "end" REAL NOT NULL,
    value TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS lines_by_video ON lines (video_id, kind, start);
CREATE VIRTUAL TABLE IF NOT EXISTS exact_words USING fts5 (
    value, content = 'lines', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE IF NOT EXISTS word_stems USING fts5 (
    value, content = 'lines', content_rowid = 'id', tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER IF NOT EXISTS line_found AFTER INSERT ON lines BEGIN
    INSERT INTO exact_words (rowid, value) VALUES (new.id, new.value);
    INSERT INTO word_stems (rowid, value) VALUES (new.id, new.value);
END;
CREATE TRIGGER IF NOT EXISTS line_gone AFTER DELETE ON lines BEGIN
    INSERT INTO exact_words (exact_words, rowid, value) VALUES ('delete', old.id, old.value);
    INSERT INTO word_stems (word_stems, rowid, value) VALUES ('delete', old.id, old.value);
END;
CREATE TRIGGER IF NOT EXISTS result_found AFTER INSERT ON results BEGIN
    DELETE FROM lines WHERE video_id = new.video_id AND kind = new.kind;
    INSERT INTO lines (video_id, kind, start, "end", value)
    SELECT new.video_id, new.kind, value ->> 'start', value ->> 'end', value ->> 'value' FROM json_each(new.segments);
END;
CREATE TRIGGER IF NOT EXISTS result_gone AFTER DELETE ON results BEGIN
    DELETE FROM lines WHERE video_id = old.video_id AND kind = old.kind;
END;
-- a data folder may be older than these tables
INSERT INTO lines (video_id, kind, start, "end", value)
SELECT video_id, kind, each.value ->> 'start', each.value ->> 'end', each.value ->> 'value'
FROM results, json_each(results.segments) AS each
WHERE NOT EXISTS (SELECT 1 FROM lines WHERE lines.video_id = results.video_id AND lines.kind = results.kind);
CREATE TABLE IF NOT EXISTS searches (
    id TEXT PRIMARY KEY,
    -- the path below which its pages lie
    way TEXT NOT NULL,
    index_id TEXT NOT NULL REFERENCES indexes (id) ON DELETE CASCADE,
    request TEXT NOT NULL,
    results TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS batches (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    analysis_mode TEXT NOT NULL,
    model_name TEXT NOT NULL,
    total_items INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    ended_at TEXT
);
CREATE TABLE IF NOT EXISTS batch_items (
    task_id TEXT PRIMARY KEY,
    batch_id TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    position INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS batch_items_by_batch ON batch_items (batch_id, position);
-- whichever process ends an item, its batch moves on with it
CREATE TRIGGER IF NOT EXISTS batch_item_moved AFTER UPDATE OF status ON analyses
WHEN NEW.status <> OLD.status AND EXISTS (SELECT 1 FROM batch_items WHERE task_id = NEW.id)
BEGIN
    UPDATE batches SET status = 'processing', updated_at = NEW.updated_at
    WHERE status = 'pending' AND id = (SELECT batch_id FROM batch_items WHERE task_id = NEW.id);
    UPDATE batches SET
        status = CASE status WHEN 'canceling' THEN 'canceled' ELSE 'completed' END,
        updated_at = NEW.updated_at,
        ended_at = NEW.updated_at
    WHERE status IN ('processing', 'canceling') AND id = (SELECT batch_id FROM batch_items WHERE task_id = NEW.id)
        AND NOT EXISTS (
            SELECT 1 FROM batch_items JOIN analyses ON analyses.id = batch_items.task_id
            WHERE batch_items.batch_id = batches.id AND analyses.completed_at IS NULL
        );
END;
CREATE TABLE IF NOT EXISTS webhooks (
    url TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    copies INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    retry_seconds REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS webhook_events (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS webhook_deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    url TEXT NOT NULL REFERENCES webhooks (url) ON DELETE CASCADE,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    -- epoch seconds; NULL when there is nothing left to try
    next_at REAL
);
CREATE INDEX IF NOT EXISTS webhook_deliveries_by_subject ON webhook_deliveries (subject);
-- an event comes into being together with what it tells of, whichever process that is
CREATE TRIGGER IF NOT EXISTS analysis_ended AFTER UPDATE OF status ON analyses
WHEN NEW.completed_at IS NOT NULL AND OLD.completed_at IS NULL AND EXISTS (SELECT 1 FROM webhooks)
    AND NOT EXISTS (SELECT 1 FROM batch_items WHERE task_id = NEW.id)
    -- a call that answers by itself is no task
    AND json_extract(NEW.request, '$.stream') IS NULL
BEGIN
    INSERT INTO webhook_events
    VALUES ('whe_' || lower(hex(randomblob(12))), 'analyze.task.' || NEW.status, NEW.id, NEW.updated_at);
END;
CREATE TRIGGER IF NOT EXISTS batch_ended AFTER UPDATE OF status ON batches
WHEN NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL AND EXISTS (SELECT 1 FROM webhooks)
BEGIN
    INSERT INTO webhook_events
    VALUES ('whe_' || lower(hex(randomblob(12))), 'analyze.batch.' || NEW.status, NEW.id, NEW.updated_at);
END;
CREATE TRIGGER IF NOT EXISTS video_ended AFTER UPDATE OF status ON videos
WHEN NEW.status IN ('ready', 'failed') AND OLD.status NOT IN ('ready', 'failed') AND EXISTS (SELECT 1 FROM webhooks)
BEGIN
    INSERT INTO webhook_events
    VALUES ('whe_' || lower(hex(randomblob(12))), 'index.task.' || NEW.status, NEW.id, NEW.updated_at);
END;
"""
