"""Embedding operators in every mode: results only in storage, and no double billing after a lost response."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import Library
from tests.dags.conftest import Account, Connect, rows_of
from tests.engine.client import until
from tests.engine.videos import make_sound
from tests.task_context import TaskStateStore, task_context
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsUnsupportedError
from twelvelabs_provider.exceptions import (
    TwelveLabsInputError,
    TwelveLabsRefusedError,
    TwelveLabsUnknownOutcomeError,
    TwelveLabsWatchedJobFailedError,
)
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
from twelvelabs_provider.jobs.job import JobState, Phase
from twelvelabs_provider.operators.embed import TwelveLabsEmbedOperator
from twelvelabs_provider.sensors.embedding import TwelveLabsEmbeddingSensor
from twelvelabs_provider.version_compat import TaskDeferred

pytestmark = pytest.mark.engine
MODEL = "twelvelabs-local-features"


def embed(output: Path, store: TaskStateStore | None = None, **fields: Any) -> dict[str, Any]:
    operator = TwelveLabsEmbedOperator(task_id="t", output_path=str(output), poll_interval=0.05, **fields)
    result: dict[str, Any] = operator.execute(task_context(store))
    json.dumps(result)
    return result


@pytest.fixture
def billed(account: Account) -> Callable[[], dict[str, Any]]:
    """What was billed, once nothing is on its way any more that another test left behind."""

    def totals() -> dict[str, Any]:
        until(lambda: not account.get("/v1.3/embed-v2/tasks", status="processing")["data"])
        found: dict[str, Any] = account.get("/_local/billing")["totals"]
        return {what: found[what]["events"] for what in found if what.startswith("embedding")}

    return totals


def test_text_is_embedded_synchronously(tmp_path: Path, connect: Connect) -> None:
    result = embed(tmp_path / "out", text="good morning", formats=["jsonl", "parquet"])
    assert (result["rows"], result["dimensions"], result["model_name"]) == (1, 512, MODEL)
    assert result["input_type"] == "text" and result["embedding_task_id"] is result["asset_id"] is None
    assert set(result["files"]) == {"jsonl", "parquet"} and "embedding" not in result
    (row,) = rows_of(result)
    assert len(row.pop("embedding")) == 512 and set(row.values()) == {None}
    manifest = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())
    assert manifest["model"] == MODEL and manifest["dimensions"] == 512 and manifest["input_type"] == "text"


def test_parquet_holds_lists_of_32_bit_floats(tmp_path: Path, connect: Connect) -> None:
    import pyarrow.parquet as parquet

    result = embed(tmp_path / "out", text="good morning", formats="parquet")
    table = parquet.read_table(result["files"]["parquet"].removeprefix("file://"))
    assert str(table.schema.field("embedding").type) in ("list<element: float>", "list<item: float>")
    assert len(table["embedding"][0]) == 512


def test_result_path_depends_on_the_input(tmp_path: Path, connect: Connect) -> None:
    first, again, other = (embed(tmp_path, text=text)["manifest"] for text in ("one", "one", "two"))
    assert first == again != other


def test_image_with_text_and_several_images(tmp_path: Path, connect: Connect, red_image: Path) -> None:
    assert embed(tmp_path, image=str(red_image))["input_type"] == "image"
    assert embed(tmp_path, image=[str(red_image)], text="red")["input_type"] == "text_image"
    several = embed(tmp_path, image={"a": str(red_image), "b": str(red_image)}, text="<@a> beside <@b>")
    assert several["input_type"] == "multi_input" and several["rows"] == 1
    assert "red square" in embed(tmp_path, image=str(red_image))["manifest"]


def test_short_video_file_is_embedded_synchronously(tmp_path: Path, connect: Connect, clip: Path) -> None:
    result = embed(tmp_path, video=str(clip), options="visual", scopes='["clip"]', segment_seconds="2")
    assert (result["rows"], result["duration"], result["embedding_task_id"]) == (3, 6.0, None)
    assert [(row["start"], row["end"], row["option"], row["scope"]) for row in rows_of(result)] == [
        (0.0, 2.0, "visual", "clip"),
        (2.0, 4.0, "visual", "clip"),
        (4.0, 6.0, "visual", "clip"),
    ]


def test_asset_is_embedded_by_a_task_with_fused_vectors(tmp_path: Path, connect: Connect, library: Library) -> None:
    result = embed(
        tmp_path,
        video=library.asset_id,
        mode="async",
        segmentation="dynamic",
        types=["separate_embedding", "fused_embedding"],
    )
    assert result["embedding_task_id"] and result["asset_id"] == library.asset_id
    assert f"/assets/{library.asset_id}/embeddings" in result["manifest"]
    rows = rows_of(result)
    assert {row["option"] for row in rows} == {"visual", "audio", "transcription", "fused"}
    assert {row["scope"] for row in rows} == {"clip", "asset"}
    assert result["duration"] == pytest.approx(37, abs=1)


def test_audio_url_of_unknown_duration_is_embedded_by_a_task(
    tmp_path: Path, connect: Connect, site: Callable[[Path], str]
) -> None:
    sound = make_sound(tmp_path / "tone.wav", 6.0)
    result = embed(tmp_path / "out", audio=site(sound), options=["audio"], scopes=["asset"])
    assert result["embedding_task_id"] and result["input_type"] == "audio" and result["rows"] == 1


def test_second_task_publishes_an_embedding_task(tmp_path: Path, connect: Connect, library: Library) -> None:
    left = embed(tmp_path, video=library.asset_id, options=["visual"], wait_for_completion=False)
    assert left["job_kind"] == "embedding_task" and left["job_id"] == left["embedding_task_id"]
    sensor = TwelveLabsEmbeddingSensor(task_id="s", embedding_task_id=left["job_id"], poke_interval=0.05)
    waited = sensor.execute(task_context())
    assert waited["status"] == "ready" and waited["embedding_task_id"] == left["job_id"]
    result = embed(tmp_path, embedding_task_id=left["job_id"])
    assert {row["option"] for row in rows_of(result)} == {"visual"}
    assert result["embedding_task_id"] == left["job_id"] and result["input_type"] == "video"


def test_deferrable_task_defers_and_resumes(
    tmp_path: Path, connect: Connect, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields: dict[str, Any] = {"video": library.asset_id, "options": ["visual"], "scopes": ["asset"], "start": 1}
    operator = TwelveLabsEmbedOperator(task_id="t", output_path=str(tmp_path), deferrable=True, **fields)
    # a video that is known already may be ready at the first look
    with monkeypatch.context() as patch:
        patch.setattr(operator, "poll", lambda pending: JobState(Phase.RUNNING, "processing"))
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute(task_context())
    trigger: Any = deferred.value.trigger
    trigger.poll_interval = 0.05
    event = asyncio.run(anext(trigger.run()))
    result = operator.execute_complete(task_context(), event.payload)
    assert result["rows"] == 1 and rows_of(result)[0]["start"] == 1.0


def test_every_argument_may_be_a_template(tmp_path: Path, connect: Connect, clip: Path, red_image: Path) -> None:
    params = {"video": str(clip), "options": ["visual"], "images": {"a": str(red_image)}, "output": str(tmp_path)}
    fields: dict[str, Any] = {
        "task_id": "t",
        "output_path": "{{ params.output }}",
        "formats": "{{ ['jsonl', 'json'] | tojson }}",
        "twelvelabs_conn_id": "twelvelabs_{{ 'default' }}",
    }
    of_video = TwelveLabsEmbedOperator(
        **fields,
        video="{{ params.video }}",
        image="{{ None }}",
        options="{{ params.options | tojson }}",
        scopes="clip",
        segment_seconds="{{ 2 + 1 }}",
        segmentation="fix{{ 'ed' }}",
        start="{{ 0.5 }}",
        end="",
        mode="{{ 'sync' }}",
        output_name="{{ 'vectors' }}",
    )
    of_images = TwelveLabsEmbedOperator(**fields, text="<@a> is red", image="{{ params.images | tojson }}")
    for operator in (of_video, of_images):
        operator.render_template_fields(task_context() | {"params": params})
    result = of_video.execute(task_context())
    assert [(row["start"], row["end"]) for row in rows_of(result)] == [(0.5, 3.5), (3.5, 6.0)]
    assert set(result["files"]) == {"jsonl", "json"} and result["manifest"].endswith("/vectors.manifest.json")
    assert of_images.execute(task_context())["input_type"] == "multi_input"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "give one of text, image, audio, video, embedding_task_id"),
        ({"text": "a", "video": "b"}, "got text, video"),
        ({"text": "None"}, "got none"),
        ({"text": "a", "mode": "later"}, "mode='later'"),
        ({"text": "a", "mode": "async"}, "audio and video"),
        ({"text": "a", "options": ["visual"]}, "options=.* is for audio and video only"),
        ({"text": "a", "formats": ["csv"]}, "csv"),
        ({"image": "/nowhere.png"}, "does not exist"),
        ({"video": "SAMPLE", "options": ["smell"]}, "'smell' is not one of visual, audio, transcription"),
        ({"video": "SAMPLE", "scopes": "frame"}, "'frame' is not one of clip, asset"),
        ({"video": "SAMPLE", "segmentation": "random"}, "must be fixed or dynamic"),
        ({"video": "SAMPLE", "segment_seconds": "2.5"}, "whole number"),
        ({"video": "SAMPLE", "start": 5, "end": 4}, "must be after"),
        ({"image": "SAMPLE"}, "neither JPEG nor PNG"),
    ],
)
def test_invalid_arguments_are_refused_before_any_request(
    fields: dict[str, Any],
    said: str,
    tmp_path: Path,
    connect: Connect,
    sample: Path,
    billed: Callable[[], dict[str, Any]],
) -> None:
    before = billed()
    given: dict[str, Any] = {name: str(sample) if value == "SAMPLE" else value for name, value in fields.items()}
    with pytest.raises(TwelveLabsInputError, match=said):
        embed(tmp_path, **given)
    assert billed() == before


@pytest.mark.parametrize("fields", [{"text": "word " * 501}, {"video": "SAMPLE", "segment_seconds": 11}])
def test_service_refuses_invalid_values_without_billing(
    fields: dict[str, Any], tmp_path: Path, connect: Connect, sample: Path, billed: Callable[[], dict[str, Any]]
) -> None:
    before = billed()
    given: dict[str, Any] = {name: str(sample) if value == "SAMPLE" else value for name, value in fields.items()}
    with pytest.raises(TwelveLabsRefusedError, match="HTTP 400"):
        embed(tmp_path, **given)
    assert billed() == before


def test_too_large_file_for_an_inline_request(tmp_path: Path, connect: Connect, sample: Path) -> None:
    large = tmp_path / "large.mp4"
    large.write_bytes(sample.read_bytes())
    with large.open("ab") as file:
        file.truncate(37 * 2**20)
    with pytest.raises(TwelveLabsInputError, match=r"large\.mp4 has 38,797,312 bytes; a request carries"):
        embed(tmp_path, video=str(large))


def test_too_long_video_for_a_synchronous_request(tmp_path: Path, connect: Connect, monkeypatch: Any) -> None:
    asset = SimpleNamespace(status="ready", duration=601.0)
    monkeypatch.setattr(TwelveLabsHook, "execute", lambda self, call: asset)
    with pytest.raises(TwelveLabsInputError, match=r"lasts 601 s.*mode='async'"):
        embed(tmp_path, video="0" * 24, mode="sync")


def test_asset_that_is_not_ready_or_missing(tmp_path: Path, connect: Connect, monkeypatch: Any) -> None:
    with pytest.raises(TwelveLabsRefusedError, match="resource_not_exist"):
        embed(tmp_path, video="0" * 24)
    asset = SimpleNamespace(status="processing", duration=None)
    monkeypatch.setattr(TwelveLabsHook, "execute", lambda self, call: asset)
    with pytest.raises(TwelveLabsInputError, match="is processing: wait"):
        embed(tmp_path, video="0" * 24)


def test_sensor_names_the_reason_of_a_failed_task(
    tmp_path: Path, connect: Connect, site: Callable[[Path], str]
) -> None:
    left = embed(tmp_path, video=site(tmp_path / "nothing.mp4"), wait_for_completion=False)
    sensor = TwelveLabsEmbeddingSensor(task_id="s", embedding_task_id=left["job_id"], poke_interval=0.05)
    with pytest.raises(TwelveLabsWatchedJobFailedError, match="could not be fetched"):
        sensor.execute(task_context())


class LosesAnswers:
    """Makes the answers to the creation of embedding tasks disappear after the service has acted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, acts: bool = True, error: Any = None) -> None:
        execute = TwelveLabsHook.execute
        self.error = error or TwelveLabsAmbiguousError

        def lost(hook: TwelveLabsHook, call: Any, **limits: Any) -> Any:
            if call.name not in ("POST /embed-v2/tasks", "POST /embed-v2"):
                return execute(hook, call, **limits)
            if acts:
                execute(hook, call)
            raise self.error("its answer was lost")

        self.patch = monkeypatch
        self.patch.setattr(TwelveLabsHook, "execute", lost)
        self.honest = execute

    def no_more(self) -> None:
        self.patch.setattr(TwelveLabsHook, "execute", self.honest)


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> Iterator[LosesAnswers]:
    yield LosesAnswers(monkeypatch)


