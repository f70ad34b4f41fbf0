"""Limits on billable minutes, the estimate before a request, and the bill after it."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import Account, Connect
from tests.engine.client import Api
from tests.task_context import task_context
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.batch import TwelveLabsAnalyzeBatchOperator
from twelvelabs_provider.operators.embed import TwelveLabsEmbedOperator
from twelvelabs_provider.operators.extract import TwelveLabsExtractTextInVideoOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.summarize import TwelveLabsSummarizeVideoOperator
from twelvelabs_provider.version_compat import Stats

if TYPE_CHECKING:
    from tests.conftest import Library
    from tests.engine_process import Engine

pytestmark = pytest.mark.engine

CLIP = 6 / 60
"""Minutes of the clip."""
DEFINITION = {"id": "screen", "description": "readable text on screen"}
TWO_DEFINITIONS = {
    "type": "segment_definitions",
    "segment_definitions": [DEFINITION, {**DEFINITION, "id": "signs"}],
}


class Recording:
    """A backend of Airflow's metrics that remembers the counters of this provider."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, float, dict[str, str]]] = []

    def incr(self, stat: str, count: float = 1, rate: float = 1, *, tags: Any = None) -> None:
        if stat.startswith("twelvelabs."):
            self.counted.append((stat, count, dict(tags or {})))

    def timer(self, *args: Any, **kwargs: Any) -> AbstractContextManager[Any]:
        return nullcontext(SimpleNamespace(duration=0.0))

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None

    def of(self, name: str, kind: str) -> float:
        """Return the sum of a counter of one kind of work."""
        return sum(count for stat, count, tags in self.counted if stat == f"twelvelabs.{name}" and tags["kind"] == kind)


def install(factory: Callable[[], Any]) -> None:
    """Make Airflow send its metrics to a backend, as the start of a task does."""
    if not hasattr(type(Stats), "initialize") and "initialize" not in vars(Stats):  # Airflow 3.1
        type(Stats).factory = staticmethod(factory)  # type: ignore[attr-defined]
        type(Stats).instance = None  # type: ignore[attr-defined]
        Stats.instance = None  # type: ignore[attr-defined]
        return
    initialize: Callable[..., None] = Stats.initialize  # type: ignore[attr-defined, unused-ignore]
    takes_legacy_names = "export_legacy_names" in inspect.signature(initialize).parameters
    initialize(factory=factory, **({"export_legacy_names": False} if takes_legacy_names else {}))


class _Silent(Recording):
    def incr(self, *args: Any, **kwargs: Any) -> None: ...


@pytest.fixture
def metrics() -> Iterator[Recording]:
    """What is counted while a test runs."""
    recording = Recording()
    install(lambda: recording)
    yield recording
    install(_Silent)


def minutes(account: Account) -> float:
    """Return the minutes that the engine would have billed so far."""
    totals = account.get("/_local/billing")["totals"]
    return float(sum(total["minutes"] for total in totals.values()))


def length_of(account: Account, library: Library) -> float:
    """Return the minutes of the sample."""
    return float(account.get(f"/v1.3/assets/{library.asset_id}")["duration"]) / 60


