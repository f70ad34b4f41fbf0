"""What a task that published tells the rest of Airflow: asset events, and lineage."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from twelvelabs_provider.asset_events import register_events
from twelvelabs_provider.storage.catalog.writing import Publication, listen
from twelvelabs_provider.task import push_result

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context


class TwelveLabsOutletOperator(BaseOperator):
    """Base of what may publish: fills the events of its ``outlets``, and says what was made of what.

    Airflow calls these methods wherever the task ends: after ``execute``, and after each wait.
    """

    _published: Sequence[Publication] = ()
    _result: Any = None

    @abstractmethod
    def execute(self, context: Context) -> Any:
        """Do the work; keep the result for the lineage."""

    def take_note(self) -> None:
        """Begin to take note of what is published; Airflow 3.1 runs ``pre_execute`` where it would not be heard."""
        self._published = listen()

    def push_before_failure(self, context: Context, result: Mapping[str, Any]) -> None:
        """Push the result of a task that is about to fail, so that others can read what it published.

        Airflow pushes a return value only when the task succeeds, and removes this one before the next attempt.
        """
        self._result = dict(result)
        try:
            push_result(self, context, result)
        except Exception as error:
            # The failure that follows is the one to report.
            self.log.warning("Cannot push the result of the failed task: %r", error)

    def post_execute(self, context: Context, result: Any = None) -> None:
        """Fill the events of the outlets; what a user's own ``post_execute`` said there stands."""
        super().post_execute(context, result)
        register_events(context, self.outlets, self._published)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume as Airflow says, and keep the result for the lineage."""
        self.take_note()
        self._result = super().resume_execution(next_method, next_kwargs, context)
        return self._result

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Return where the results came from and what they are, without asking anybody; None without OpenLineage."""
        from twelvelabs_provider.lineage import lineage_of

        try:
            return lineage_of(self._published, self._result)
        except ImportError:
            return None
