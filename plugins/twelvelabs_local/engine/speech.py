"""Listening: PocketSphinx over the sound of a video, one utterance after another.

It is a small recogniser of American English that runs anywhere; it is no match for the service's. A transcript that
somebody gave is always better.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twelvelabs_local.engine.container import open_media
from twelvelabs_local.segments import SegmentRow

RATE = 16_000
BYTES_PER_SECOND = RATE * 2
LONGEST_UTTERANCE = 20.0
"""Seconds; speech without a pause (or music) is cut there, so that memory and answers stay bounded."""

CHUNK = BYTES_PER_SECOND // 4
"""The recogniser holds the interpreter while it listens; a quarter of a second at a time lets other threads breathe."""

_VARIANT = re.compile(r"\(\d+\)$")


@dataclass(frozen=True)
class Utterance:
    """What was said between two pauses.

    :param segment: the whole of it.
    :param words: its words with their times.
    """

    segment: SegmentRow
    words: list[SegmentRow]


def listen(path: Path, progress: Callable[[float], None]) -> list[Utterance]:
    """Return what is said in a video.

    :param path: a file that could be opened.
    :param progress: called with the seconds that have been listened to.
    """
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=RATE, loglevel="FATAL")
    utterances: list[Utterance] = []
    for number, (start, pcm) in enumerate(_spoken(mono_sound(path))):
        progress(start)
        if number == 0:
            # the recogniser learns loudness and channel as it goes: without a rehearsal the first utterance suffers
            _recognise(decoder, pcm)
        _recognise(decoder, pcm)
        words = _words(decoder, start, start + len(pcm) / BYTES_PER_SECOND)
        if words:
            value = " ".join(word["value"] for word in words)
            segment: SegmentRow = {"start": words[0]["start"], "end": words[-1]["end"], "value": value}
            utterances.append(Utterance(segment, words))
    return utterances


def mono_sound(path: Path) -> Iterator[bytes]:
    """Decode the first sound track to 16 kHz mono, piece by piece."""
    import av

    with open_media(path) as container:
        if not container.streams.audio:
            return
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        # a sound that begins later than the picture is moved to where it is heard
        lead = float((container.streams.audio[0].start_time or 0) * (container.streams.audio[0].time_base or 0))
        if lead > 0:
            yield bytes(int(lead * RATE) * 2)
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                yield piece.to_ndarray().tobytes()
        for piece in resampler.resample(None):
            yield piece.to_ndarray().tobytes()


def _spoken(sound: Iterator[bytes]) -> Iterator[tuple[float, bytes]]:
    """Cut sound into utterances: (start in seconds, PCM)."""
    from pocketsphinx import Endpointer

    endpointer = Endpointer(sample_rate=RATE)
    pending, given = bytearray(), 0
    for frame, last in _frames(sound, endpointer.frame_bytes):
        pending += (endpointer.end_stream(frame) if last else endpointer.process(frame)) or b""
        if not pending or (endpointer.in_speech and len(pending) < LONGEST_UTTERANCE * BYTES_PER_SECOND):
            continue
        yield endpointer.speech_start + given / BYTES_PER_SECOND, bytes(pending)
        given = given + len(pending) if endpointer.in_speech else 0
        pending = bytearray()


def _frames(sound: Iterator[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Regroup sound into frames of one size; the last one is shorter and marked."""
    rest = bytearray()
    for piece in sound:
        rest += piece
        while len(rest) > size:
            yield bytes(rest[:size]), False
            del rest[:size]
    # the recogniser's endpointer takes no empty frame: one silent sample stands for nothing
    yield bytes(rest) or bytes(2), True


def _recognise(decoder: Any, pcm: bytes) -> None:
    decoder.start_utt()
    for offset in range(0, len(pcm), CHUNK):
        decoder.process_raw(pcm[offset : offset + CHUNK])
    decoder.end_utt()


def _words(decoder: Any, start: float, end: float) -> list[SegmentRow]:
    """Return the words of the utterance that was just recognised, without silences and noises."""
    rate = decoder.config["frate"]
    words: list[SegmentRow] = []
    for word in decoder.seg() or ():
        if word.word.startswith(("<", "[", "++")):
            continue
        words.append(
            {
                "start": round(start + word.start_frame / rate, 2),
                "end": round(min(end, start + (word.end_frame + 1) / rate), 2),
                "value": _VARIANT.sub("", word.word),
            }
        )
    return words
