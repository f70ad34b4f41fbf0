"""Deduplication of billed results: a question whose result is published is not asked again."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from twelvelabs_provider.inputs.policies import IfPublished
from twelvelabs_provider.jobs.identity import Identity
from twelvelabs_provider.jobs.task_state import origin_in
from twelvelabs_provider.storage.layout import ResultPath
from twelvelabs_provider.storage.manifest import Answer, Published
from twelvelabs_provider.storage.published_results import SavedResult, find_saved

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.api.endpoint import Endpoint

log = logging.getLogger(__name__)

Render = Callable[[SavedResult], Published | None]
"""Publishes a saved result in the wanted formats; returns None if its files do not have what they need."""
_DIGEST_LENGTH = 12


@dataclass(frozen=True)
class Deduplicator:
    """Deduplication of one billed result.

    :param output: local path or object storage URI below which results are published.
    :param question: digest of the question, see :func:`question_digest`.
    :param if_published: the operator's parameter.
    :param request: digest of the task instance that asks, the same for its retries and different after a clear.
    """

    output: str
    question: str
    if_published: str
    request: str

    @classmethod
    def of(cls, context: Context, output: str, question: str, if_published: str) -> Deduplicator:
        """Return the deduplication of a result of the running task."""
        store: Any = context.get("task_state_store")
        request = Identity.of(cast("Mapping[str, Any]", context), question, origin_in(store)).key()
        return cls(output, question, if_published, request)

    def find(
        self,
        place: ResultPath,
        formats: Sequence[str],
        render: Render,
        *,
        is_complete: Callable[[SavedResult], bool] = lambda _: True,
    ) -> dict[str, Any] | None:
        """Return the task result that was published for the same question; None if there is none.

        :param place: where this task publishes.
        :param formats: the wanted formats; missing ones are rendered from the published files.
        :param is_complete: tells whether a published result is complete enough for this task.
        """
        saved = find_saved(self.output, place)
        if saved is None or saved.question != self.question or not is_complete(saved):
            return None
        if self.if_published == IfPublished.REPLACE and saved.request != self.request:
            return None
        published = saved.announce(formats) if saved.has(formats) else render(saved)
        if published is None:
            log.warning("Cannot reuse %s: no complete file has the data for %s", saved.uri, ", ".join(formats))
            return None
        log.info("Reusing the published result %s: it answers the same question", saved.uri)
        return {**saved.result, **published.as_xcom()}

    def answer(self, result: Mapping[str, Any]) -> Answer:
        """Return the manifest entries by which a later task finds this result.

        :param result: what the task returns besides the files.
        """
        return Answer(self.question, self.request, result)


def question_digest(endpoint: Endpoint, **asked: Any) -> str:
    """Return a digest of a question, the same for every task instance that asks it.

    :param endpoint: the service; another service or API version may give another answer.
    :param asked: everything that changes the answer: plain JSON, URLs without signatures.
    """
    whole = {"service": endpoint.origin, "version": endpoint.version.value, **asked}
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()


def stem_with(stem: str, question: str) -> str:
    """Return a file stem with a digest, so that two questions about one video have two results."""
    return f"{stem}-{question[:_DIGEST_LENGTH]}"
