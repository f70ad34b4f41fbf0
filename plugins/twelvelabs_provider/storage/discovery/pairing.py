"""Which subtitle belongs to which video, by their names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from twelvelabs_provider.storage.discovery.entries import VIDEO_SUFFIXES, Entry, stem_of, suffix_of

SUBTITLE_SUFFIXES = (".srt", ".vtt")

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_IMPAIRED = frozenset({"sdh", "cc"})
_FORCED = frozenset({"forced", "foreign"})
_HINDI = "hi"
_MOST_WORDS = 3

Rank = tuple[int, bool, bool, str]


class Outcome(IntEnum):
    """What became of a subtitle, best first."""

    PAIRED = 0
    NOT_CHOSEN = 1
    FORCED = 2
    UNPAIRED = 3

    @property
    def reason(self) -> str:
        """Name of the count."""
        return f"subtitle_{self.name.lower()}"


@dataclass(frozen=True)
class Claim:
    """One way to read the name of a subtitle.

    :param stem: of the video, as the subtitle spells it.
    :param language: in lower case; empty if the name tells none.
    :param impaired: for the hard of hearing (``.sdh``, ``.cc``, and ``.hi`` beside a language).
    :param forced: only what is said in a foreign language, which is no transcript.
    :param file: the video's whole name, where the subtitle's name holds its suffix; None otherwise.
    """

    stem: str
    language: str = ""
    impaired: bool = False
    forced: bool = False
    file: str | None = None

    @property
    def key(self) -> str:
        """What the video and the subtitle have in common."""
        return pair_key(self.stem)


@dataclass
class Group:
    """The videos and subtitles of one key.

    :param key: of :func:`pair_key`.
    :param language: that was asked for; None for any.
    :param videos: by name; None for those that are there, and not meant.
    """

    key: str
    language: str | None
    videos: dict[str, Entry | None] = field(default_factory=dict)
    _best: dict[str, tuple[Rank, Entry]] = field(default_factory=dict)
    _seen: dict[str, Outcome] = field(default_factory=dict)

    def add(self, subtitle: Entry) -> None:
        """Take a subtitle; all videos are known before."""
        name = subtitle.name
        outcome = Outcome.UNPAIRED
        for claim in claims_of(name):
            if claim.key == self.key:
                for video in self._targets(claim):
                    outcome = min(outcome, Outcome.FORCED if claim.forced else Outcome.NOT_CHOSEN)
                    rank = None if claim.forced else _rank(claim, video, name, self.language)
                    if rank is not None and (video not in self._best or rank < self._best[video][0]):
                        self._best[video] = rank, subtitle
        self._seen[name] = min(outcome, self._seen.get(name, outcome))

    def subtitle_of(self, video: str) -> Entry | None:
        """The subtitle of a video."""
        best = self._best.get(video)
        return best[1] if best else None

    def outcomes(self) -> Iterator[tuple[str, Outcome]]:
        """What became of each subtitle, by its name."""
        chosen = {entry.name for _, entry in self._best.values()}
        for name, outcome in self._seen.items():
            yield name, Outcome.PAIRED if name in chosen else outcome

    def _targets(self, claim: Claim) -> Sequence[str]:
        """The videos of a claim: spelled the same, or in another case where only one spelling is there."""
        if claim.file is not None:
            videos = [video for video in self.videos if pair_key(video) == pair_key(claim.file)]
            same = [video for video in videos if _normal(video) == _normal(claim.file)]
        else:
            videos = list(self.videos)
            same = [video for video in videos if _normal(stem_of(video)) == _normal(claim.stem)]
        spellings = {_normal(stem_of(video)) for video in videos}
        return same or (videos if len(spellings) == 1 else [])


def pair_key(name: str) -> str:
    """Return a name in one Unicode form, its last part in one case."""
    folder, slash, last = _normal(name).rpartition("/")
    return f"{folder}{slash}{_normal(last.casefold())}"


def claims_of(subtitle: str) -> Sequence[Claim]:
    """Return the ways to read the name of a subtitle, such as ``name.srt``, ``name.en.sdh.srt`` or ``name.mp4.vtt``."""
    return [claim for reading in _readings(stem_of(subtitle)) for claim in (reading, *_of_whole_name(reading))]


def keys_of(subtitle: str) -> Iterable[str]:
    """Return the keys that a video of a subtitle may have, each once."""
    return dict.fromkeys(claim.key for claim in claims_of(subtitle))


def _readings(stem: str) -> Iterator[Claim]:
    claim = Claim(stem)
    yield claim
    for _ in range(_MOST_WORDS):
        shorter, word = stem_of(claim.stem), suffix_of(claim.stem).removeprefix(".")
        if shorter == claim.stem:
            return
        if word in _FORCED:
            claim = Claim(shorter, claim.language, claim.impaired, forced=True)
        elif word in _IMPAIRED:
            claim = Claim(shorter, claim.language, True, claim.forced)
        elif claim.language in ("", _HINDI) and _LANGUAGE.fullmatch(word) and f".{word}" not in VIDEO_SUFFIXES:
            claim = Claim(shorter, word.replace("_", "-"), claim.impaired or claim.language == _HINDI, claim.forced)
        else:
            return
        yield claim


def _of_whole_name(claim: Claim) -> Iterator[Claim]:
    stem = stem_of(claim.stem)
    if stem != claim.stem:
        yield Claim(stem, claim.language, claim.impaired, claim.forced, claim.stem)


def _rank(claim: Claim, video: str, name: str, language: str | None) -> Rank | None:
    """How well a subtitle suits a video, least first; None if it is of another language."""
    suits = _language_rank(claim.language, language)
    if suits is None:
        return None
    spelled = video if claim.file is not None else stem_of(video)
    return suits, _normal(spelled) != _normal(claim.file or claim.stem), claim.impaired, name


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
