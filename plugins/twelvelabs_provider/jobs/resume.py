"""Decision of an attempt about the remote job: submit, attach to the earlier one, or take its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from twelvelabs_provider.inputs.policies import Reuse
from twelvelabs_provider.jobs.job import JobState, Memo, PendingJob, Phase


class Action(StrEnum):
    """Action of an attempt."""

    SUBMIT = "submit"
    REATTACH = "reattach"
    DONE = "done"


@dataclass(frozen=True)
class EarlierSubmission:
    """Record of an earlier attempt of the same task with the same request.

    :param pending: the job that it submitted; None if it stopped before it could confirm the submission.
    :param at: epoch seconds just before the submission.
    :param known: ids that were on the service before the submission, so that none of them is its job.
    :param same_life: whether no user has cleared the task since.
    :param memo: what it planned to submit, if that is more than one job.
    """

    pending: PendingJob | None
    same_life: bool
    at: float | None = None
    known: tuple[str, ...] = ()
    memo: Memo = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """The decision.

    :param why: the reason, for the log; empty if there is nothing to report.
    :param job: the job to attach to, or whose result to take; None to submit.
    """

    action: Action
    why: str
    job: PendingJob | None = None


def counts(recorded: EarlierSubmission | None, reuse: Reuse) -> bool:
    """Return whether the record of an earlier attempt counts."""
    return recorded is not None and (reuse is Reuse.ALWAYS or (reuse is Reuse.RETRY and recorded.same_life))


def decide(recorded: EarlierSubmission | None, state: JobState | None, reuse: Reuse) -> Decision:
    """Return what to do.

    :param recorded: the record of an earlier attempt, if any.
    :param state: the state of its job; None if the service does not know the job.
    :param reuse: when the job of an earlier attempt counts.
    """
    if recorded is None:
        return Decision(Action.SUBMIT, "")
    if not counts(recorded, reuse):
        why = "reuse is 'never'" if reuse is Reuse.NEVER else "the task was cleared since, and reuse is 'retry'"
        return Decision(Action.SUBMIT, f"the job of an earlier attempt does not count: {why}")
    pending = recorded.pending
    if pending is None:
        return Decision(Action.SUBMIT, "an earlier attempt stopped before it could confirm the submission")
    if state is None:
        return Decision(Action.SUBMIT, f"{pending.job} of an earlier attempt no longer exists")
    if state.phase in (Phase.FAILED, Phase.CANCELED):
        return Decision(Action.SUBMIT, f"{pending.job} of an earlier attempt is {state.status}")
    action = Action.DONE if state.phase is Phase.READY else Action.REATTACH
    return Decision(action, f"{pending.job} of an earlier attempt is {state.status}", pending)