def test_embedding_task_is_found_by_url_after_a_lost_response(
    tmp_path: Path, connect: Connect, site: Callable[[Path], str], clip: Path, lost: LosesAnswers, billed: Any
) -> None:
    before = billed().get("embedding", 0)
    url = site(clip) + "?case=lost"
    result = embed(tmp_path, video=url, options=["visual"], scopes=["asset"])
    assert result["rows"] == 1 and billed()["embedding"] == before + 1


def test_lost_response_for_an_asset_makes_the_outcome_unknown(
    tmp_path: Path, connect: Connect, library: Library, lost: LosesAnswers
) -> None:
    with pytest.raises(TwelveLabsUnknownOutcomeError, match="Pass the right one as embedding_task_id"):
        embed(tmp_path, video=library.asset_id, mode="async", options=["visual"])


def test_lost_synchronous_embedding_is_not_requested_again(
    tmp_path: Path, connect: Connect, clip: Path, lost: LosesAnswers
) -> None:
    with pytest.raises(TwelveLabsUnknownOutcomeError, match="use mode='async'"):
        embed(tmp_path, video=str(clip), mode="sync", options=["visual"])
    with pytest.raises(TwelveLabsAmbiguousError):
        embed(tmp_path, text="cents")


class Killed(BaseException):
    """The worker dies."""


