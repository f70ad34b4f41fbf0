"""Search in an index: words in speech and on-screen text, images in the frames of its videos.

The search uses no trained model. Words match as written or by their stems; the score of a line is the share of the
query's words in it, weighted by rarity. Images are compared by simple features (``engine/features.py``). Sounds are
found only where subtitles name them, as in ``[applause]``; logos are never found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twelvelabs_local.engine.hits import Evidence, Hit, all_of, any_of, combined, peaks
from twelvelabs_local.engine.text_extraction import MediaFile
from twelvelabs_local.settings import DataFolder
from twelvelabs_local.store.assets import Asset
from twelvelabs_local.store.database import Database
from twelvelabs_local.store.media_files import content_path
from twelvelabs_local.store.passages import words_of
from twelvelabs_local.store.search_lines import Kind, Line, WordMatch, count_lines, lines_with
from twelvelabs_local.store.videos import Video

if TYPE_CHECKING:
    from twelvelabs_local.engine.features import Vector

VISUAL, AUDIO, SPEECH, LOGO = "visual", "audio", ("transcription", "conversation"), "logo"
EXACT_WEIGHT, STEM_WEIGHT = 1.0, 0.9
"""Weight of a word that matches as written, and of a word that matches by its stem."""
MIN_SIMILARITY = 0.85
"""Minimum cosine of similar images."""
_RANGE_FIELDS = ("duration", "width", "height", "size")
_SOUND_START, _SOUND_END = "[(♪", "])♪"


@dataclass(frozen=True)
class Query:
    """A search query.

    :param options: where to search, in the terms of any generation.
    :param text: the words, or None.
    :param images: vectors of the images; a moment similar to one of them matches.
    :param matches: how spoken words are compared.
    :param all_options: whether a clip must match every option.
    """

    options: Sequence[str]
    text: str | None = None
    images: Sequence[Vector] = field(default=(), repr=False)
    matches: Sequence[WordMatch] = tuple(WordMatch)
    all_options: bool = False


@dataclass(frozen=True)
class SearchScope:
    """The videos to search.

    :param index_id: their index.
    :param videos: the videos that pass the filter, by id.
    """

    db: Database
    folder: DataFolder
    index_id: str
    videos: Mapping[str, Video]


def find_hits(scope: SearchScope, query: Query) -> list[Hit]:
    """Return the matching clips in no order. The first search by image extracts the features of each video."""
    hits = [_search_option(scope, query, option) for option in query.options]
    return all_of(hits) if query.all_options and len(hits) > 1 else any_of(hits)


def _search_option(scope: SearchScope, query: Query, option: str) -> list[Hit]:
    words = words_of(query.text or "")
    every = tuple(WordMatch)
    if option == LOGO:
        return []
    if option == AUDIO:
        return [hit for hit in _search_words(scope, option, Kind.SPEECH, every, words) if _is_sound(hit, option)]
    if option in SPEECH:
        return _search_words(scope, option, Kind.SPEECH, query.matches, words)
    by_words = _search_words(scope, option, Kind.SCREEN, every, words)
    if option != VISUAL or not query.images:
        return by_words
    by_images = _search_images(scope, query.images)
    return combined(by_words, by_images) if words else by_images


def _search_words(
    scope: SearchScope, option: str, kind: Kind, matches: Sequence[WordMatch], words: Sequence[str]
) -> list[Hit]:
    """Return one clip per time range; several lines may be on screen at once."""
    total = count_lines(scope.db, scope.index_id, kind)
    texts: dict[tuple[str, float, float], dict[str, None]] = {}
    scores: dict[tuple[str, float, float], float] = {}
    best_score = 0.0
    for word in words:
        found = _lines_with(scope, kind, matches, word)
        rarity = math.log(1 + (total + 1) / (len(found) + 0.5))
        best_score += rarity
        weights: dict[tuple[str, float, float], float] = {}
        for line, weight in found.items():
            clip = (line.video_id, line.start, line.end)
            texts.setdefault(clip, {})[line.value] = None
            weights[clip] = max(weights.get(clip, 0.0), weight)
        for clip, weight in weights.items():
            scores[clip] = scores.get(clip, 0.0) + rarity * weight
    return [_hit(clip, score / best_score, option, " ".join(texts[clip])) for clip, score in scores.items()]


def _lines_with(scope: SearchScope, kind: Kind, matches: Sequence[WordMatch], word: str) -> Mapping[Line, float]:
    found: dict[Line, float] = {}
    for match, weight in ((WordMatch.SEMANTIC, STEM_WEIGHT), (WordMatch.LEXICAL, EXACT_WEIGHT)):
        if match in matches:
            found |= dict.fromkeys(lines_with(scope.db, scope.index_id, kind, match, word), weight)
    return {line: weight for line, weight in found.items() if line.video_id in scope.videos}


def _hit(clip: tuple[str, float, float], score: float, option: str, text: str | None) -> Hit:
    return Hit(*clip, score, {option: Evidence(score, text)})


def _is_sound(hit: Hit, option: str) -> bool:
    text = (hit.evidence[option].text or "").strip()
    return text[:1] in _SOUND_START and text[-1:] in _SOUND_END


def _search_images(scope: SearchScope, images: Sequence[Vector]) -> list[Hit]:
    from twelvelabs_local.engine.feature_tracks import FeatureTracks

    tracks = FeatureTracks(scope.folder.cache)
    found: list[list[Hit]] = []
    for video in scope.videos.values():
        file = _media_file(scope, video)
        track = tracks.pictures(file, lambda _: None) if file else None
        if file is None or not track:
            continue
        moments = [float(moment) for moment in track.moments]
        for image in images:
            scores = [float(score) for score in track.vectors @ image]
            ranges = peaks(moments, scores, file.duration, MIN_SIMILARITY)
            found.append([_hit((video.id, start, end), score, VISUAL, None) for start, end, score in ranges])
    return any_of(found)


def _media_file(scope: SearchScope, video: Video) -> MediaFile | None:
    asset = scope.db.find(Asset, id=video.asset_id)
    if asset is None or asset.sha256 is None:
        return None
    return MediaFile(content_path(scope.folder, asset.sha256), asset.sha256, video.duration or 0.0)


def passes_filter(video: Video, conditions: Mapping[str, Any]) -> bool:
    """Return whether a video passes a checked filter.

    :param conditions: fields of the video or of its metadata, with a value, a range, or (``id``) a list.
    """
    return all(_passes(_value(video, name), expected) for name, expected in conditions.items())


def _value(video: Video, name: str) -> Any:
    if name in ("id", "filename", *_RANGE_FIELDS):
        return getattr(video, name)
    return video.user_metadata.get(name)


def _passes(value: Any, expected: Any) -> bool:
    if isinstance(expected, Mapping):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and expected.get("gte", -math.inf) <= value <= expected.get("lte", math.inf)
    if isinstance(expected, list):
        return value in expected
    # in Python, True equals 1
    return bool(value == expected) and isinstance(value, bool) == isinstance(expected, bool)
