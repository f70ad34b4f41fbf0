"""Lines: what is said and shown in the videos of an index, found by words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from twelvelabs_local.store.database import Database


class Kind(StrEnum):
    """Where a line comes from."""

    SAID = "transcription"
    SHOWN = "text_in_video"


class Way(StrEnum):
    """How words are compared: as they are written, or by their stems (*run*, *running*)."""

    LEXICAL = "lexical"
    SEMANTIC = "semantic"


_TABLES = {Way.LEXICAL: "exact_words", Way.SEMANTIC: "word_stems"}


@dataclass(frozen=True)
class Line:
    """A line with its times in seconds."""

    video_id: str
    start: float
    end: float
    value: str


def lines_with(db: Database, index_id: str, kind: Kind, way: Way, word: str) -> list[Line]:
    """Return the lines with a word in the videos of an index.

    :param word: letters and digits only.
    """
    table = _TABLES[way]
    sql = (
        f'SELECT lines.video_id, start, "end", lines.value FROM {table} JOIN lines ON lines.id = {table}.rowid'
        " JOIN videos ON videos.id = lines.video_id"
        f" WHERE {table} MATCH ? AND lines.kind = ? AND videos.index_id = ?"
    )
    # quoted, so that it is no operator
    return [Line(*row) for row in db.all(sql, f'"{word}"', kind, index_id)]


def count_lines(db: Database, index_id: str, kind: Kind) -> int:
    """Return how many lines the videos of an index have."""
    sql = "SELECT count(*) AS n FROM lines JOIN videos ON videos.id = lines.video_id WHERE kind = ? AND index_id = ?"
    row = db.first(sql, kind, index_id)
    return int(row["n"]) if row else 0


def words_between(db: Database, video_id: str, start: float, end: float) -> str:
    """Return what is said in a stretch of a video."""
    sql = 'SELECT value FROM lines WHERE video_id = ? AND kind = ? AND "end" > ? AND start < ? ORDER BY start'
    return " ".join(row["value"] for row in db.all(sql, video_id, Kind.SAID, start, end))
