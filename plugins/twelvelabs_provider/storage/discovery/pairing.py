"""Pairing of videos and subtitles by name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from twelvelabs_provider.storage.discovery.listed_files import VIDEO_SUFFIXES, ListedFile, stem_of, suffix_of

SUBTITLE_SUFFIXES = (".srt", ".vtt")

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_IMPAIRED = frozenset({"sdh", "cc"})
_FORCED = frozenset({"forced", "foreign"})
_HINDI = "hi"
_MOST_WORDS = 3

Rank = tuple[int, bool, bool, str]


class Pairing(IntEnum):
    """Result of pairing a subtitle, best first."""

    PAIRED = 0
    NOT_CHOSEN = 1
    FORCED = 2
    UNPAIRED = 3

    @property
    def reason(self) -> str:
        """Key in the counts of skipped files."""
        return f"subtitle_{self.name.lower()}"


@dataclass(frozen=True)
class NameReading:
    """One reading of the name of a subtitle.

    :param stem: of the video, as the subtitle spells it.
    :param language: lower case; empty if the name has none.
    :param impaired: for the hard of hearing (``.sdh``, ``.cc``, and ``.hi`` beside a language).
    :param forced: subtitles of foreign-language passages only, which are no transcript.
    :param file: the video's whole name, where the subtitle's name holds its suffix; None otherwise.
    """

    stem: str
    language: str = ""
    impaired: bool = False
    forced: bool = False
    file: str | None = None

    @property
    def key(self) -> str:
        """The key that the video and the subtitle share."""
        return pair_key(self.stem)


@dataclass
class PairingGroup:
    """The videos and subtitles of one key.

    :param key: of :func:`pair_key`.
    :param language: requested language; None for any.
    :param videos: by name; None for videos that are present but not selected.
    """

    key: str
    language: str | None
    videos: dict[str, ListedFile | None] = field(default_factory=dict)
    _best: dict[str, tuple[Rank, ListedFile]] = field(default_factory=dict)
    _seen: dict[str, Pairing] = field(default_factory=dict)

    def add(self, subtitle: ListedFile) -> None:
        """Add a subtitle, after all videos."""
        name = subtitle.name
        outcome = Pairing.UNPAIRED
        for reading in name_readings(name):
            if reading.key == self.key:
                for video in self._targets(reading):
                    outcome = min(outcome, Pairing.FORCED if reading.forced else Pairing.NOT_CHOSEN)
                    rank = None if reading.forced else _rank(reading, video, name, self.language)
                    if rank is not None and (video not in self._best or rank < self._best[video][0]):
                        self._best[video] = rank, subtitle
        self._seen[name] = min(outcome, self._seen.get(name, outcome))

    def subtitle_of(self, video: str) -> ListedFile | None:
        """Return the subtitle of a video."""
        best = self._best.get(video)
        return best[1] if best else None

    def outcomes(self) -> Iterator[tuple[str, Pairing]]:
        """Yield the pairing of each subtitle by name."""
        chosen = {entry.name for _, entry in self._best.values()}
        for name, outcome in self._seen.items():
            yield name, Pairing.PAIRED if name in chosen else outcome

    def _targets(self, reading: NameReading) -> Sequence[str]:
        """Return the videos of a reading: the same spelling, or another case if only one spelling exists."""
        if reading.file is not None:
            videos = [video for video in self.videos if pair_key(video) == pair_key(reading.file)]
            same = [video for video in videos if _normal(video) == _normal(reading.file)]
        else:
            videos = list(self.videos)
            same = [video for video in videos if _normal(stem_of(video)) == _normal(reading.stem)]
        spellings = {_normal(stem_of(video)) for video in videos}
        return same or (videos if len(spellings) == 1 else [])


def pair_key(name: str) -> str:
    """Return a name in one Unicode form, its last part in one case."""
    folder, slash, last = _normal(name).rpartition("/")
    return f"{folder}{slash}{_normal(last.casefold())}"


def name_readings(subtitle: str) -> Sequence[NameReading]:
    """Return the ways to read the name of a subtitle, such as ``name.srt``, ``name.en.sdh.srt`` or ``name.mp4.vtt``."""
    return [reading for reading in _readings(stem_of(subtitle)) for reading in (reading, *_of_whole_name(reading))]


def keys_of(subtitle: str) -> Iterable[str]:
    """Return the keys that a video of a subtitle may have, each once."""
    return dict.fromkeys(reading.key for reading in name_readings(subtitle))


def _readings(stem: str) -> Iterator[NameReading]:
    reading = NameReading(stem)
    yield reading
    for _ in range(_MOST_WORDS):
        shorter, word = stem_of(reading.stem), suffix_of(reading.stem).removeprefix(".")
        if shorter == reading.stem:
            return
        if word in _FORCED:
            reading = NameReading(shorter, reading.language, reading.impaired, forced=True)
        elif word in _IMPAIRED:
            reading = NameReading(shorter, reading.language, True, reading.forced)
        elif reading.language in ("", _HINDI) and _LANGUAGE.fullmatch(word) and f".{word}" not in VIDEO_SUFFIXES:
            reading = NameReading(
                shorter, word.replace("_", "-"), reading.impaired or reading.language == _HINDI, reading.forced
            )
        else:
            return
        yield reading


def _of_whole_name(reading: NameReading) -> Iterator[NameReading]:
    stem = stem_of(reading.stem)
    if stem != reading.stem:
        yield NameReading(stem, reading.language, reading.impaired, reading.forced, reading.stem)


def _rank(reading: NameReading, video: str, name: str, language: str | None) -> Rank | None:
    """Return the rank of a subtitle for a video, best first; None for another language."""
    suits = _language_rank(reading.language, language)
    if suits is None:
        return None
    spelled = video if reading.file is not None else stem_of(video)
    return suits, _normal(spelled) != _normal(reading.file or reading.stem), reading.impaired, name


def _language_rank(spoken: str, language: str | None) -> int | None:
    if language is None:
        return 1 if spoken else 0
    asked = language.lower().replace("_", "-")
    if not spoken:
        return 2
    if spoken == asked:
        return 0
    return 1 if spoken.partition("-")[0] == asked.partition("-")[0] else None


def _normal(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)
