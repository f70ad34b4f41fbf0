"""What a search looks through, and the queries whose pages can still be read."""

from __future__ import annotations

FINDING = """
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
"""
