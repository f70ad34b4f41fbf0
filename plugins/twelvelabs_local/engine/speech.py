"""Speech recognition with PocketSphinx, one utterance after another.

PocketSphinx is a small recogniser for American English that runs anywhere. The service is much better, and so are
transcripts that the caller provides.
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
MAX_UTTERANCE_SECONDS = 20.0
"""Speech without a pause (or music) is split here, which bounds memory and the length of segments."""

CHUNK = BYTES_PER_SECOND // 4
"""The recogniser holds the GIL, so it gets a quarter of a second at a time."""

_VARIANT = re.compile(r"\(\d+\)$")


@dataclass(frozen=True)
class Utterance:
    """The speech between two pauses.

    :param words: single words with their times.
    """

    segment: SegmentRow
    words: list[SegmentRow]


def recognise(path: Path, progress: Callable[[float], None]) -> list[Utterance]:
    """Return the utterances of a file.

    :param path: a probed file.
    :param progress: called with the seconds that are recognised.
    """
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=RATE, loglevel="FATAL")
    utterances: list[Utterance] = []
    for number, (start, pcm) in enumerate(_spoken(mono_sound(path))):
        progress(start)
        if number == 0:
            # the recogniser adapts to loudness and channel, so the first utterance is recognised twice
            _recognise(decoder, pcm)
        _recognise(decoder, pcm)
        words = _words(decoder, start, start + len(pcm) / BYTES_PER_SECOND)
        if words:
            value = " ".join(word["value"] for word in words)
            segment: SegmentRow = {"start": words[0]["start"], "end": words[-1]["end"], "value": value}
            utterances.append(Utterance(segment, words))
    return utterances


def mono_sound(path: Path) -> Iterator[bytes]:
    """Decode the first audio track to 16 kHz mono, in chunks."""
    import av

    with open_media(path) as container:
        if not container.streams.audio:
            return
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        # audio that starts after the video is padded with silence
        lead = float((container.streams.audio[0].start_time or 0) * (container.streams.audio[0].time_base or 0))
        if lead > 0:
            yield bytes(int(lead * RATE) * 2)
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                yield piece.to_ndarray().tobytes()
        for piece in resampler.resample(None):
            yield piece.to_ndarray().tobytes()


def _spoken(sound: Iterator[bytes]) -> Iterator[tuple[float, bytes]]:
    """Split audio into utterances: (start in seconds, PCM)."""
    from pocketsphinx import Endpointer

    endpointer = Endpointer(sample_rate=RATE)
    pending, given = bytearray(), 0
    for frame, last in _frames(sound, endpointer.frame_bytes):
        pending += (endpointer.end_stream(frame) if last else endpointer.process(frame)) or b""
        if not pending or (endpointer.in_speech and len(pending) < MAX_UTTERANCE_SECONDS * BYTES_PER_SECOND):
            continue
        yield endpointer.speech_start + given / BYTES_PER_SECOND, bytes(pending)
        given = given + len(pending) if endpointer.in_speech else 0
        pending = bytearray()


def _frames(sound: Iterator[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Split audio into frames of one size. The last frame is shorter and marked."""
    rest = bytearray()
    for piece in sound:
        rest += piece
        while len(rest) > size:
            yield bytes(rest[:size]), False
            del rest[:size]
    # the endpointer accepts no empty frame, so it gets one silent sample
    yield bytes(rest) or bytes(2), True


def _recognise(decoder: Any, pcm: bytes) -> None:
    decoder.start_utt()
    for offset in range(0, len(pcm), CHUNK):
        decoder.process_raw(pcm[offset : offset + CHUNK])
    decoder.end_utt()


def _words(decoder: Any, start: float, end: float) -> list[SegmentRow]:
    """Return the words of the last utterance, without silence and noise."""
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
