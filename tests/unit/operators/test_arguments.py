"""Arguments of every operator and sensor: path objects, and values of native rendering."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import upath
from airflow.sdk import DAG, ObjectStoragePath

from tests.unit.operator_classes import operator_classes, required_arguments
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.inputs.batch_items import items_of
from twelvelabs_provider.inputs.text_arguments import text_of, without_paths
from twelvelabs_provider.inputs.typed_arguments import mappings_of, texts_of
from twelvelabs_provider.inputs.video_sources import videos_of
from twelvelabs_provider.storage.discovery.search_roots import search_root
from twelvelabs_provider.storage.locations import Location
from twelvelabs_provider.storage.source import resolve_source
from twelvelabs_provider.storage.stores import open_store

CLASSES = [pytest.param(operator_class, id=operator_class.__name__) for operator_class in operator_classes()]
STORED = ObjectStoragePath("file:///videos/a b.mp4")
IN_BUCKET = ObjectStoragePath("s3://aws_videos@bucket/2026/a b.mp4")
ID = str(uuid.UUID(int=1))
FALSE_TEXTS = [1.5, float("inf"), [1, 2], {"a": 1}, ("a", "b"), b"a", {1}, object()]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (Path("/videos/a b.mp4"), "/videos/a b.mp4"),
        (Path("a.mp4"), "a.mp4"),
        (STORED, "file:///videos/a b.mp4"),
        (IN_BUCKET, "s3://aws_videos@bucket/2026/a b.mp4"),
        (ObjectStoragePath("s3://bucket/a.mp4", conn_id="aws_videos"), "s3://aws_videos@bucket/a.mp4"),
        (ObjectStoragePath("s3://aws_videos@bucket/a") / "b.mp4", "s3://aws_videos@bucket/a/b.mp4"),
        (upath.UPath("/videos/a.mp4"), "/videos/a.mp4"),
        (upath.UPath("memory://a/b.mp4"), "memory://a/b.mp4"),
        ("s3://bucket/a.mp4", "s3://bucket/a.mp4"),
    ],
)
def test_path_argument_is_converted_to_text(path: Any, text: str) -> None:
    assert Location.parse(path).value == text
    assert without_paths([{"uri": path}, (path,)]) == [{"uri": text}, (text,)]


def test_path_with_storage_options_is_refused() -> None:
    path: Any = upath.UPath("memory://a/b", token="5ecre7")
    with pytest.raises(TwelveLabsInputError, match=r"^The path 'memory://a/b' has storage options \(token\)") as caught:
        Location.parse(path)
    assert "5ecre7" not in str(caught.value)


def test_value_without_paths_is_returned_uncopied() -> None:
    value = [{"a": ["b", ("c", 1)]}]
    assert without_paths(value) is value


@pytest.mark.parametrize("path", [Path, ObjectStoragePath, upath.UPath, str])
def test_readers_of_locations_accept_path_objects(path: Any, tmp_path: Path) -> None:
    video, lines = tmp_path / "a.mp4", tmp_path / "a.jsonl"
    video.write_bytes(b"1")
    lines.write_text(json.dumps({"asset_id": "0" * 24, "uri": str(video)}) + "\n")
    assert resolve_source(path(str(video))).filename == "a.mp4"
    assert open_store(path(str(tmp_path))).uri("a").endswith("/a")
    assert search_root(path(str(tmp_path)))
    assert [one.uri for one in videos_of([path(str(video)), {"uri": path(str(video))}])] == [str(video)] * 2
    assert [one.uri for one in videos_of(path(str(lines)))] == [str(video)]
    assert texts_of("source", path(str(video))) == texts_of("source", [path(str(video))]) == (str(video),)
    with pytest.raises(TwelveLabsInputError, match="has no field 'uri'"):
        list(items_of(path(str(lines))).read())


@pytest.mark.parametrize("operator_class", CLASSES)
def test_every_template_field_accepts_a_path(operator_class: type[Any]) -> None:
    fields = [name for name in operator_class.template_fields if not name.endswith(("_id", "_ids"))]
    task = operator_class(task_id="t", **{**required_arguments(operator_class), **dict.fromkeys(fields, IN_BUCKET)})
    task.read_arguments()
    assert {name: getattr(task, name) for name in fields} == dict.fromkeys(
        fields, "s3://aws_videos@bucket/2026/a b.mp4"
    )


@pytest.mark.parametrize("operator_class", CLASSES)
def test_url_as_id_is_refused_without_showing_its_signature(operator_class: type[Any]) -> None:
    task = operator_class(task_id="t", **required_arguments(operator_class))
    for name in [name for name in operator_class.template_fields if name.endswith(("_id", "_ids"))]:
        for url in (
            "https://bucket.example.com/a.mp4?X-Amz-Signature=5ecre7",
            ["https://bucket.example.com/a.mp4?X-Amz-Signature=5ecre7"],
            "https:\\/\\/bucket.example.com\\/a.mp4?X-Amz-Signature=5ecre7",
            "https%3A%2F%2Fbucket.example.com%2Fa.mp4%3FX-Amz-Signature%3D5ecre7",
            "https://user:5ecre7@bucket.example.com/a.mp4",
        ):
            if isinstance(url, list) and not name.endswith("_ids"):
                continue
            setattr(task, name, url)
            with pytest.raises(TwelveLabsInputError, match=rf"^{name} is a URL, not an id") as caught:
                task.read_arguments()
            assert "5ecre7" not in str(caught.value)
        setattr(task, name, ID)


@pytest.mark.parametrize("operator_class", CLASSES)
def test_native_rendering_keeps_text_fields_or_is_refused(operator_class: type[Any]) -> None:
    with DAG("d", schedule=None, render_template_as_native_obj=True):
        fields = [name for name in operator_class.template_fields if name != "twelvelabs_conn_id"]
        task = operator_class(
            task_id="t", **{**required_arguments(operator_class), **dict.fromkeys(fields, "{{ '123' }}")}
        )
    task.render_template_fields({})
    assert {getattr(task, name) for name in fields} <= {123}
    task.read_arguments()
    texts = {name for name in fields if getattr(task, name) == "123"}
    assert {name for name in fields if name.endswith(("_id", "_name", "output_path", "prompt", "query"))} - {
        "prompt"
    } <= texts
    for name in texts:
        for value in FALSE_TEXTS:
            setattr(task, name, value)
            with pytest.raises(
                TwelveLabsInputError, match=rf"^{name}=.* is {type(value).__name__}, and must be a text"
            ):
                task.read_arguments()
        setattr(task, name, "123")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (123, "123"),
        (10**23 + 7, f"1{'0' * 22}7"),
        (True, "True"),
        (None, None),
        ("007", "007"),
        (uuid.UUID(int=1),) * 2,
    ],
)
def test_scalar_from_native_rendering_becomes_text(value: Any, text: Any) -> None:
    assert text_of("index_id", value) == (text if text is None else str(text))


class Lazy(Sequence[Any]):
    """What Airflow hands over of a mapped task: a sequence that is no list."""

    def __init__(self, *values: Any) -> None:
        self._values = values

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __len__(self) -> int:
        return len(self._values)


def test_lazy_sequence_of_a_mapped_task_is_read_as_a_list() -> None:
    assert texts_of("formats", Lazy("json", "parquet")) == ("json", "parquet")
    assert mappings_of("entities", Lazy({"a": 1})) == ({"a": 1},)
    assert [one.uri for one in videos_of(Lazy("/a.mp4", {"uri": Path("/b.mp4")}))] == ["/a.mp4", "/b.mp4"]


def test_whole_numbers_in_a_text_list_become_texts() -> None:
    assert texts_of("asset_ids", [123, "a"]) == texts_of("asset_ids", '[123, "a"]') == ("123", "a")
    assert texts_of("asset_ids", 123) == ("123",)
