"""What is asked of videos, the queue of the worker, and what the service would have billed."""

from __future__ import annotations

WORK = """
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
"""
