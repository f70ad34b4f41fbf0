"""Logos and thumbnails in older generations, and their errors in v1.3."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import Connect, read_rows
from tests.engine.client import Api
from tests.task_context import task_context
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRefusedError
from twelvelabs_provider.operators.logo import TwelveLabsExtractLogoOperator, TwelveLabsExtractThumbnailOperator

if TYPE_CHECKING:
    from tests.engine_process import Engine

pytestmark = pytest.mark.engine


@pytest.fixture(scope="session")
def shown(engine: Engine, clip: Path) -> dict[str, str]:
    """An index that offers logos, and the clip in it."""
    api = Api(engine, "v1.2")
    index_id = api.create_index("operators of the classics", ("visual", "logo"))
    return {"index_id": index_id, "video_id": api.index_video(index_id, clip)}


def path_of(uri: str) -> Path:
    return Path(uri.removeprefix("file://"))


@pytest.mark.parametrize("api_version", ["v1.2", "v1.1"])
def test_logos_are_published(api_version: str, connect: Connect, shown: dict[str, str], tmp_path: Path) -> None:
    connect(api_version)
    operator = TwelveLabsExtractLogoOperator(task_id="t", output_path=str(tmp_path), **shown)
    result = operator.execute(task_context())
    assert (result["kind"], result["rows"], result["video_id"]) == ("logo", 0, shown["video_id"])
    assert read_rows(path_of(result["manifest"])) == []


@pytest.mark.parametrize("time", [None, "1.5"])
def test_thumbnail_is_stored_and_its_link_is_shown_nowhere(
    time: str | None, connect: Connect, shown: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    connect("v1.2")
    operator = TwelveLabsExtractThumbnailOperator(task_id="t", output_path=str(tmp_path), time=time, **shown)
    with caplog.at_level(logging.DEBUG):
        result = operator.execute(task_context())
    picture = path_of(result["files"]["jpg"])
    assert picture.name == ("thumbnail.jpg" if time is None else "thumbnail-1.5s.jpg")
    assert picture.read_bytes()[:3] == b"\xff\xd8\xff" and result["bytes"] == picture.stat().st_size
    seen = repr(result) + path_of(result["manifest"]).read_text() + "".join(r.getMessage() for r in caplog.records)
    assert "signature" not in seen


@pytest.mark.parametrize("operator", [TwelveLabsExtractLogoOperator, TwelveLabsExtractThumbnailOperator])
def test_v1_3_error_names_the_alternative(operator: type[Any], connect: Connect, library: Any, tmp_path: Path) -> None:
    connect("v1.3")
    task = operator(
        task_id="t", index_id=library.index_id, video_id=library.video_id, output_path=str(tmp_path / "out")
    )
    with pytest.raises(TwelveLabsRefusedError, match=r"API v1\.3 has no"):
        task.execute(task_context())
    assert list(tmp_path.rglob("*.manifest.json")) == []


@pytest.mark.parametrize("fields", [{"time": "soon"}, {"time": -1}, {"video_id": ""}, {"output_path": "None"}])
def test_invalid_arguments_are_refused(fields: dict[str, Any], connect: Connect, shown: dict[str, str]) -> None:
    task = TwelveLabsExtractThumbnailOperator(task_id="t", **{**shown, "output_path": "/tmp/x", **fields})
    with pytest.raises(TwelveLabsInputError):
        task.execute(task_context())
