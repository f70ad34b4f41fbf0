"""What a try of a task does about the remote job: submit, attach to what there is, or take what is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from twelvelabs_provider.jobs.job import JobState, Memo, PendingJob, Phase


class Reuse(StrEnum):
    """When the job of an earlier try counts.

    ``RETRY``: on a retry; a user's clear starts afresh. ``ALWAYS``: after a clear as well. ``NEVER``: not at all.
    """

    ALWAYS = "always"
    RETRY = "retry"
    NEVER = "never"


class Action(StrEnum):
    """What is done."""

    SUBMIT = "submit"
    REATTACH = "reattach"
    DONE = "done"


@dataclass(frozen=True)
class EarlierSubmission:
    """What an earlier try of the same task left, asked for the same.

    :param pending: the job that it submitted; None where it was about to, and never said that it had.
    :param at: epoch seconds at which it was about to submit.
    :param known: ids that were on the service before it did, so that none of them is what it made.
    :param same_life: whether no user cleared the task since.
    :param memo: what it had planned to submit, where that is more than one job.
    """

    pending: PendingJob | None
    same_life: bool
    at: float | None = None
    known: tuple[str, ...] = ()
    memo: Memo = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What to do.

    :param why: in words, for the log.
    :param job: what to attach to, or what is done; None to submit.
    """

    action: Action
    why: str
    job: PendingJob | None = None


def counts(recorded: EarlierSubmission | None, reuse: Reuse) -> bool:
    """Tell whether what an earlier try left is to be looked at."""
    return recorded is not None and (reuse is Reuse.ALWAYS or (reuse is Reuse.RETRY and recorded.same_life))


def decide(recorded: EarlierSubmission | None, state: JobState | None, reuse: Reuse) -> Decision:
    """Return what to do.

    :param recorded: what an earlier try left, if anything.
    :param state: where its job stands; None where the service knows no such job.
    :param reuse: when the job of an earlier try counts.
    """
    if recorded is None:
        return Decision(Action.SUBMIT, "no earlier try submitted it")
    if not counts(recorded, reuse):
        why = "reuse is 'never'" if reuse is Reuse.NEVER else "the task was cleared since, and reuse is 'retry'"
        return Decision(Action.SUBMIT, f"what an earlier try submitted does not count: {why}")
    pending = recorded.pending
    if pending is None:
        return Decision(Action.SUBMIT, "an earlier try was about to submit it, and never said that it had")
    if state is None:
        return Decision(Action.SUBMIT, f"an earlier try submitted {pending.job}, which the service has forgotten")
    if state.phase in (Phase.FAILED, Phase.CANCELED):
        return Decision(Action.SUBMIT, f"an earlier try submitted {pending.job}, which is {state.status}")
    action = Action.DONE if state.phase is Phase.READY else Action.REATTACH
    return Decision(action, f"an earlier try submitted {pending.job}, which is {state.status}", pending)
