"""Lines: the speech and on-screen text of indexed videos, in a full-text index."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from twelvelabs_local.store.database import Database
from twelvelabs_local.store.record import Record

LINE_TRIGGERS = """
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
-- a data folder may be older than the lines
INSERT INTO lines (video_id, kind, start, "end", value)
SELECT video_id, kind, each.value ->> 'start', each.value ->> 'end', each.value ->> 'value'
FROM results, json_each(results.segments) AS each
WHERE NOT EXISTS (SELECT 1 FROM lines WHERE lines.video_id = results.video_id AND lines.kind = results.kind);
"""
"""The triggers keep the lines and both full-text indexes in step with the results of videos."""


class Kind(StrEnum):
    """The source of a line."""

    SPEECH = "transcription"
    SCREEN = "text_in_video"


class WordMatch(StrEnum):
    """How words are compared: as written, or by their stems (*run*, *running*)."""

    LEXICAL = "lexical"
    SEMANTIC = "semantic"


_TABLES = {WordMatch.LEXICAL: "exact_words", WordMatch.SEMANTIC: "word_stems"}


@dataclass(frozen=True, kw_only=True)
class Line(Record, table="lines", indexes=("video_id, kind, start",)):
    """A line with its times in seconds."""

    id: Annotated[int | None, "PRIMARY KEY"] = field(default=None, compare=False)
    video_id: str
    kind: Kind
    start: float
    end: float
    value: str


def lines_with(db: Database, index_id: str, kind: Kind, match: WordMatch, word: str) -> list[Line]:
    """Return the lines with a word in the videos of an index.

    :param word: letters and digits only.
    """
    table = _TABLES[match]
    sql = (
        f"SELECT lines.* FROM {table} JOIN lines ON lines.id = {table}.rowid"
        " JOIN videos ON videos.id = lines.video_id"
        f" WHERE {table} MATCH ? AND lines.kind = ? AND videos.index_id = ?"
    )
    # quoted, because FTS5 reads some bare words as operators
    return [Line.of(row) for row in db.rows(sql, f'"{word}"', kind, index_id)]


def count_lines(db: Database, index_id: str, kind: Kind) -> int:
    """Return the number of lines in the videos of an index."""
    sql = "SELECT count(*) FROM lines JOIN videos ON videos.id = lines.video_id WHERE kind = ? AND index_id = ?"
    return int(db.value(sql, kind, index_id))


def words_between(db: Database, video_id: str, start: float, end: float) -> str:
    """Return the speech in a time range of a video."""
    clauses = 'WHERE video_id = ? AND kind = ? AND "end" > ? AND start < ? ORDER BY start'
    return " ".join(line.value for line in db.select(Line, clauses, video_id, Kind.SPEECH, start, end))
