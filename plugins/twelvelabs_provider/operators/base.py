"""The base of all operators."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from twelvelabs_provider.hooks.connection import DEFAULT_CONN_ID
from twelvelabs_provider.links import TwelveLabsPlaygroundLink
from twelvelabs_provider.operators.outlet import TwelveLabsOutletOperator
from twelvelabs_provider.operators.quota import TwelveLabsQuotaOperator
from twelvelabs_provider.task import COMMON_FIELDS, TwelveLabsTask, refusals_end_the_task

if TYPE_CHECKING:
    from airflow.sdk import Context


class TwelveLabsOperator(TwelveLabsTask, TwelveLabsOutletOperator, TwelveLabsQuotaOperator):
    """Base of all operators.

    :param twelvelabs_conn_id: connection of type ``twelvelabs``.
    :param multiple_outputs: push each field of the result under its own name too: ``task.output["video_id"]``. Has no
        effect where the result is a single value or nothing.
    :raises TwelveLabsInputError: an argument rendered to nothing, or cannot be used; nothing was sent.
    :raises TwelveLabsRefusedError: the service refused for good; Airflow does not retry.
    :raises TwelveLabsTransientError: the service could not be asked; a retry may help.
    """

    template_fields: Sequence[str] = COMMON_FIELDS
    operator_extra_links = (TwelveLabsPlaygroundLink(),)
    ui_color = "#d9e8f6"

    # Airflow refuses multiple_outputs for a result without fields, after the work is done.
    returns_fields: ClassVar[bool] = True

    def __init__(
        self, *, twelvelabs_conn_id: str = DEFAULT_CONN_ID, multiple_outputs: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs and self.returns_fields, **kwargs)
        self.twelvelabs_conn_id = twelvelabs_conn_id

    def execute(self, context: Context) -> Any:
        """Do the work; what the service refuses for good fails the task without a retry."""
        self.read_arguments()
        self.take_note()
        self._result = self.go_on(context, None)
        return self._result

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume as Airflow says, with the arguments rendered afresh."""
        self.read_arguments()
        return super().resume_execution(next_method, next_kwargs, context)

    def go_on(self, context: Context, memo: Any) -> Any:
        """Do the work; after a wait for a quota once more."""
        with refusals_end_the_task(), self.within_quota(context):
            return self.run_operator(context)

    @abstractmethod
    def run_operator(self, context: Context) -> Any:
        """Do the work of this operator and return its small result."""
