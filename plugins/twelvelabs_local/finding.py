"""Searching an index: words among what is said and shown, pictures among the pictures of its videos.

No model was trained for it. Words are found as they are written, or by their stems; a line scores by the share of the
query's words that it has, rare words counting more. Pictures are compared by plain features (``engine/features.py``).
Sounds are found where subtitles name them, as in ``[applause]``; logos are never found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twelvelabs_local.engine.matching import Evidence, Hit, all_of, any_of, runs, together
from twelvelabs_local.engine.understanding import Content
from twelvelabs_local.media import content_path
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.passages import words_of
from twelvelabs_local.store.search_lines import Kind, Line, WordMatch, count_lines, lines_with
from twelvelabs_local.store.videos import Video

if TYPE_CHECKING:
    from twelvelabs_local.engine.features import Vector

VISUAL, AUDIO, SAID, LOGO = "visual", "audio", ("transcription", "conversation"), "logo"
EXACT, STEM = 1.0, 0.9
"""What a word counts that is found as it is written, and one whose stem is found."""
ALIKE = 0.85
"""Least cosine of pictures that are taken for alike."""
_RANGED = ("duration", "width", "height", "size")
_SOUND_OPENS, _SOUND_CLOSES = "[(♪", "])♪"


@dataclass(frozen=True)
class Query:
    """What is looked for.

    :param options: where, in the words of any generation.
    :param text: the words, or None.
    :param pictures: vectors of the images; a moment that is like one of them fits.
    :param ways: how spoken words are compared.
    :param every: a clip must be found by all options.
    """

    options: Sequence[str]
    text: str | None = None
    pictures: Sequence[Vector] = field(default=(), repr=False)
    ways: Sequence[WordMatch] = tuple(WordMatch)
    every: bool = False


@dataclass(frozen=True)
class Pool:
    """The videos that are searched.

    :param index_id: their index.
    :param videos: by id; those that the filter lets through.
    """

    db: Database
    folder: DataFolder
    index_id: str
    videos: Mapping[str, Video]


def find(pool: Pool, query: Query) -> list[Hit]:
    """Return the clips that fit, in no order. It may take its time: pictures of new videos are looked at first."""
    sides = [_side(pool, query, option) for option in query.options]
    return all_of(sides) if query.every and len(sides) > 1 else any_of(sides)


def _side(pool: Pool, query: Query, option: str) -> list[Hit]:
    words = words_of(query.text or "")
    if option == LOGO:
        return []
    if option == AUDIO:
        return [hit for hit in _by_words(pool, option, Kind.SPEECH, tuple(WordMatch), words) if _is_sound(hit, option)]
    if option in SAID:
        return _by_words(pool, option, Kind.SPEECH, query.ways, words)
    shown = _by_words(pool, option, Kind.SCREEN, tuple(WordMatch), words)
    if option != VISUAL or not query.pictures:
        return shown
    alike = _by_pictures(pool, query.pictures)
    return together(shown, alike) if words else alike


def _by_words(pool: Pool, option: str, kind: Kind, ways: Sequence[WordMatch], words: Sequence[str]) -> list[Hit]:
    """Lines of the same stretch (several may be on screen at once) are one clip."""
    total = count_lines(pool.db, pool.index_id, kind)
    texts: dict[tuple[str, float, float], dict[str, None]] = {}
    scores: dict[tuple[str, float, float], float] = {}
    whole = 0.0
    for word in words:
        found = _found(pool, kind, ways, word)
        weight = math.log(1 + (total + 1) / (len(found) + 0.5))
        whole += weight
        counted: dict[tuple[str, float, float], float] = {}
        for line, counts in found.items():
            place = (line.video_id, line.start, line.end)
            texts.setdefault(place, {})[line.value] = None
            counted[place] = max(counted.get(place, 0.0), counts)
        for place, counts in counted.items():
            scores[place] = scores.get(place, 0.0) + weight * counts
    return [_hit(place, score / whole, option, " ".join(texts[place])) for place, score in scores.items()]


def _found(pool: Pool, kind: Kind, ways: Sequence[WordMatch], word: str) -> Mapping[Line, float]:
    found: dict[Line, float] = {}
    for way, counts in ((WordMatch.SEMANTIC, STEM), (WordMatch.LEXICAL, EXACT)):
        if way in ways:
            found |= dict.fromkeys(lines_with(pool.db, pool.index_id, kind, way, word), counts)
    return {line: counts for line, counts in found.items() if line.video_id in pool.videos}


def _hit(place: tuple[str, float, float], score: float, option: str, text: str | None) -> Hit:
    return Hit(*place, score, {option: Evidence(score, text)})


def _is_sound(hit: Hit, option: str) -> bool:
    text = (hit.evidence[option].text or "").strip()
    return text[:1] in _SOUND_OPENS and text[-1:] in _SOUND_CLOSES


def _by_pictures(pool: Pool, pictures: Sequence[Vector]) -> list[Hit]:
    from twelvelabs_local.engine.tracks import Tracks

    tracks = Tracks(pool.folder.cache)
    found: list[list[Hit]] = []
    for video in pool.videos.values():
        content = _content(pool, video)
        track = tracks.pictures(content, lambda _: None) if content else None
        if content is None or not track:
            continue
        moments = [float(moment) for moment in track.moments]
        for picture in pictures:
            scores = [float(score) for score in track.vectors @ picture]
            stretches = runs(moments, scores, content.duration, ALIKE)
            found.append([_hit((video.id, start, end), score, VISUAL, None) for start, end, score in stretches])
    return any_of(found)


def _content(pool: Pool, video: Video) -> Content | None:
    asset = pool.db.find(Asset, id=video.asset_id)
    if asset is None or asset.sha256 is None:
        return None
    return Content(content_path(pool.folder, asset.sha256), asset.sha256, video.duration or 0.0)


def passes(video: Video, conditions: Mapping[str, Any]) -> bool:
    """Tell whether a video is let through by a filter whose form was checked.

    :param conditions: fields of the video or of its metadata, with a value, a range, or (``id``) a list.
    """
    return all(_passes(_value(video, name), wanted) for name, wanted in conditions.items())


def _value(video: Video, name: str) -> Any:
    if name in ("id", "filename", *_RANGED):
        return getattr(video, name)
    return video.user_metadata.get(name)


def _passes(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and wanted.get("gte", -math.inf) <= value <= wanted.get("lte", math.inf)
    if isinstance(wanted, list):
        return value in wanted
    # true is not 1 here
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)
