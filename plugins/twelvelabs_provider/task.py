"""What operators and sensors share: the hook, the page in the playground, and errors in Airflow's terms."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from twelvelabs_provider.api.errors import TwelveLabsConfigurationError, TwelveLabsError, TwelveLabsPermanentError
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRefusedError, TwelveLabsUnreachableError
from twelvelabs_provider.hooks.masking import mask_map_index, mask_secrets_in
from twelvelabs_provider.inputs.arguments import read_arguments
from twelvelabs_provider.inputs.field_rendering import read_template_file, renderers_of, shown_name
from twelvelabs_provider.jobs.job import JobState, PendingJob, Phase
from twelvelabs_provider.jobs.kinds import read_state
from twelvelabs_provider.jobs.outage import Outage, is_final
from twelvelabs_provider.jobs.trigger_event import unreachable

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from jinja2 import Environment

    from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

# The status of a job whose poll failed; it counts as running.
NOT_ANSWERED = "not answered"
COMMON_FIELDS = ("twelvelabs_conn_id",)

# Colors of the graph: an operator that bills, one that deletes.
BILLED_COLOR = "#f6e7c9"
DELETE_COLOR = "#f4d9d5"


class TwelveLabsTask:
    """Mixed into every operator and sensor.

    :param twelvelabs_conn_id: connection of type ``twelvelabs``; set by the class that it is mixed into.
    :param playground_url: page of what the task works on, for :class:`TwelveLabsPlaygroundLink`.
    """

    template_fields: Sequence[str]
    template_fields_renderers: ClassVar[dict[str, str]] = {}
    custom_operator_name: ClassVar[str]
    twelvelabs_conn_id: str
    playground_url: str | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "template_fields_renderers" not in vars(cls):
            cls.template_fields_renderers = renderers_of(getattr(cls, "template_fields", ()))
        if "custom_operator_name" not in vars(cls):
            cls.custom_operator_name = shown_name(cls.__name__)

    @cached_property
    def _outage(self) -> Outage:
        return Outage()

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: Environment,
        seen_oids: set[int],
    ) -> None:
        """Read template files, render, and mask the secrets of URLs before Airflow logs or stores the fields.

        Airflow calls this method for plain and for mapped tasks; ``render_template_fields`` for plain ones only.
        """
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
        """Read the templated arguments: paths as texts, and texts that native rendering made numbers.

        :raises TwelveLabsInputError: naming the argument that cannot be read as it is meant.
        """
        read_arguments(self, self.template_fields)

    @cached_property
    def hook(self) -> TwelveLabsHook:
        """The hook, made at the first use: reading a DAG file loads no HTTP library."""
        from twelvelabs_provider.hooks.twelvelabs import TwelveLabsHook

        return TwelveLabsHook(self.twelvelabs_conn_id)

    def poll(self, pending: PendingJob) -> JobState:
        """Return where a job stands; an answer that does not come means that it is still running, for a while.

        After a failure the connection is read again; if it has changed, the job is polled again at once.

        :raises TwelveLabsPermanentError: the job does not exist, or cannot be asked for.
        :raises TwelveLabsUnreachableError: polls have failed for too long; the job continues.
        """
        try:
            state = self._polled(pending)
        except TwelveLabsConfigurationError:
            raise
        except TwelveLabsError as error:
            now = time.time()
            if self._outage.tolerates(error, pending.job, now, now - pending.started_at):
                return JobState(Phase.RUNNING, NOT_ANSWERED)
            if is_final(error):
                raise
            why = self._outage.reason(error, now)
            raise TwelveLabsUnreachableError(unreachable(pending.job, why)) from error
        self._outage.end()
        return state

    def _polled(self, pending: PendingJob) -> JobState:
        try:
            return self.hook.execute(read_state(self.hook.api, pending.job), until=pending.deadline)
        except TwelveLabsError:
            if not self.hook.reread():
                raise
        return self.hook.execute(read_state(self.hook.api, pending.job), until=pending.deadline)


@contextmanager
def refusals_end_the_task() -> Iterator[None]:
    """Turn the service's final word into a failure that Airflow does not retry."""
    try:
        yield
    except TwelveLabsPermanentError as error:
        raise TwelveLabsRefusedError(str(error)) from error


def ends_without_worker(task: BaseOperator, context: Context, known: Mapping[str, Any] | None) -> bool:
    """Tell whether a deferred task may end in the triggerer; if so, its result is pushed now.

    The triggerer can push none that is read as it was written, and it registers no assets.

    :param known: the result, as far as it is known before the wait; None where it has to be fetched.
    """
    if known is None:
        task.log.info("end_in_triggerer is ignored: a worker fetches the result")
        return False
    if task.outlets:
        task.log.info("end_in_triggerer is ignored: the task has outlets, which only a worker registers")
        return False
    push_result(task, context, known)
    return True


def push_result(task: BaseOperator, context: Context, result: Mapping[str, Any]) -> None:
    """Push a result as Airflow pushes what a task returns."""
    if task.do_xcom_push:
        fields = result if task.multiple_outputs else {}
        for key, value in {**fields, "return_value": dict(result)}.items():
            context["ti"].xcom_push(key=key, value=value)


def required(owner: BaseOperator, **values: Any) -> None:
    """Refuse arguments that rendered to nothing.

    :raises TwelveLabsInputError: naming the argument.
    """
    for name, value in values.items():
        if value is None or not str(value).strip() or str(value) == "None":
            raise TwelveLabsInputError(
                f"{type(owner).__name__}({name}={value!r}) needs a value: it is empty after templates were rendered"
            )