def test_retry_finds_the_task_of_a_worker_that_died_before_recording_it(
    tmp_path: Path, connect: Connect, site: Callable[[Path], str], clip: Path, monkeypatch: Any, billed: Any
) -> None:
    before, store, url = billed().get("embedding", 0), TaskStateStore(), site(clip) + "?case=killed"
    dying = LosesAnswers(monkeypatch, error=Killed)
    with pytest.raises(Killed):
        embed(tmp_path, store, video=url, options=["visual"])
    dying.no_more()
    assert embed(tmp_path, store, video=url, options=["visual"])["rows"] == 2
    assert billed()["embedding"] == before + 1
    assert store["twelvelabs_job"]["phase"] == "submitted"


def test_retry_submits_after_a_worker_died_before_sending(
    tmp_path: Path, connect: Connect, site: Callable[[Path], str], clip: Path, monkeypatch: Any
) -> None:
    store, url = TaskStateStore(), site(clip) + "?case=unsent"
    dying = LosesAnswers(monkeypatch, acts=False, error=Killed)
    with pytest.raises(Killed):
        embed(tmp_path, store, video=url)
    assert store["twelvelabs_job"]["phase"] == "intent"
    dying.no_more()
    assert embed(tmp_path, store, video=url, scopes=["clip", "asset"], options=["visual"])["rows"] == 2
    assert embed(tmp_path, store, video=url)["embedding_task_id"]


