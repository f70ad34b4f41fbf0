"""Result paths of task instances: none overwrites the result of another by default."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.conftest import Connect
from tests.dags.test_if_published import analyze, batch, embed, search, summarize, text_in_video
from tests.task_context import task_context
from tests.task_runs import run_to_end
from twelvelabs_provider.operators.extract import TwelveLabsExtractTranscriptionOperator
from twelvelabs_provider.operators.knowledge_search import knowledge_place
from twelvelabs_provider.operators.list_videos import TwelveLabsListVideosOperator
from twelvelabs_provider.storage.manifest import Provenance

if TYPE_CHECKING:
    from tests.conftest import Library

pytestmark = pytest.mark.engine

Make = Callable[["Library", Path, int], Any]


def transcription(library: Library, output: Path, end: int) -> Any:
    video = {"index_id": library.index_id, "video_id": library.video_id}
    return TwelveLabsExtractTranscriptionOperator(task_id="t", output_path=str(output), end=end, **video)


def videos(library: Library, output: Path, most: int) -> Any:
    return TwelveLabsListVideosOperator(
        task_id="t", index_id=library.index_id, output_path=str(output), filters={"duration": {"gte": most}}
    )


MAPPED: dict[str, Make] = {
    "prompts": lambda library, output, number: analyze(library, output, prompt=f"Question {number}?"),
    "models of answers": lambda library, output, number: analyze(library, output, temperature=number / 10),
    "stretches in short": lambda library, output, number: summarize(library, output, kind="chapters", end=number + 10),
    "stretches of text": lambda library, output, number: text_in_video(library, output, end=number + 10),
    "stretches of speech": lambda library, output, number: transcription(library, output, number + 10),
    "chunks of a batch": lambda library, output, number: batch(
        library, output, items=[{"asset_id": library.asset_id, "custom_id": f"item{number}"}]
    ),
    "texts": lambda library, output, number: embed(library, output, text=f"word {number}"),
    "options": lambda library, output, number: embed(
        library, output, video=library.asset_id, options=[("visual", "audio")[number]], mode="sync"
    ),
    "queries": lambda library, output, number: search(library, output, query_text=f"word {number}"),
    "how many are wanted": lambda library, output, number: search(library, output, max_results=number + 1),
    "filters of a list": videos,
}


@pytest.mark.parametrize("what", MAPPED)
def test_mapped_tasks_and_runs_publish_separate_results(
    what: str, connect: Connect, library: Library, tmp_path: Path
) -> None:
    written: dict[str, tuple[str, int]] = {}
    asked: dict[int, set[str]] = {}
    for run_id, map_index in product(("first", "second"), (0, 1)):
        context = task_context(run_id=f"{run_id} {what}")
        context["ti"].map_index = map_index
        result, _ = run_to_end(MAPPED[what](library, tmp_path, map_index), context)
        written.setdefault(result["manifest"], (context["ti"].run_id, map_index))
        asked.setdefault(map_index, set()).add(result["manifest"])
    assert not asked[0] & asked[1], "two tasks, two results"
    if what != "stretches of speech":
        for manifest, (run_id, map_index) in written.items():
            provenance = json.loads(Path(manifest.removeprefix("file://")).read_text())["provenance"]
            assert (provenance["run_id"], provenance["map_index"]) == (run_id, map_index), "nothing was replaced"


def test_result_names_of_task_instances_are_distinct() -> None:
    ids = [
        ("d", "r", "t", -1), ("d", "r", "t", 0), ("d", "r", "t", 1), ("d", "r2", "t", -1), ("d2", "r", "t", -1),
        ("d", "r", "t.1", -1), ("d", "r.t", "1", -1), ("d.r", "t", "1", -1),
    ]  # fmt: skip
    stems = {Provenance(*one).file_stem() for one in ids}
    assert len(stems) == len(ids)
    context: Any = task_context()
    name = knowledge_place(context, "store", "search").name
    context["ti"].dag_id = "another dag with the same output"
    assert knowledge_place(context, "store", "search").name != name
