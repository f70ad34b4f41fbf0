"""Passages: what was read and heard in the items of knowledge stores, found by words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from twelvelabs_local.store.database import Database, Row

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
    """How a passage was perceived."""

    VISUAL = "visual"
    AUDIO = "audio"


@dataclass(frozen=True)
class Passage:
    """Something that is said or shown in an item.

    :param start: seconds; 0 in an image.
    :param end: seconds; 0 in an image.
    """

    item_id: str
    modality: Modality
    start: float
    end: float
    text: str


def words_of(question: str) -> list[str]:
    """Return the words of a question that tell something, or all of them where none does."""
    words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(question)))
    return [word for word in words if word not in _COMMON] or words


def wants_overview(question: str) -> bool:
    """Tell whether a question is about the whole, without a word that could be found in it."""
    return all(word.casefold() in _OVERVIEW for word in _WORD.findall(question))


def keep_passages(db: Database, passages: Iterable[Passage]) -> None:
    """Make passages findable."""
    with db.transaction():
        for passage in passages:
            values = {
                "text": passage.text,
                "item_id": passage.item_id,
                "modality": passage.modality.value,
                "start_sec": passage.start,
                "end_sec": passage.end,
            }
            db.insert("passages", values)


def forget_passages(db: Database, item_id: str) -> None:
    """Forget the passages of an item."""
    db.run("DELETE FROM passages WHERE item_id = ?", item_id)


def find_passages(
    db: Database, words: Sequence[str], item_ids: Sequence[str], modalities: Iterable[Modality]
) -> list[Passage]:
    """Return the passages with any of some words, the best first (BM25; equal ones by item and time).

    :param words: what is looked for; word forms count as the same word.
    :param item_ids: the items to look in.
    """
    wanted = {modality.value for modality in modalities}
    if not words or not item_ids or not wanted:
        return []
    # quoted, so that nothing in them is an operator
    question = " OR ".join(f'"{word}"' for word in words)
    rows = db.all(
        f"SELECT * FROM passages WHERE passages MATCH ? AND item_id IN ({_marks(item_ids)})"
        " ORDER BY round(rank, 6), item_id, start_sec, modality",
        question,
        *item_ids,
    )
    return [_passage(row) for row in rows if row["modality"] in wanted]


def passages_of(db: Database, item_id: str) -> list[Passage]:
    """Return all passages of an item in the order of time."""
    sql = "SELECT * FROM passages WHERE item_id = ? ORDER BY start_sec, end_sec, rowid"
    return [_passage(row) for row in db.all(sql, item_id)]


def _passage(row: Row) -> Passage:
    return Passage(row["item_id"], Modality(row["modality"]), row["start_sec"], row["end_sec"], row["text"])


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
