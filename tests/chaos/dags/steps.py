"""Steps at which a worker dies, with their tasks."""

from __future__ import annotations

from dataclasses import dataclass

TASKS, SYNC, ASSETS = "/analyze/tasks", "/analyze", "/assets"
INDEXED = "/indexes/[0-9a-f]+/indexed-assets"
BATCH, EMBEDDING, UPLOAD = "/analyze/batches", "/embed-v2/tasks", "/assets/multipart-uploads"


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
UPLOADS = (
    Step("upload_after_the_session_is_made", "after_the_body", UPLOAD),
    Step("upload_between_the_parts", "after_the_answer", f"{UPLOAD}/[0-9a-f]+"),
    Step("upload_in_the_middle_of_a_report", "after_the_body", f"{UPLOAD}/[0-9a-f]+"),
)
BATCHES = (
    Step("batch_before_the_request", "before_the_request", BATCH),
    Step("batch_after_the_body", "after_the_body", BATCH),
    Step("batch_after_the_answer", "after_the_answer", BATCH),
)
EMBEDDINGS = (
    Step("embedding_after_the_body", "after_the_body", EMBEDDING),
    Step("embedding_after_the_answer", "after_the_answer", EMBEDDING),
    Step("embedding_after_the_record", "after_the_record"),
)
LOST_EMBEDDING = Step("embedding_of_a_file_after_the_body", "after_the_body", EMBEDDING)
LEGACY = Step("legacy_indexing_after_the_body", "after_the_body", "/tasks")
SYNCHRONOUS = Step("answer_after_the_body", "after_the_body", SYNC)
STEPS = (*ANALYSES, *INDEXINGS, *UPLOADS, *BATCHES, *EMBEDDINGS, LOST_EMBEDDING, LEGACY, SYNCHRONOUS)
