"""The verbs of the hook that ask a model, against the embedded engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import Account, Connect, Faults, billed
from tests.engine.images import make_image
from tests.task_context import task_context
from twelvelabs_provider.api.errors import TwelveLabsAmbiguousError, TwelveLabsAnswerError
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

if TYPE_CHECKING:
    from tests.conftest import Library

pytestmark = pytest.mark.engine

SEASON = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
TITLE = {"type": "json_schema", "json_schema": SEASON}
Start = Callable[..., None]


@pytest.fixture
def hook(connect: Connect) -> TwelveLabsHook:
    """The hook of v1.3."""
    return TwelveLabsHook()


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """Return a function that starts an attempt of a task instance in this process, as Airflow does."""

    def start_attempt(**fields: Any) -> None:
        context = task_context(run_id="verbs")
        for name, value in fields.items():
            setattr(context["ti"], name, value)
        context["dag_run"] = SimpleNamespace(run_after=None, start_date=None)
        monkeypatch.setattr("airflow.sdk.definitions._internal.contextmanager._CURRENT_CONTEXT", [context])

    return start_attempt


def test_analyze(hook: TwelveLabsHook, library: Library, account: Account, clip: Path) -> None:
    before = billed(account, "analysis")
    assert "garden" in hook.analyze(library.asset_id, "What is this about?").lower()
    assert list(hook.analyze(library.asset_id, "Name it.", response_format=TITLE)) == ["title"]
    assert billed(account, "analysis") == before + 2
    with pytest.raises(TwelveLabsInputError, match="upload"):
        hook.analyze(clip, "What is this about?")


def test_analyze_a_url(hook: TwelveLabsHook, clip: Path, site: Callable[[Path], str]) -> None:
    assert hook.analyze(site(clip), "What is shown?", start=0, end=4)


def test_a_lost_answer_is_not_asked_for_again(
    hook: TwelveLabsHook, library: Library, account: Account, faults: Faults
) -> None:
    before = billed(account, "analysis")
    faults("/analyze", times=None)
    with pytest.raises(TwelveLabsAmbiguousError):
        hook.analyze(library.asset_id, "What is this about?")
    assert billed(account, "analysis") == before + 1


def test_an_answer_that_is_no_json_is_in_the_log(
    hook: TwelveLabsHook, library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain = hook.api.analyze

    def without_format(request: Any) -> Any:
        return plain(type(request)(request.video, prompt=request.prompt))

    monkeypatch.setattr(type(hook.api), "analyze", staticmethod(without_format))
    with pytest.raises(TwelveLabsAnswerError):
        hook.analyze(library.asset_id, "What is this about?", response_format=TITLE)
    assert "cannot be read, and is billed" in caplog.text


def test_an_analysis_is_started_once_for_all_attempts(
    hook: TwelveLabsHook, library: Library, account: Account, start: Start, faults: Faults
) -> None:
    before = billed(account, "analysis")
    start()
    faults("/analyze/tasks", times=2)
    with pytest.raises(TwelveLabsAmbiguousError):
        hook.start_analysis(library.asset_id, "What is this about?")
    start(try_number=2)
    job = hook.start_analysis(library.asset_id, "What is this about?")
    assert "garden" in str(hook.wait_for(job, poll_interval=0.2).data).lower()
    assert hook.start_analysis(library.asset_id, "What is this about?") == job
    assert billed(account, "analysis") == before + 1
    for other in ({"map_index": 1}, {"task_id": "other"}, {"max_tries": 3}):
        start(**other)
        assert hook.start_analysis(library.asset_id, "What is this about?") != job
    start()
    assert hook.start_analysis(library.asset_id, "What else?") != job


def test_outside_a_task_each_analysis_is_a_new_one(hook: TwelveLabsHook, library: Library) -> None:
    ids = {hook.start_analysis(library.asset_id, "What is this about?").id for _ in range(2)}
    assert len(ids) == 2
    keyed = {hook.start_analysis(library.asset_id, "What?", idempotency_key="own-1").id for _ in range(2)}
    assert len(keyed) == 1


def test_text_in_video(hook: TwelveLabsHook, library: Library, account: Account, start: Start) -> None:
    before = billed(account, "analysis")
    start(task_id="read")
    rows = hook.text_in_video(library.index_id, library.video_id)
    assert [row.start for row in rows] == sorted(row.start for row in rows) and any(row.value for row in rows)
    late = hook.text_in_video(library.index_id, library.video_id, start=rows[-1].start, end=rows[-1].end)
    assert 0 < len(late) < len(rows), "another range is another analysis"
    assert hook.text_in_video(library.index_id, library.video_id) == rows
    assert billed(account, "analysis") == before + 2


def test_embed(hook: TwelveLabsHook, library: Library, clip: Path, tmp_path: Path) -> None:
    image = make_image(tmp_path / "logo.png")
    texts, images = hook.embed("a garden"), hook.embed(image=image)
    both = hook.embed("a logo", image=str(image))
    assert [len(found.items) for found in (texts, images, both)] == [1, 1, 1]
    assert texts.dimensions == images.dimensions == both.dimensions
    assert {item.scope for item in hook.embed(video=clip).items} == {"clip", "asset"}
    assert hook.embed(video=library.asset_id).items
    for given in ({}, {"text": "a", "video": clip}, {"audio": clip, "video": clip}):
        with pytest.raises(TwelveLabsInputError, match="takes a text, an image, both"):
            hook.embed(**given)
