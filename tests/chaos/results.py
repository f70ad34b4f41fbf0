"""Checks that published results are complete."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def whole(folder: Path) -> dict[str, Any]:
    """Return the single manifest below a folder, every file of it checked, and nothing beside it half-written."""
    (manifest,) = folder.rglob("*.manifest.json")
    return whole_manifest(manifest)


def whole_manifest(manifest: Path) -> dict[str, Any]:
    """Return a manifest, every file of it checked."""
    facts: dict[str, Any] = json.loads(manifest.read_text())
    assert facts["files"]
    for file in facts["files"]:
        data = (manifest.parent / file["name"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"]), file["name"]
    return facts
