"""Mixin of operators and sensors: hook, rendering, and the errors of the service in Airflow's types."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from twelvelabs_provider.api.errors import TwelveLabsAuthError, TwelveLabsPermanentError
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRefusedError
from twelvelabs_provider.inputs.field_rendering import read_template_file, renderers_of, shown_name
from twelvelabs_provider.inputs.text_arguments import read_arguments

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from jinja2 import Environment

    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook
    from twelvelabs_provider.jobs.job import JobState, PendingJob
    from twelvelabs_provider.jobs.job_poller import JobPoller

log = logging.getLogger(__name__)

COMMON_FIELDS = ("twelvelabs_conn_id",)

# Colors of the graph: an operator that bills, one that deletes.
BILLED_COLOR = "#f6e7c9"
DELETE_COLOR = "#f4d9d5"


class TwelveLabsTask:
    """Mixin of every operator and sensor.

    :param twelvelabs_conn_id: connection of type ``twelvelabs``; set by the operator or sensor.
    :param playground_url: playground page of the task's object, for :class:`TwelveLabsPlaygroundLink`.
    """

    template_fields: Sequence[str]
    template_fields_renderers: ClassVar[dict[str, str]] = {}

    # Fields of the result that other tasks take one by one: ``task.output["video_id"]``. Each is a row of Airflow's
    # database, and other fields are in the result only.
    chained_fields: ClassVar[Sequence[str]] = ("manifest",)
    custom_operator_name: ClassVar[str]
    twelvelabs_conn_id: str
    playground_url: str | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "template_fields_renderers" not in vars(cls):
            cls.template_fields_renderers = renderers_of(getattr(cls, "template_fields", ()))
        if "custom_operator_name" not in vars(cls):
            cls.custom_operator_name = shown_name(cls.__name__)

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: Environment,
        seen_oids: set[int],
    ) -> None:
        """Read template files, render the fields, and mask secrets in URLs before Airflow logs or stores them.

        Airflow calls this method for all tasks, but ``render_template_fields`` only for unmapped ones.
        """
        from twelvelabs_provider.hooks.masking import mask_map_index, mask_secrets_in

        fields = tuple(template_fields)

        def mask() -> None:
            mask_secrets_in([getattr(parent, name, None) for name in fields])

        mask()
        mask_map_index(context)
        for name in fields:
            given = getattr(parent, name, None)
            content = read_template_file(name, given, jinja_env)
            if content is not given:
                setattr(parent, name, content)
        try:
            super()._do_render_template_fields(parent, fields, context, jinja_env, seen_oids)  # type: ignore[misc]
        finally:
            mask()

    def read_arguments(self) -> None:
        """Convert the rendered arguments: paths to texts, and numbers of native rendering back to texts.

        :raises TwelveLabsInputError: an argument has the wrong type.
        """
        read_arguments(self, self.template_fields)

    @cached_property
    def hook(self) -> TwelveLabsHook:
        """The hook, created at the first use, so that parsing a DAG file loads no HTTP library."""
        from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

        return TwelveLabsHook(self.twelvelabs_conn_id)

    @contextmanager
    def refusals_end_the_task(self) -> Iterator[None]:
        """Turn permanent errors of the service into a failure that Airflow does not retry.

        Airflow prints every cause with its traceback, so causes that the message repeats are logged at debug level.
        """
        try:
            yield
        except TwelveLabsPermanentError as error:
            log.debug("The service refused a request", exc_info=error)
            raise TwelveLabsRefusedError(self._refusal(error)) from None
        except TwelveLabsInputError as error:
            if error.__cause__ is not None:
                log.debug("An input is invalid", exc_info=error.__cause__)
            raise error from None

    def _refusal(self, error: TwelveLabsPermanentError) -> str:
        if not isinstance(error, TwelveLabsAuthError):
            return str(error)
        return (
            f"API key of connection {self.twelvelabs_conn_id!r} was rejected: {error}. Set a valid key in the"
            " connection's password"
        )

    @cached_property
    def _poller(self) -> JobPoller:
        from twelvelabs_provider.jobs.job_poller import JobPoller

        return JobPoller(self.hook)

    def poll(self, pending: PendingJob) -> JobState:
        """Poll a job once; see :meth:`JobPoller.poll`."""
        return self._poller.poll(pending)


def ends_without_worker(task: BaseOperator, context: Context, known: Mapping[str, Any] | None) -> bool:
    """Return whether a deferred task may end in the triggerer, and push its result if so.

    The triggerer cannot push a result in the format of a worker, and it registers no assets.

    :param known: the result, as far as it is known before the wait; None if a worker has to fetch it.
    """
    if known is None:
        task.log.info("end_in_triggerer is ignored: a worker fetches the result")
        return False
    if task.outlets:
        task.log.info("end_in_triggerer is ignored: only a worker can register the task's outlets")
        return False
    push_result(task, context, known)
    return True


def push_result(task: BaseOperator, context: Context, result: Mapping[str, Any]) -> None:
    """Push a result as Airflow pushes a return value."""
    fields = result if task.multiple_outputs else chained_of(task, result)
    push_beside(task, context, **{**fields, "return_value": dict(result)})


def push_chained_fields(task: BaseOperator, context: Context, result: Any) -> None:
    """Push the chained fields of a result that the task is about to return."""
    if isinstance(result, Mapping):
        push_beside(task, context, **chained_of(task, result))


def chained_of(task: BaseOperator, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a result that are pushed under their own names; none if Airflow pushes all of them.

    None becomes an empty text, which operators take as not given: Airflow treats an XCom of None as missing.
    """
    names = () if task.multiple_outputs else getattr(task, "chained_fields", ())
    return {name: "" if result[name] is None else result[name] for name in names if name in result}


def push_beside(task: BaseOperator, context: Context, **values: Any) -> None:
    """Push values under keys of their own, beside a result without fields."""
    if task.do_xcom_push:
        for key, value in values.items():
            context["ti"].xcom_push(key=key, value=value)


def required(owner: BaseOperator, **values: Any) -> None:
    """Refuse arguments that are empty after rendering.

    :raises TwelveLabsInputError: with the name of the argument.
    """
    for name, value in values.items():
        if value is None or not str(value).strip() or str(value) == "None":
            raise TwelveLabsInputError(
                f"{name}={value!r} is empty after rendering: {type(owner).__name__} needs a value"
            )
