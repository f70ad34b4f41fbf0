"""What every operator has: the connection, the hook, the link, and errors in Airflow's terms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from twelvelabs_provider.api.errors import TwelveLabsPermanentError
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRefusedError
from twelvelabs_provider.hooks.connection import DEFAULT_CONN_ID
from twelvelabs_provider.links import TwelveLabsPlaygroundLink

if TYPE_CHECKING:
    from airflow.sdk import Context

    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

COMMON_FIELDS = ("twelvelabs_conn_id",)


@contextmanager
def refusals_end_the_task() -> Iterator[None]:
    """Turn the service's final word into a failure that Airflow does not retry."""
    try:
        yield
    except TwelveLabsPermanentError as error:
        raise TwelveLabsRefusedError(str(error)) from error


class TwelveLabsOperator(BaseOperator):
    """Base of all operators.

    :param twelvelabs_conn_id: connection of type ``twelvelabs``.
    :param multiple_outputs: push each field of the result under its own name too: ``task.output["video_id"]``.
    """

    template_fields: Sequence[str] = COMMON_FIELDS
    operator_extra_links = (TwelveLabsPlaygroundLink(),)
    ui_color = "#d9e8f6"

    def __init__(
        self, *, twelvelabs_conn_id: str = DEFAULT_CONN_ID, multiple_outputs: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs, **kwargs)
        self.twelvelabs_conn_id = twelvelabs_conn_id
        self.playground_url: str | None = None

    @cached_property
    def hook(self) -> TwelveLabsHook:
        """The hook, made at the first use: reading a DAG file loads no HTTP library."""
        from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

        return TwelveLabsHook(self.twelvelabs_conn_id)

    def execute(self, context: Context) -> Any:
        """Do the work; what the service refuses for good fails the task without a retry."""
        with refusals_end_the_task():
            return self.run_operator(context)

    @abstractmethod
    def run_operator(self, context: Context) -> Any:
        """Do the work of this operator and return its small result."""


def required(owner: BaseOperator, **values: Any) -> None:
    """Refuse arguments that rendered to nothing.

    :raises TwelveLabsInputError: naming the argument.
    """
    for name, value in values.items():
        if value is None or not str(value).strip() or str(value) == "None":
            raise TwelveLabsInputError(
                f"{type(owner).__name__}({name}={value!r}) needs a value: it is empty after templates were rendered"
            )
