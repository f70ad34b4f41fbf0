"""Small videos for single tests."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

FPS = 5
RATE = 16_000


def padded_copy(video: Path, path: Path, padding: bytes | None = None) -> Path:
    """Copy a video and append bytes that players skip: neither the engine nor the provider knows the content then.

    :param path: where.
    :param padding: the bytes; random ones by default.
    :return: the path.
    """
    padding = os.urandom(64) if padding is None else padding
    path.write_bytes(video.read_bytes() + struct.pack(">I4s", len(padding) + 8, b"free") + padding)
    return path


def make_video(
    path: Path,
    slides: Sequence[str] = ("WINTER",),
    *,
    seconds: float = 5.0,
    size: tuple[int, int] = (640, 360),
    sound: bool = False,
    turned: bool = False,
) -> Path:
    """Write a video of slides.

    :param path: where; the suffix decides the container.
    :param slides: the text of each slide; they share the time evenly.
    :param seconds: length.
    :param size: width and height.
    :param sound: add a tone, in which there is nothing to recognise.
    :param turned: turn the text counter-clockwise by a quarter.
    :return: the path.
    """
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = *size, "yuv420p"
        tone = container.add_stream("aac", rate=RATE, layout="mono") if sound else None
        frames = round(seconds * FPS)
        for number in range(frames):
            text = slides[number * len(slides) // frames]
            image = np.ascontiguousarray(np.rot90(_slide(text, size[::-1]))) if turned else _slide(text, size)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(picture.encode(None))
        if tone:
            wave = [0.2 * math.sin(2 * math.pi * 440 * n / RATE) for n in range(round(seconds * RATE))]
            frame = av.AudioFrame.from_ndarray(np.array([wave], dtype=np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
            container.mux(tone.encode(frame))
            container.mux(tone.encode(None))
    return path


def _slide(text: str, size: tuple[int, int]) -> np.ndarray:
    image = np.full((size[1], size[0], 3), 255, np.uint8)
    cv2.putText(image, text, (20, size[1] // 2), cv2.FONT_HERSHEY_SIMPLEX, min(size) / 250, (0, 0, 0), 3, cv2.LINE_AA)
    return image


def turn(video: Path, path: Path) -> Path:
    """Copy an MP4 file and set its rotation, as telephones do.

    :param video: what the sensor saw.
    :param path: the copy; players turn it clockwise by a quarter.
    """
    content = bytearray(video.read_bytes())
    # a track header: name, version and times (24), reserved (8), layer, group, volume (8), then a 3x3 matrix
    matrix = content.index(b"tkhd") + 4 + 24 + 8 + 8
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 360 << 16, 0, 1 << 30)
    path.write_bytes(content)
    return path


def break_in_the_middle(video: Path, path: Path) -> Path:
    """Copy an MP4 file with its index first and its last frames missing, as an aborted download leaves it."""
    with av.open(str(video)) as source, av.open(str(path), "w", options={"movflags": "faststart"}) as target:
        output = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = output
                target.mux(packet)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    return path


def make_sound(path: Path, seconds: float = 5.0) -> Path:
    """Write an audio file with a tone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        wave = (8000 * np.sin(np.arange(round(seconds * RATE)) * 2 * np.pi * 440 / RATE)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def add_subtitles(video: Path, cues: Sequence[tuple[float, float, str]], path: Path) -> Path:
    """Copy a video and add a subtitle track.

    :param video: the video.
    :param cues: start and end in seconds, and text.
    :param path: the Matroska file to write.
    """
    srt = path.with_suffix(".srt")
    srt.write_text("".join(f"{n}\n{_stamp(a)} --> {_stamp(b)}\n{t}\n\n" for n, (a, b, t) in enumerate(cues, 1)))
    with (
        av.open(str(video)) as source,
        av.open(str(srt)) as texts,
        av.open(str(path), "w", format="matroska") as target,
    ):
        pairs = [(source, source.streams.video[0]), (texts, texts.streams.subtitles[0])]
        outputs = [target.add_stream_from_template(stream) for _, stream in pairs]
        for (container, stream), output in zip(pairs, outputs, strict=True):
            for packet in container.demux(stream):
                if packet.dts is not None:
                    packet.stream = output
                    target.mux(packet)
    return path


def _stamp(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{thousandths:03d}"
