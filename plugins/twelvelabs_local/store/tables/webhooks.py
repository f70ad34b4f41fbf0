"""Who is told of what has ended."""

from __future__ import annotations

WEBHOOKS = """
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
