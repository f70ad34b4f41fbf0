"""Answers about a knowledge store: their document, and the JSON value of a structured answer."""

from __future__ import annotations

from typing import Any

from twelvelabs_provider.api.analysis.structured_answers import read_structured
from twelvelabs_provider.api.knowledge.responses import Citation, Response


def document_of(question: str, response: Response) -> dict[str, Any]:
    """Return the published document of an answer."""
    return {
        "question": question,
        "answer": response.text,
        "citations": [_cited(citation) for citation in response.citations],
        "response_id": response.id,
        "session_id": response.session_id,
        "model": response.model,
        "usage": {"input_tokens": response.input_tokens, "output_tokens": response.output_tokens},
    }


def _cited(citation: Citation) -> dict[str, Any]:
    return {
        "start_index": citation.start_index,
        "end_index": citation.end_index,
        "item_id": citation.item_id,
        "start": citation.start,
        "end": citation.end,
        "title": citation.title,
    }


def structured_response(response: Response) -> Response:
    """Return the response with only its JSON value as text, and with citations that refer to it.

    :raises TwelveLabsAnswerError: the answer has no complete JSON value.
    """
    answer = read_structured(response.text)
    shift, length = answer.offset or 0, len(answer.text)

    def place(index: int) -> int:
        return min(max(index - shift, 0), length)

    citations = tuple(
        one.model_copy(update={"start_index": place(one.start_index), "end_index": place(one.end_index)})
        for one in response.citations
    )
    return response.model_copy(update={"text": answer.text, "citations": citations})