def test_retry_attaches_to_the_recorded_task(tmp_path: Path, connect: Connect, library: Library) -> None:
    store = TaskStateStore()
    first, again = (embed(tmp_path, store, video=library.asset_id, mode="async", options=["visual"]) for _ in "12")
    assert first["embedding_task_id"] == again["embedding_task_id"]


def test_embedding_in_older_generations(tmp_path: Path, connect: Connect, clip: Path, red_image: Path) -> None:
    connect("v1.2")
    assert embed(tmp_path, text="good morning")["model_name"] == MODEL
    assert embed(tmp_path, image=str(red_image))["rows"] == 1
    video = embed(tmp_path, video=str(clip), segment_seconds=3, scopes=["clip"])
    assert video["embedding_task_id"] and {row["option"] for row in rows_of(video)} == {"visual"}
    sound = make_sound(tmp_path / "tone.wav", 6.0)
    assert embed(tmp_path, audio=str(sound))["embedding_task_id"] is None
    with pytest.raises(TwelveLabsRefusedError, match="a fixed one"):
        embed(tmp_path, video=str(clip), segmentation="dynamic")
    connect("v1.1")
    with pytest.raises(TwelveLabsRefusedError, match=r"api_version v1\.2") as caught:
        embed(tmp_path, text="good morning")
    assert isinstance(caught.value.__context__, TwelveLabsUnsupportedError)
