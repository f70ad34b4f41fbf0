"""Operators that bill for a result and do not ask for it again once it is published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, cast

from airflow.sdk import BaseOperator

from twelvelabs_provider.jobs.identity import Identity
from twelvelabs_provider.jobs.task_state import origin_in
from twelvelabs_provider.storage.layout import Place
from twelvelabs_provider.storage.manifest import Answer, Published
from twelvelabs_provider.storage.published_results import SavedResult, find_saved

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.api.endpoint import Endpoint

Render = Callable[[SavedResult], Published | None]
"""Publishes a saved result again in the formats that are wanted; None if they cannot be made of its files."""
_DIGITS = 12


class IfPublished(StrEnum):
    """What to do when the result of the same question is published."""

    SKIP = "skip"
    REPLACE = "replace"


class TwelveLabsPublishedOperator(BaseOperator):
    """Base of the operators that bill for a result that they publish.

    :param if_published: what to do when the same question is published at the place where this task publishes:
        ``skip`` returns the published result and bills nothing; formats that are missing are made of its files.
        ``replace`` asks, and pays, again; a retry of the attempt that published does not. A question is the same if the
        video, the stretch, the model and every option are, and the service and the API version.
    """

    def __init__(self, *, if_published: Literal["skip", "replace"] = "skip", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if if_published not in set(IfPublished):
            raise ValueError(f"if_published={if_published!r} is not one of {', '.join(IfPublished)}")
        self.if_published = IfPublished(if_published).value

    def answer_to(self, context: Context, question: str, result: Mapping[str, Any]) -> Answer:
        """Return what the manifest says, so that a later task can reuse the result.

        :param result: what the task returns besides the files.
        """
        return Answer(question, self._request_key(context, question), result)

    def reuse_published(
        self,
        context: Context,
        output: str,
        place: Place,
        question: str,
        formats: Sequence[str],
        render: Render,
        *,
        counts: Callable[[SavedResult], bool] = lambda _: True,
    ) -> dict[str, Any] | None:
        """Return the result of a task that published the answer to the same question; None if there is none.

        :param formats: the formats that are wanted.
        :param counts: tells whether a published answer is complete enough.
        """
        saved = find_saved(output, place)
        if saved is None or saved.question != question or not counts(saved):
            return None
        if self.if_published == IfPublished.REPLACE and saved.request != self._request_key(context, question):
            return None
        published = saved.announce(formats) if saved.has(formats) else render(saved)
        if published is None:
            self.log.warning(
                "Cannot reuse the published result %s: no whole file has what %s need", saved.uri, ", ".join(formats)
            )
            return None
        self.log.info("Reusing the published result %s: it answers the same question", saved.uri)
        return {**saved.result, **published.as_xcom()}

    def _request_key(self, context: Context, question: str) -> str:
        store: Any = context.get("task_state_store")
        return Identity.of(cast("Mapping[str, Any]", context), question, origin_in(store)).key()


def question_digest(endpoint: Endpoint, **asked: Any) -> str:
    """Return a digest of a question, the same for every task instance that asks it.

    :param endpoint: the service; another one, or another API version, may give another answer.
    :param asked: whatever changes the answer: plain JSON, addresses without signatures.
    """
    whole = {"service": endpoint.origin, "version": endpoint.version.value, **asked}
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()


def stem_with(stem: str, question: str) -> str:
    """Return a file stem that belongs to one question, so that another question about the same video has its own."""
    return f"{stem}-{question[:_DIGITS]}"
