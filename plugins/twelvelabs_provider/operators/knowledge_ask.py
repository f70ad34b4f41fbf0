"""Operator that asks a question about a knowledge store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.api.knowledge.response_stream import (
    TwelveLabsIncompleteResponseError,
    collected,
    stream_response,
)
from twelvelabs_provider.api.knowledge.responses import (
    LONGEST_MESSAGE,
    AnswerSchema,
    Response,
    ResponseRequest,
    ResponseStatus,
    Selection,
    SelectionKind,
)
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsUnknownOutcomeError
from twelvelabs_provider.inputs.policies import IfPublished
from twelvelabs_provider.inputs.typed_arguments import mapping_of, texts_of
from twelvelabs_provider.jobs.result_deduplication import Deduplicator, question_digest
from twelvelabs_provider.operators.base import TwelveLabsOperator
from twelvelabs_provider.operators.knowledge_search import knowledge_place
from twelvelabs_provider.results.kinds import KNOWLEDGE_RESPONSE
from twelvelabs_provider.results.knowledge_answer import document_of, structured_response
from twelvelabs_provider.storage.manifest import Answer, Origin, Provenance, Published
from twelvelabs_provider.storage.publish import (
    DocumentFormat,
    ResultFacts,
    check_output,
    document_formats,
    publish_document,
)
from twelvelabs_provider.storage.published_results import SavedResult
from twelvelabs_provider.storage.republish import republish_document
from twelvelabs_provider.task import BILLED_COLOR, COMMON_FIELDS, required

if TYPE_CHECKING:
    from airflow.sdk import Context

LONGEST_IN_XCOM = 1_000
"""Characters of an answer in the result; the published document has all of it."""

_LINE = 100
Result = dict[str, Any]


class TwelveLabsAskKnowledgeStoreOperator(TwelveLabsOperator):
    """Asks a question about a knowledge store, streams the answer to the task log, and publishes it.

    The question is billed. A cleared task returns the published answer of its own run unless ``if_published`` is
    ``replace``. Each run and each mapped task publishes under its own name, so another run asks again.

    Service page: https://docs.twelvelabs.io/api-reference/responses/create

    :param knowledge_store_id: the store (templated).
    :param question: up to 10,000 characters (templated).
    :param session_id: the conversation to continue; None starts a new one (templated).
    :param instructions: guidance for this question (templated).
    :param item_ids: limits the question to these items (templated).
    :param item_collection_ids: limits the question to the items of these collections (templated).
    :param answer_schema: JSON Schema of the answer, an object, as a mapping or JSON text (templated).
    :param output_path: local path or URI of object storage for the answer and its sources (templated).
    :param formats: any of ``json`` (the document), ``jsonl``, ``parquet`` (one row) (templated).
    :param if_published: ``skip`` returns a result of the same request that is published in the same place, at no cost,
        and renders missing formats from its files; ``replace`` sends the request again, which is billed, except in a
        retry of the attempt that published.
    :return: ``knowledge_store_id``, ``response_id``, ``session_id``, ``answer`` (its first 1,000 characters),
        ``characters``, ``citations`` (count), ``input_tokens``, ``output_tokens``, and with ``output_path``
        ``manifest``, ``files``, ``rows``, ``bytes``.
    :raises TwelveLabsInputError: an argument is invalid; raised before any request.
    :raises TwelveLabsUnknownOutcomeError: the answer broke off. It is billed, so the task does not ask again. With
        ``output_path`` the received text is kept as a document.
    :raises TwelveLabsOutputError: the files cannot be written; no partial file is visible.
    """

    chained_fields = ("session_id", "manifest")
    template_fields: Sequence[str] = (
        *COMMON_FIELDS, "knowledge_store_id", "question", "session_id", "instructions", "item_ids",
        "item_collection_ids", "answer_schema", "output_path", "formats",
    )  # fmt: skip
    ui_color = BILLED_COLOR

    def __init__(
        self,
        *,
        knowledge_store_id: str,
        question: str,
        session_id: str | None = None,
        instructions: str | None = None,
        item_ids: Sequence[str] | str | None = None,
        item_collection_ids: Sequence[str] | str | None = None,
        answer_schema: Mapping[str, Any] | str | None = None,
        output_path: str | None = None,
        formats: Sequence[str] | str = ("json",),
        if_published: Literal["skip", "replace"] = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.knowledge_store_id = knowledge_store_id
        self.question = question
        self.session_id = session_id
        self.instructions = instructions
        self.item_ids = item_ids
        self.item_collection_ids = item_collection_ids
        self.answer_schema = answer_schema
        self.output_path = output_path
        self.formats = formats
        self.if_published = IfPublished.parse(if_published)

    def run_operator(self, context: Context) -> Result:
        """Ask the question and publish the answer."""
        request = self._request()
        if self.output_path:
            self._formats()
            check_output(self.output_path)
        question = self._asked()
        reused = self._reused(context, question) if self.output_path else None
        if reused is not None:
            return reused
        response = self._ask(context, request)
        if request.schema:
            try:
                response = structured_response(response)
            except TwelveLabsAnswerError as error:
                raise self._broken_off(context, f"{response.id} is not JSON: {error}", response.text) from error
        result = {
            "knowledge_store_id": self.knowledge_store_id,
            "response_id": response.id,
            "session_id": response.session_id,
            "answer": response.text[:LONGEST_IN_XCOM],
            "characters": len(response.text),
            "citations": len(response.citations),
            "input_tokens": response.input_tokens,
            "output_tokens": response.output_tokens,
        }
        if not self.output_path:
            return result
        answer = Deduplicator.of(context, self.output_path, question, self.if_published).answer(result)
        return {**result, **self._publish(context, document_of(self.question, response), response, answer)}

    def _asked(self) -> str:
        given = {name: getattr(self, name) or None for name in ("session_id", "instructions")}
        return question_digest(
            self.hook.endpoint,
            kind="knowledge_response",
            knowledge_store_id=self.knowledge_store_id,
            question=self.question,
            item_ids=texts_of("item_ids", self.item_ids),
            item_collection_ids=texts_of("item_collection_ids", self.item_collection_ids),
            answer_schema=mapping_of("answer_schema", self.answer_schema),
            **given,
        )

    def _reused(self, context: Context, question: str) -> Result | None:
        output, formats = str(self.output_path), self._formats()

        def render(saved: SavedResult) -> Published | None:
            content = saved.read("json")
            rows = [json.loads(content)] if content is not None else saved.rows()
            if not rows:
                return None
            provenance = Provenance.of(context["ti"])
            return republish_document(output, saved, formats, KNOWLEDGE_RESPONSE, provenance, rows[0], rows[0])

        place = knowledge_place(context, self.knowledge_store_id, "response")
        return Deduplicator.of(context, output, question, self.if_published).find(place, formats, render)

    def _request(self) -> ResponseRequest:
        required(self, knowledge_store_id=self.knowledge_store_id, question=self.question)
        items = [Selection(SelectionKind.ITEM, one) for one in texts_of("item_ids", self.item_ids)]
        collection_ids = texts_of("item_collection_ids", self.item_collection_ids)
        selections = [*items, *(Selection(SelectionKind.COLLECTION, one) for one in collection_ids)]
        # The service limits a question to the selections that its text names.
        named = " ".join(f"{{{{sel:{number}}}}}" for number in range(len(selections)))
        message = f"{self.question} {named}".strip()
        if len(message) > LONGEST_MESSAGE:
            raise TwelveLabsInputError(
                f"question has {len(self.question):,} characters, {len(message):,} with its selections: the"
                f" service takes {LONGEST_MESSAGE:,}"
            )
        schema = mapping_of("answer_schema", self.answer_schema)
        return ResponseRequest(
            self.knowledge_store_id,
            [message],
            session_id=self.session_id or None,
            instructions=self.instructions or None,
            selections=selections,
            schema=AnswerSchema("answer", schema) if schema else None,
        )

    def _ask(self, context: Context, request: ResponseRequest) -> Response:
        lines = _LogLines(self.log.info)
        try:
            response = collected(self.hook.stream(stream_response(request)), lines.add)
        except TwelveLabsIncompleteResponseError as error:
            raise self._broken_off(context, str(error), error.text) from error
        finally:
            lines.end()
        if response.status != ResponseStatus.COMPLETED:
            why = f"{response.id} ended as {response.status!r}: {response.reason or 'the service gives no reason'}"
            raise self._broken_off(context, why, response.text)
        return response

    def _broken_off(self, context: Context, why: str, text: str) -> TwelveLabsUnknownOutcomeError:
        kept = ""
        if self.output_path and text:
            place = knowledge_place(context, self.knowledge_store_id, "incomplete_response")
            published = publish_document(self.output_path, place, text, self._facts(context, None))
            kept = f" (kept in {published.manifest_uri})"
            self.push_before_failure(
                context, {"knowledge_store_id": self.knowledge_store_id, "incomplete": published.manifest_uri}
            )
        return TwelveLabsUnknownOutcomeError(
            f"{why}{kept}. The question is billed, so the task does not ask again; clear the task to ask again"
        )

    def _publish(self, context: Context, document: Mapping[str, Any], response: Response, answer: Answer) -> Result:
        place = knowledge_place(context, self.knowledge_store_id, "response")
        facts, formats = self._facts(context, response.model, answer), self._formats()
        return publish_document(
            str(self.output_path), place, document, facts, formats=formats, schema=KNOWLEDGE_RESPONSE, row=document
        ).as_xcom()

    def _formats(self) -> tuple[DocumentFormat, ...]:
        return document_formats(texts_of("formats", self.formats), DocumentFormat.JSON)

    def _facts(self, context: Context, model: str | None, answer: Answer | None = None) -> ResultFacts:
        return ResultFacts(
            Provenance.of(context["ti"]),
            Origin.GENERATED,
            model=model,
            options={"question": self.question, "instructions": self.instructions},
            details={"knowledge_store_id": self.knowledge_store_id},
            answer=answer,
        )


class _LogLines:
    """Writes a text that arrives in pieces to a log, line by line."""

    def __init__(self, write: Any) -> None:
        self._write = write
        self._text = ""

    def add(self, piece: str) -> None:
        """Add a piece, and write the lines that are full."""
        *whole, self._text = (self._text + piece).split("\n")
        for line in whole:
            self._write("%s", line)
        if len(self._text) > _LINE and " " in self._text:
            line, _, self._text = self._text.rpartition(" ")
            self._write("%s", line)

    def end(self) -> None:
        """Write the rest."""
        if self._text:
            self._write("%s", self._text)
            self._text = ""