def billed_in(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a manifest says of the bill."""
    found: dict[str, Any] = json.loads(Path(result["manifest"].removeprefix("file://")).read_text())["billed"]
    return found


def run(operator: Any, run_id: str = "cost") -> dict[str, Any]:
    result: dict[str, Any] = operator.execute(task_context(run_id=run_id))
    return result


def index(index_id: str, source: str, **fields: Any) -> TwelveLabsIndexVideoOperator:
    return TwelveLabsIndexVideoOperator(task_id="t", index_id=index_id, source=source, poll_interval=0.05, **fields)


def analyze(output: Path, **fields: Any) -> TwelveLabsAnalyzeVideoOperator:
    usual = {"output_path": str(output), "poll_interval": 0.05}
    return TwelveLabsAnalyzeVideoOperator(task_id="t", **{"prompt": "What is it about?", **usual, **fields})


def embed(output: Path, **fields: Any) -> TwelveLabsEmbedOperator:
    return TwelveLabsEmbedOperator(task_id="t", output_path=str(output), poll_interval=0.05, **fields)


def summarize(output: Path, **fields: Any) -> TwelveLabsSummarizeVideoOperator:
    return TwelveLabsSummarizeVideoOperator(task_id="t", output_path=str(output), poll_interval=0.05, **fields)


def extract(output: Path, library: Library, **fields: Any) -> TwelveLabsExtractTextInVideoOperator:
    video: dict[str, Any] = {"index_id": library.index_id, "video_id": library.video_id}
    return TwelveLabsExtractTextInVideoOperator(
        task_id="t", output_path=str(output), poll_interval=0.05, **video, **fields
    )


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
def test_too_long_file_is_refused_before_the_upload(
    api_version: str, connect: Connect, account: Account, clip: Path, metrics: Recording
) -> None:
    connect(api_version)
    index_id, before = account.create_index(f"too long {api_version}"), account.holdings()
    with pytest.raises(TwelveLabsInputError, match=r"clip\.mp4 would bill about 0\.1000 minutes.* allows 0\.05"):
        run(index(index_id, str(clip), max_billable_minutes="0.05"))
    assert account.holdings() == before and not metrics.counted


def test_too_long_url_is_refused_when_its_duration_is_known(
    connect: Connect, account: Account, clip: Path, site: Callable[[Path], str], metrics: Recording
) -> None:
    index_id, before = account.create_index("address"), minutes(account)
    with pytest.raises(TwelveLabsInputError, match=r"about 0\.1\d* minutes.* allows 0\.05"):
        run(index(index_id, site(clip), max_billable_minutes=0.05))
    assert minutes(account) == before
    assert account.get(f"/v1.3/indexes/{index_id}/indexed-assets")["page_info"]["total_results"] == 0
    connect("v1.2")
    holdings = account.holdings()
    with pytest.raises(TwelveLabsInputError, match=r"unknown number of minutes.* allows 10"):
        run(index(index_id, site(clip), max_billable_minutes=10))
    assert account.holdings() == holdings and not metrics.counted


@pytest.mark.parametrize("api_version", ["v1.3", "v1.2"])
@pytest.mark.parametrize("wait", [True, False])
def test_indexing_cost_is_estimated_before_and_counted_after(
    api_version: str,
    wait: bool,
    connect: Connect,
    account: Account,
    clip: Path,
    metrics: Recording,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    connect(api_version)
    index_id = account.create_index(f"estimate {api_version} {wait}")
    with caplog.at_level(logging.INFO):
        run(index(index_id, str(clip), max_billable_minutes=1, wait_for_completion=wait))
    assert "Indexing clip.mp4: about 0.1 billable minutes" in caplog.text + "".join(capsys.readouterr())
    assert metrics.of("billed_minutes", "indexing") == pytest.approx(CLIP, abs=0.01)
    (_, _, tags) = metrics.counted[0]
    assert set(tags) == {"kind", "dag_id", "task_id"} and tags["task_id"] == "t"


@pytest.mark.parametrize("mode", ["sync", "stream", "async"])
def test_analysis_bills_the_time_range(
    mode: str, connect: Connect, account: Account, library: Library, tmp_path: Path, metrics: Recording
) -> None:
    before = minutes(account)
    asked = {"asset_id": library.asset_id, "mode": mode, "start": 6}
    length = length_of(account, library) - 0.1
    with pytest.raises(TwelveLabsInputError, match=r"would bill about 0\.\d+ minutes.* allows 0\.1\."):
        run(analyze(tmp_path, **asked, max_billable_minutes=0.1))
    assert minutes(account) == before and not metrics.counted and not list(tmp_path.rglob("*.*"))
    result = run(analyze(tmp_path, **asked, max_billable_minutes="0.6"), f"window {mode}")
    bill = billed_in(result)
    assert bill["kind"] == "analysis" and bill["minutes"] == pytest.approx(length, abs=0.001)
    assert bill["minutes"] == pytest.approx(minutes(account) - before, abs=0.001), "as the service counts"
    assert (bill["unknown"], bill["at_most"]) == (0, False)
    assert {name: bill[name] for name in result["usage"]} == result["usage"] and bill["output_tokens"] > 0
    assert metrics.of("billed_minutes", "analysis") == pytest.approx(length, abs=0.001)
    assert metrics.of("output_tokens", "analysis") == bill["output_tokens"]
    assert metrics.of("input_tokens", "analysis") == bill["input_tokens"]


def test_segments_bill_the_video_once_per_definition(
    connect: Connect, account: Account, library: Library, tmp_path: Path, metrics: Recording
) -> None:
    asked = {
        "asset_id": library.asset_id,
        "prompt": None,
        "analysis_mode": "time_based_metadata",
        "response_format": json.dumps(TWO_DEFINITIONS),
    }
    before, length = minutes(account), length_of(account, library)
    with pytest.raises(TwelveLabsInputError, match="would bill about 1"):
        run(analyze(tmp_path, **asked, max_billable_minutes=1))
    assert minutes(account) == before
    result = run(analyze(tmp_path, **asked, max_billable_minutes=2), "segments")
    assert billed_in(result)["minutes"] == pytest.approx(2 * length, abs=0.001)
    assert minutes(account) - before == pytest.approx(2 * length, abs=0.001)
    attached = run(analyze(tmp_path, analysis_task_id=result["analysis_task_id"], max_billable_minutes=0), "attach")
    assert billed_in(attached)["minutes"] == pytest.approx(2 * length, abs=0.001), (
        "the bill of the task, not billed again"
    )
    assert minutes(account) - before == pytest.approx(2 * length, abs=0.001)


def test_url_needs_an_end_under_a_limit(
    connect: Connect, account: Account, clip: Path, site: Callable[[Path], str], tmp_path: Path
) -> None:
    before = minutes(account)
    with pytest.raises(TwelveLabsInputError, match=r"unknown number of minutes.* allows 5"):
        run(analyze(tmp_path, video_url=site(clip), max_billable_minutes=5))
    assert minutes(account) == before
    run(analyze(tmp_path, video_url=site(clip), end=5, max_billable_minutes=5), "with an end")
    unlimited = run(analyze(tmp_path, video_url=site(clip), output_name="all"), "no limit")
    bill = billed_in(unlimited)
    assert bill["unknown"] == 0 and bill["minutes"] == pytest.approx(CLIP, abs=0.01), "known once the task is done"


def test_cost_of_a_summary(
    connect: Connect, account: Account, library: Library, tmp_path: Path, metrics: Recording
) -> None:
    before, length = minutes(account), length_of(account, library)
    video = {"index_id": library.index_id, "video_id": library.video_id}
    with pytest.raises(TwelveLabsInputError, match=r"would bill about .* allows 0\.2"):
        run(summarize(tmp_path, **video, max_billable_minutes=0.2))
    assert minutes(account) == before
    result = run(summarize(tmp_path, **video, max_billable_minutes=0.7), "summary")
    assert billed_in(result)["minutes"] == pytest.approx(length, abs=0.001)
    assert minutes(account) - before == pytest.approx(length, abs=0.001)
    assert metrics.of("billed_minutes", "analysis") == pytest.approx(length, abs=0.001)


def test_cost_of_a_summary_in_an_older_generation(
    connect: Connect, account: Account, engine: Engine, clip: Path, tmp_path: Path, metrics: Recording
) -> None:
    old = Api(engine, "v1.2")
    engines = [{"engine_name": "pegasus1.1", "engine_options": ["visual", "conversation"]}]
    index_id = old.expect(201, "POST", "/indexes", json={"index_name": "cost, old", "engines": engines})["_id"]
    video = {"index_id": index_id, "video_id": old.index_video(index_id, clip)}
    connect("v1.2")
    before = minutes(account)
    with pytest.raises(TwelveLabsInputError, match=r"would bill about .* allows 0\.05"):
        run(summarize(tmp_path, **video, max_billable_minutes=0.05))
    assert minutes(account) == before
    result = run(summarize(tmp_path, **video, max_billable_minutes=0.2), "endpoint")
    assert billed_in(result)["minutes"] == pytest.approx(CLIP, abs=0.01)
    assert minutes(account) - before == pytest.approx(CLIP, abs=0.01)
    assert metrics.of("billed_minutes", "analysis") == pytest.approx(CLIP, abs=0.01)


def test_text_in_video_is_billed_where_a_model_reads_it(
    connect: Connect, account: Account, library: Library, tmp_path: Path, metrics: Recording
) -> None:
    before, length = minutes(account), length_of(account, library)
    with pytest.raises(TwelveLabsInputError, match=r"on-screen text of video .* would bill"):
        run(extract(tmp_path, library, max_billable_minutes="0.1"))
    assert minutes(account) == before
    result = run(extract(tmp_path, library, max_billable_minutes="0.7"), "text")
    bill = billed_in(result)
    assert bill["minutes"] == pytest.approx(length, abs=0.001) and bill["output_tokens"] > 0
    assert metrics.of("billed_minutes", "analysis") == pytest.approx(length, abs=0.001)
    connect("v1.2")
    free = run(extract(tmp_path, library, max_billable_minutes=0), "letters")
    assert billed_in(free) is None, "the endpoint that reads letters is not billed"


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_video_embedding_is_billed_by_the_minute(
    mode: str, connect: Connect, account: Account, library: Library, tmp_path: Path, metrics: Recording
) -> None:
    before = minutes(account)
    asked = {"video": library.asset_id, "mode": mode, "end": 12}
    with pytest.raises(TwelveLabsInputError, match=r"would bill about 0\.2000 minutes.* allows 0\.1"):
        run(embed(tmp_path, **asked, max_billable_minutes=0.1))
    assert minutes(account) == before and not metrics.counted
    result = run(embed(tmp_path, **asked, max_billable_minutes=0.2), f"embed {mode}")
    assert billed_in(result)["minutes"] == pytest.approx(0.2) == pytest.approx(minutes(account) - before)
    assert metrics.of("billed_minutes", "embedding") == pytest.approx(0.2)


def test_text_embedding_is_not_billed_by_the_minute(connect: Connect, tmp_path: Path, metrics: Recording) -> None:
    assert billed_in(run(embed(tmp_path, text="a red car", max_billable_minutes=0), "words")) is None
    assert not metrics.counted


def test_batch_bills_all_its_items(
    connect: Connect, account: Account, library: Library, tmp_path: Path, metrics: Recording
) -> None:
    items = [library.asset_id, {"asset_id": library.asset_id, "start": 0, "end": 12}]
    asked: dict[str, Any] = {
        "items": items,
        "output_path": str(tmp_path),
        "prompt": "What is shown?",
        "poll_interval": 0.05,
    }
    before, expected = minutes(account), length_of(account, library) + 0.2
    with pytest.raises(TwelveLabsInputError, match=r"Analyzing 2 items would bill about .* allows 0\.7"):
        run(TwelveLabsAnalyzeBatchOperator(task_id="t", **asked, max_billable_minutes=0.7))
    assert minutes(account) == before
    result = run(TwelveLabsAnalyzeBatchOperator(task_id="t", **asked, max_billable_minutes=1), "batch")
    bill = billed_in(result)
    assert bill["minutes"] == pytest.approx(expected, abs=0.001) and bill["at_most"] is False
    assert bill["minutes"] == pytest.approx(minutes(account) - before, abs=0.001)
    assert bill["output_tokens"] > 0
    assert metrics.of("billed_minutes", "analysis") == pytest.approx(expected, abs=0.001)
    metrics.counted.clear()
    run(TwelveLabsAnalyzeBatchOperator(task_id="t", **asked, wait_for_completion=False), "handed over")
    assert metrics.of("billed_minutes", "analysis") == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize("limit", ["many", -1])
def test_invalid_cost_limit_is_refused(
    limit: Any, connect: Connect, account: Account, clip: Path, library: Library, tmp_path: Path
) -> None:
    before = account.holdings()
    for operator in (
        index(library.index_id, str(clip), max_billable_minutes=limit),
        analyze(tmp_path, asset_id=library.asset_id, max_billable_minutes=limit),
    ):
        with pytest.raises(TwelveLabsInputError, match="max_billable_minutes"):
            run(operator)
    assert account.holdings() == before


def test_failing_metrics_do_not_fail_the_task(connect: Connect, library: Library, tmp_path: Path) -> None:
    class Broken(Recording):
        def incr(self, *args: Any, **kwargs: Any) -> None:
            raise OSError("no route to the metrics server")

    install(Broken)
    try:
        assert run(analyze(tmp_path, asset_id=library.asset_id), "broken metrics")["manifest"]
    finally:
        install(_Silent)
