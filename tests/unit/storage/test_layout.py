from __future__ import annotations

from pathlib import Path

import pytest

from twelvelabs_provider.storage.formats import Format
from twelvelabs_provider.storage.layout import ResultKind, ResultPath, safe_component


def test_safe_names() -> None:
    path = ResultPath(("65f0", "abc"), ResultKind.TEXT_IN_VIDEO)
    assert path.folder == "65f0/abc"
    assert path.data(Format.SRT) == "65f0/abc/text_in_video.srt"
    assert path.manifest == "65f0/abc/text_in_video.manifest.json"


@pytest.mark.parametrize("name", ["65f0-_A", "Größe 数", "a.b"])
def test_safe_name_is_unchanged(name: str) -> None:
    assert safe_component(name) == name


HOSTILE = [
    "",
    ".",
    "..",
    "../../etc",
    "/etc",
    "a/b",
    "a\\b",
    "a\nb",
    "a\0b",
    ".hidden",
    "a?b#c",
    "x" * 500,
    "数" * 200,
    "a. ",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_becomes_one_safe_component(tmp_path: Path, name: str) -> None:
    safe = safe_component(name)
    (tmp_path / safe).mkdir()
    assert [child.name for child in tmp_path.iterdir()] == [safe]
    assert not safe.startswith(".")
    assert safe.isprintable()
    assert not set(safe) & set('/\\?#%*:|"<>')


def test_different_names_stay_different() -> None:
    names = [*HOSTILE, "a_b", "a.b", "_", "x" * 501]
    assert len({safe_component(name) for name in names}) == len(names)
