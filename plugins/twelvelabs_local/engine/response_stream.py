"""The response of the agent, as a body or as a stream of events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twelvelabs_local.engine.quoted_answers import MODEL_NAME, Answer, split_text

Body = Mapping[str, Any]
DONE = "data: [DONE]\n\n"


@dataclass(frozen=True)
class AgentResponse:
    """A complete response.

    :param store_id: the knowledge store.
    :param steps: the output items before the message.
    :param turn: the number of earlier questions in the session.
    :param tokens: input tokens and output tokens.
    """

    id: str
    session_id: str
    store_id: str
    answer: Answer
    steps: Sequence[Body]
    turn: int
    tokens: tuple[int, int]
    created_at: str

    def body(self) -> Body:
        """Return the body of the completed response."""
        usage = {"input_tokens": self.tokens[0], "output_tokens": self.tokens[1]}
        return {**self._head("completed"), "output": [*self.steps, self._message(True)], "usage": usage}

    def events(self) -> Iterator[str]:
        """Yield the events of the stream."""
        for number, (kind, fields) in enumerate(self._events()):
            event = {"type": kind, "sequence_number": number, **fields}
            yield f"event: {kind}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
        yield DONE

    def _events(self) -> Iterator[tuple[str, Body]]:
        begun = {"response": {**self._head("in_progress"), "output": []}}
        yield "response.created", begun
        yield "response.in_progress", begun
        for position, step in enumerate(self.steps):
            yield "response.output_item.added", {"output_index": position, "item": {**step, "status": "in_progress"}}
            if step["type"] == "function_call":
                arguments = {"item_id": step["id"], "output_index": position, "arguments": step["arguments"]}
                yield "response.function_call_arguments.done", arguments
            yield "response.output_item.done", {"output_index": position, "item": step}
        yield from self._message_events()
        yield "response.completed", {"response": self.body()}

    def _message_events(self) -> Iterator[tuple[str, Body]]:
        position = len(self.steps)
        place = {"item_id": self._message(True)["id"], "output_index": position, "content_index": 0}
        yield "response.output_item.added", {"output_index": position, "item": self._message(False)}
        yield "response.content_part.added", {**place, "part": Answer("").part()}
        for piece in split_text(self.answer.text):
            yield "response.output_text.delta", {**place, "delta": piece}
        yield "response.output_text.done", {**place, "text": self.answer.text}
        yield "response.content_part.done", {**place, "part": self.answer.part()}
        yield "response.output_item.done", {"output_index": position, "item": self._message(True)}

    def _head(self, status: str) -> Body:
        return {
            "id": self.id,
            "type": "response",
            "object": "response",
            "status": status,
            "incomplete_details": None,
            "model": MODEL_NAME,
            "session_id": self.session_id,
            "knowledge_store_id": self.store_id,
            "created_at": self.created_at,
        }

    def _message(self, whole: bool) -> dict[str, Any]:
        return {
            "type": "message",
            "id": f"msg_{self.session_id}_{self.turn}",
            "status": "completed" if whole else "in_progress",
            "role": "assistant",
            "phase": "final_answer",
            "content": [self.answer.part() if whole else Answer("").part()],
        }
