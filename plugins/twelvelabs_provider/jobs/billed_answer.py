"""Billed answers that the service does not keep: requested once, and no received text is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from twelvelabs_provider.api.analysis.generation import Generation
from twelvelabs_provider.api.errors import TwelveLabsError
from twelvelabs_provider.exceptions import (
    TwelveLabsLostAnswerError,
    TwelveLabsUnknownOutcomeError,
    TwelveLabsUnusableAnswerError,
)
from twelvelabs_provider.jobs.billed_call import BilledCall
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.storage.failed_answers import PARTIAL, RAW, keep_aside
from twelvelabs_provider.storage.layout import ResultPath

log = logging.getLogger(__name__)

Push = Callable[[Mapping[str, Any]], None]
"""Pushes the result of a task that is about to fail."""
_REPEAT = "Clear the task to ask again, or set resubmit_lost=True"


@dataclass(frozen=True)
class BilledAnswer:
    """One billed answer of one task.

    :param call: the record of the call in the task state.
    :param output: local path or object storage URI below which results are published.
    :param place: where the result is published; an incomplete answer is kept beside it.
    :param resubmit_lost: the operator's parameter: a retry asks again after a lost answer.
    """

    call: BilledCall
    output: str
    place: ResultPath
    resubmit_lost: bool
    push: Push

    @contextmanager
    def request(self, received: Callable[[], str]) -> Iterator[None]:
        """Guard a billed request: a lost answer fails the task, and a retry does not repeat the request unnoticed.

        :param received: returns the text that has arrived so far.
        :raises TwelveLabsUnknownOutcomeError: the answer is lost, now or in an earlier attempt.
        :raises TwelveLabsLostAnswerError: the same, where a retry may ask again.
        """
        if self.call.was_sent() and not self.resubmit_lost:
            raise TwelveLabsUnknownOutcomeError(
                "An earlier attempt sent this question and stopped before the answer arrived. It may have been billed."
                f" {_REPEAT}"
            )
        self.call.record_sent()
        try:
            yield
        except TwelveLabsError as error:
            if isinstance(error, UNKNOWN_OUTCOME) or received():
                self._lost(error, self._keep(PARTIAL, received(), self.push))
            self.call.clear()
            raise
        except BaseException:
            # A timeout or the end of the task can have interrupted a request to Airflow, so nothing is pushed.
            self._keep(PARTIAL, received(), None)
            raise

    def unusable(self, generation: Generation, reason: object) -> NoReturn:
        """Keep an answer that is not what was asked for, and fail: another request is billed again.

        :raises TwelveLabsUnusableAnswerError: naming the file.
        """
        kept = self._keep(RAW, generation.text, self.push)
        self.call.clear()
        warning = f" ({generation.warning})" if generation.warning else ""
        raise TwelveLabsUnusableAnswerError(f"{reason}{warning}.{kept} Another request is billed again")

    def _keep(self, suffix: str, text: str, push: Push | None) -> str:
        return keep_incomplete(self.output, self.place, suffix, text, push)

    def _lost(self, error: TwelveLabsError, kept: str) -> NoReturn:
        if self.resubmit_lost:
            raise TwelveLabsLostAnswerError(f"{error}.{kept} It may have been billed; a retry asks again") from error
        raise TwelveLabsUnknownOutcomeError(
            f"{error}.{kept} It may have been billed, so a retry does not ask again. {_REPEAT}"
        ) from error


def keep_incomplete(output: str, place: ResultPath, suffix: str, text: str, push: Push | None) -> str:
    """Write a text beside the result; return a sentence that names the file, or nothing for an empty text.

    A failure of the store must not hide the first error.

    :param push: pushes the file's URI as the field ``incomplete``; None if Airflow must not be called.
    """
    if not text:
        return ""
    try:
        kept = keep_aside(output, place, suffix, text)
    except Exception as error:
        log.error("Cannot write the received text (%s): %s", error, text)
        return " The received text could not be written, it is in the task's log."
    log.warning("Kept the %d received characters in %s", len(text), kept)
    if push is not None:
        push({"incomplete": kept})
    return f" The received text is kept in {kept}."
