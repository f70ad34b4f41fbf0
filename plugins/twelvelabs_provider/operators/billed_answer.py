"""Asking for an answer that is billed and leaves nothing on the service: never twice unseen, nothing lost that came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from twelvelabs_provider.api.errors import (
    TwelveLabsError,
)
from twelvelabs_provider.exceptions import (
    TwelveLabsLostAnswerError,
    TwelveLabsUnknownOutcomeError,
    TwelveLabsUnusableAnswerError,
)
from twelvelabs_provider.jobs.billed_call import BilledCall
from twelvelabs_provider.jobs.idempotency import UNKNOWN_OUTCOME
from twelvelabs_provider.operators.analysis_task import TwelveLabsAnalysisTaskOperator
from twelvelabs_provider.storage.failed_answers import PARTIAL, RAW

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.api.analysis.generation import Generation
    from twelvelabs_provider.storage.layout import Place

_AGAIN = "clear the task to ask again, or set resubmit_lost=True"


class TwelveLabsBilledAnswerOperator(TwelveLabsAnalysisTaskOperator):
    """Base of the operators that ask for generated text.

    :param output_path: where results go: a local path or any URI of object storage (templated).
    :param resubmit_lost: a ``sync`` or ``stream`` answer that is lost was perhaps billed, and nothing on the service
        can be found again: the task fails for good unless this is True, which lets a retry ask, and pay, again.
    """

    def __init__(self, *, output_path: str, resubmit_lost: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_path = output_path
        self.resubmit_lost = resubmit_lost

    @contextmanager
    def asking(self, context: Context, place: Place, arrived: Callable[[], str]) -> Iterator[BilledCall]:
        """Guard a billed call; a lost answer ends the task, and a retry does not ask unseen.

        :param place: where the result would lie, and what had arrived is kept.
        :param arrived: returns the text that has arrived so far.
        :raises TwelveLabsUnknownOutcomeError: the answer was lost, now or in an earlier try.
        :raises TwelveLabsLostAnswerError: the same, where a retry may ask again.
        """
        call = self.billed_call(context)
        if call.sent_before() and not self.resubmit_lost:
            raise TwelveLabsUnknownOutcomeError(
                f"an earlier try sent this question and ended before it had the answer; it may be billed: {_AGAIN}"
            )
        call.sending()
        try:
            yield call
        except TwelveLabsError as error:
            if isinstance(error, UNKNOWN_OUTCOME) or arrived():
                self._lost(error, self._kept(context, place, PARTIAL, arrived()))
            call.settled()
            raise
        except BaseException:
            # A timeout of the task, or its end from outside: it may have interrupted a request to Airflow.
            self._kept(None, place, PARTIAL, arrived())
            raise

    def unusable(self, context: Context, place: Place, generation: Generation, why: object) -> NoReturn:
        """Keep an answer aside that is not what was asked for, and fail: asking again is billed again.

        :raises TwelveLabsUnusableAnswerError: naming the file.
        """
        kept = self._kept(context, place, RAW, generation.text)
        self.billed_call(context).settled()
        warning = f" ({generation.warning})" if generation.warning else ""
        raise TwelveLabsUnusableAnswerError(f"{why}{warning}.{kept} Asking again is billed again")

    def billed_call(self, context: Context) -> BilledCall:
        """Return what the task remembers of its billed call."""
        store: Any = context.get("task_state_store")
        return BilledCall(store, self.identity(context))

    def _kept(self, context: Context | None, place: Place, suffix: str, text: str) -> str:
        return self.kept_aside(context, self.output_path, place, suffix, text)

    def _lost(self, error: TwelveLabsError, kept: str) -> NoReturn:
        if self.resubmit_lost:
            raise TwelveLabsLostAnswerError(f"{error}.{kept} It may have been billed; a retry asks again") from error
        raise TwelveLabsUnknownOutcomeError(
            f"{error}.{kept} It may have been billed, so it is not asked again by itself: {_AGAIN}"
        ) from error
