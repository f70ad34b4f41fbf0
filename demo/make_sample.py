"""Sample video of the tests and the demo: slides with text and a voice.

Run it from the checkout: ``.venv/bin/python demo/make_sample.py``. It writes ``tests/data/sample.mp4`` and
``tests/data/sample.srt``. It needs Debian's ``flite`` (the voice) and the packages of the ``local`` extra (PyAV writes
the video; Pillow, which RapidOCR brings along, draws the slides). The result is committed, so you need not run this
unless the words change: what is shown and what is said are ``SLIDES`` and ``SPEECH`` below, and no word is in both.
"""

from __future__ import annotations

import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pysubs2
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
SIZE = (640, 360)
FRAMES_PER_SECOND = 10
# PocketSphinx listens at 16 kHz and flite's better voices speak at it.
SAMPLES_PER_SECOND = 16_000
# Of flite's voices this is the one whose sentences PocketSphinx's default model hears right.
VOICE = "awb"
LEAD_IN_SECONDS = 0.6
PAUSE_SECONDS = 0.9

SPEECH = (
    "Good morning and welcome to our small garden.",
    "The weather was beautiful on saturday morning.",
    "She wrote a long letter to her mother.",
    "The doctor said that the children are healthy and happy.",
    "There are twenty five students in the school.",
    "The old teacher walked slowly across the street.",
    "Please open the window before the music begins.",
    "The children are playing with the little dog.",
    "The president of the company gave a speech about money and business.",
    "Thank you for listening and have a good evening.",
)


@dataclass(frozen=True)
class Slide:
    """One still picture: its two lines of text and its two colours."""

    title: str
    line: str
    background: str
    ink: str


SLIDES = (
    Slide("NORTHERN LIGHTS", "Observatory report", "#10243e", "#ffffff"),
    Slide("TELESCOPE", "Mirror diameter 42 cm", "#f4f1e8", "#202020"),
    Slide("PLANETS", "Jupiter near Saturn", "#3d1f4d", "#ffe9a8"),
    Slide("COMET", "Visible until 17 March", "#e3eef8", "#0b2a55"),
    Slide("BUDGET", "Total 9300 euros", "#14382b", "#f5fff0"),
    Slide("QUESTIONS", "Contact: astro@example.org", "#ffffff", "#7a1020"),
)


@dataclass(frozen=True)
class Sentence:
    """One spoken sentence and where it lies in the sound, in seconds."""

    text: str
    start: float
    end: float


def speak(text: str, folder: Path) -> NDArray[np.int16]:
    """Return the samples of ``text`` as the synthetic voice says it.

    :param text: one sentence
    :param folder: where the synthesiser may leave its file
    """
    wav = folder / "sentence.wav"
    subprocess.run(["flite", "-voice", VOICE, "-t", text, "-o", str(wav)], check=True)
    with wave.open(str(wav)) as sound:
        if (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) != (SAMPLES_PER_SECOND, 1, 2):
            raise SystemExit(f"flite's voice {VOICE} gave {sound.getparams()}; 16 kHz, mono, 16 bit is needed")
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16)


def spoken(texts: tuple[str, ...]) -> tuple[NDArray[np.int16], list[Sentence]]:
    """Return the whole sound track and the place of each sentence in it."""
    parts = [silence(LEAD_IN_SECONDS)]
    sentences = []
    with tempfile.TemporaryDirectory() as folder:
        for text in texts:
            start = sum(map(len, parts)) / SAMPLES_PER_SECOND
            voice = speak(text, Path(folder))
            sentences.append(Sentence(text, start, start + len(voice) / SAMPLES_PER_SECOND))
            parts += [voice, silence(PAUSE_SECONDS)]
    return np.concatenate(parts), sentences


def silence(seconds: float) -> NDArray[np.int16]:
    """Return that many seconds of zeros."""
    return np.zeros(round(seconds * SAMPLES_PER_SECOND), dtype=np.int16)


def picture(slide: Slide) -> Image.Image:
    """Draw one slide with the font that Pillow bundles, so that no font of the machine is needed."""
    image = Image.new("RGB", SIZE, slide.background)
    pen = ImageDraw.Draw(image)
    middle = SIZE[0] / 2
    pen.text((middle, 130), slide.title, fill=slide.ink, font=ImageFont.load_default(58), anchor="mm")
    pen.line((120, 185, SIZE[0] - 120, 185), fill=slide.ink, width=3)
    pen.text((middle, 240), slide.line, fill=slide.ink, font=ImageFont.load_default(38), anchor="mm")
    return image


def video_frames(seconds: float) -> Iterator[av.VideoFrame]:
    """Yield the frames of the slides, each slide shown for an equal share of the time."""
    total = round(seconds * FRAMES_PER_SECOND)
    frames = [av.VideoFrame.from_ndarray(np.asarray(picture(slide)), format="rgb24") for slide in SLIDES]
    for number in range(total):
        frame = frames[number * len(SLIDES) // total]
        frame.pts = number
        yield frame


def audio_frames(samples: NDArray[np.int16]) -> Iterator[av.AudioFrame]:
    """Yield the sound in frames of one second."""
    for start in range(0, len(samples), SAMPLES_PER_SECOND):
        chunk = samples[start : start + SAMPLES_PER_SECOND]
        frame = av.AudioFrame.from_ndarray(chunk.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLES_PER_SECOND
        frame.pts = start
        yield frame


def write_video(path: Path, samples: NDArray[np.int16]) -> None:
    """Encode the slides and the sound as H.264 and AAC into an mp4 file."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        picture_track = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        picture_track.width, picture_track.height = SIZE
        picture_track.pix_fmt = "yuv420p"
        # One thread: with more, x264 splits the picture by the number of cores and the file differs between machines.
        picture_track.options = {"crf": "20", "threads": "1"}
        sound_track = container.add_stream("aac", rate=SAMPLES_PER_SECOND, layout="mono")
        sound_track.bit_rate = 64_000
        for frame in video_frames(len(samples) / SAMPLES_PER_SECOND):
            container.mux(picture_track.encode(frame))
        container.mux(picture_track.encode())
        for sound in audio_frames(samples):
            container.mux(sound_track.encode(sound))
        container.mux(sound_track.encode())


def write_subtitles(path: Path, sentences: list[Sentence]) -> None:
    """Write what is said, with its times, as an SRT file."""
    subtitles = pysubs2.SSAFile()
    for sentence in sentences:
        event = pysubs2.SSAEvent(round(sentence.start * 1000), round(sentence.end * 1000), text=sentence.text)
        subtitles.append(event)
    subtitles.save(str(path), encoding="utf-8")


def main() -> None:
    """Write both files and say how large they are."""
    DATA.mkdir(parents=True, exist_ok=True)
    samples, sentences = spoken(SPEECH)
    video = DATA / "sample.mp4"
    write_video(video, samples)
    write_subtitles(video.with_suffix(".srt"), sentences)
    print(f"{video}: {len(samples) / SAMPLES_PER_SECOND:.1f} s, {video.stat().st_size} bytes")


if __name__ == "__main__":
    main()
