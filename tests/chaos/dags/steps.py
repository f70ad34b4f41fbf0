"""The steps at which a worker dies: which task, and where."""

from __future__ import annotations

from dataclasses import dataclass

TASKS, SYNC, ASSETS = "/analyze/tasks", "/analyze", "/assets"
INDEXED = "/indexes/[0-9a-f]+/indexed-assets"


@dataclass(frozen=True)
class Step:
    """One task of the run.

    :param task_id: its name.
    :param point: where its first process dies.
    :param path: of the POST that the point is about.
    :param whole: the supervisor dies with it.
    """

    task_id: str
    point: str
    path: str = ""
    whole: bool = False


ANALYSES = (
    Step("analysis_before_the_request", "before_the_request", TASKS),
    Step("analysis_after_the_body", "after_the_body", TASKS),
    Step("analysis_after_the_answer", "after_the_answer", TASKS),
    Step("analysis_after_the_record", "after_the_record"),
    Step("analysis_in_the_deferral", "in_the_deferral"),
    Step("analysis_in_the_completion", "in_the_completion"),
    Step("analysis_in_a_publish", "in_a_publish"),
    Step("analysis_after_the_answer_worker_and_all", "after_the_answer", TASKS, whole=True),
)
INDEXINGS = (
    Step("indexing_after_the_upload", "after_the_body", ASSETS),
    Step("indexing_after_the_body", "after_the_body", INDEXED),
    Step("indexing_after_the_answer", "after_the_answer", INDEXED),
)
LEGACY = Step("legacy_indexing_after_the_body", "after_the_body", "/tasks")
SYNCHRONOUS = Step("answer_after_the_body", "after_the_body", SYNC)
STEPS = (*ANALYSES, *INDEXINGS, LEGACY, SYNCHRONOUS)
