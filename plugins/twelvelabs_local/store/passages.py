"""Passages: the speech and on-screen text of knowledge store items, in a full-text index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from twelvelabs_local.store.database import Database, Row

PASSAGES_TABLE = """
CREATE VIRTUAL TABLE IF NOT EXISTS passages USING fts5 (
    text, item_id UNINDEXED, modality UNINDEXED, start_sec UNINDEXED, end_sec UNINDEXED,
    tokenize = 'porter unicode61 remove_diacritics 2'
);
"""

_WORD = re.compile(r"\w+")
_COMMON = frozenset(
    _WORD.findall(
        "a about all an and any are as at be been but by can could did do does for from had has have he how i if image"
        " images in into is it its me my no not of on or our picture said say says she show shown shows so tell that"
        " the their them then there these they this those to us video videos was we were what when where which who why"
        " will with would you your"
    )
)
_OVERVIEW = _COMMON | frozenset(
    _WORD.findall("content contents describe explain happens overview summarise summarize summary")
)


class Modality(StrEnum):
    """Whether a passage is on-screen text or speech."""

    VISUAL = "visual"
    AUDIO = "audio"


@dataclass(frozen=True)
class Passage:
    """A sentence or an on-screen text of an item.

    :param start: seconds; 0 in an image.
    :param end: seconds; 0 in an image.
    """

    item_id: str
    modality: Modality
    start: float
    end: float
    text: str


def words_of(question: str) -> list[str]:
    """Return the words of a question without common words. A question of common words only keeps all of them."""
    words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(question)))
    return [word for word in words if word not in _COMMON] or words


def wants_overview(question: str) -> bool:
    """Return whether a question asks for an overview: none of its words can be searched for."""
    return all(word.casefold() in _OVERVIEW for word in _WORD.findall(question))


def save_passages(db: Database, passages: Iterable[Passage]) -> None:
    """Add passages to the full-text index."""
    sql = "INSERT INTO passages (item_id, modality, start_sec, end_sec, text) VALUES (?, ?, ?, ?, ?)"
    with db.transaction():
        for one in passages:
            db.run(sql, one.item_id, one.modality, one.start, one.end, one.text)


def delete_passages(db: Database, item_id: str) -> None:
    """Delete the passages of an item."""
    db.run("DELETE FROM passages WHERE item_id = ?", item_id)


def find_passages(
    db: Database, words: Sequence[str], item_ids: Sequence[str], modalities: Iterable[Modality]
) -> list[Passage]:
    """Return the passages with any of some words, by BM25 score, then by item and time.

    :param words: the words; forms of a word count as the same word.
    :param item_ids: the items to search.
    """
    wanted = {modality.value for modality in modalities}
    if not words or not item_ids or not wanted:
        return []
    # quoted, because FTS5 reads some bare words as operators
    question = " OR ".join(f'"{word}"' for word in words)
    rows = db.rows(
        f"SELECT * FROM passages WHERE passages MATCH ? AND item_id IN ({_marks(item_ids)})"
        " ORDER BY round(rank, 6), item_id, start_sec, modality",
        question,
        *item_ids,
    )
    return [_passage(row) for row in rows if row["modality"] in wanted]


def passages_of(db: Database, item_id: str) -> list[Passage]:
    """Return all passages of an item, by time."""
    sql = "SELECT * FROM passages WHERE item_id = ? ORDER BY start_sec, end_sec, rowid"
    return [_passage(row) for row in db.rows(sql, item_id)]


def _passage(row: Row) -> Passage:
    return Passage(row["item_id"], Modality(row["modality"]), row["start_sec"], row["end_sec"], row["text"])


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
