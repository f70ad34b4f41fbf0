"""Results to publish, and the checks of a reader."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

from twelvelabs_provider.api.models import Segment
from twelvelabs_provider.storage import object_store
from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultKind, ResultPath
from twelvelabs_provider.storage.manifest import Origin, Provenance, Published, ResultFacts
from twelvelabs_provider.storage.publish import publish_segments

PLACE = ResultPath(("index 1", "vidéo"), ResultKind.TRANSCRIPTION)
FOLDER = "index 1/vidéo"
MANIFEST = f"{FOLDER}/transcription.manifest.json"
FORMATS = (Format.JSONL, Format.SRT)
FACTS = ResultFacts(
    source_uri="s3://bucket/v.mp4",
    index_id="index 1",
    video_id="vidéo",
    origin=Origin.SPEECH,
    provenance=Provenance("dag", "run", "task"),
)

WORDS = ("old", "new")
_KIB = 1024
_PIECES = {"s3": 5 * _KIB * _KIB, "abfs": 64 * _KIB, "gs": 256 * _KIB}


def piece_of(scheme: str) -> int:
    """The smallest piece that a store takes."""
    return _PIECES.get(scheme, 16 * _KIB)


def rows_of(word: str, count: int = 20, size: int = 10) -> Iterator[Segment]:
    """Rows of a version that is called so.

    :param size: bytes that each row has besides its text; subtitles leave them out.
    """
    note = (word + " ") * (size // (len(word) + 1) + 1)
    return (Segment(number, number + 1, f"{word} {number}", {"note": note}) for number in range(count))


def put(output: str, word: str, count: int = 20, size: int = 10) -> Published:
    """Publish a version."""
    return publish_segments(output, PLACE, rows_of(word, count, size), FORMATS, FACTS)


def put_in_pieces(output: str, word: str, piece: int) -> Published:
    """Publish a version whose JSON lines need two pieces, and whose subtitles fit into one."""
    with mock.patch.object(object_store, "BLOCK_SIZE", piece):
        return put(output, word, 20, piece * 11 // 10 // 20)


def check_whole(files: Mapping[str, bytes], output: str) -> dict[str, Any]:
    """The manifest, once its files are seen to be what it says."""
    manifest: dict[str, Any] = json.loads(files[f"{output}/{MANIFEST}"])
    for entry in manifest["files"]:
        content = files[f"{output}/{FOLDER}/{entry['name']}"]
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"])
    return manifest
