"""Decision to submit, attach or take a result, from the record of an earlier attempt and the state of its job."""

from __future__ import annotations

import pytest

from twelvelabs_provider.inputs.policies import Reuse
from twelvelabs_provider.jobs.job import JobKind, JobRef, JobState, PendingJob, Phase
from twelvelabs_provider.jobs.resume import Action, EarlierSubmission, decide

PENDING = PendingJob(JobRef(JobKind.INDEXING_TASK, "t1"), 1.0, 2.0, 3.0)
STATES = {phase: JobState(phase, phase.value) for phase in Phase}
COUNTED = [(True, Reuse.RETRY), (True, Reuse.ALWAYS), (False, Reuse.ALWAYS)]
NOT_COUNTED = [(False, Reuse.RETRY), (True, Reuse.NEVER), (False, Reuse.NEVER)]


@pytest.mark.parametrize("reuse", Reuse)
def test_the_first_attempt_submits(reuse: Reuse) -> None:
    assert decide(None, None, reuse).action is Action.SUBMIT


@pytest.mark.parametrize(("same_life", "reuse"), COUNTED)
@pytest.mark.parametrize(
    ("phase", "action"),
    [
        (Phase.RUNNING, Action.REATTACH),
        (Phase.READY, Action.DONE),
        (Phase.FAILED, Action.SUBMIT),
        (Phase.CANCELED, Action.SUBMIT),
        (None, Action.SUBMIT),
    ],
)
def test_the_state_of_the_earlier_job_decides(
    phase: Phase | None, action: Action, same_life: bool, reuse: Reuse
) -> None:
    decision = decide(EarlierSubmission(PENDING, same_life), STATES[phase] if phase else None, reuse)
    assert decision.action is action
    assert decision.job == (None if action is Action.SUBMIT else PENDING)
    assert "indexing task t1" in decision.why


@pytest.mark.parametrize(("same_life", "reuse"), NOT_COUNTED)
@pytest.mark.parametrize("phase", Phase)
def test_a_job_that_does_not_count_is_submitted_again(phase: Phase, same_life: bool, reuse: Reuse) -> None:
    decision = decide(EarlierSubmission(PENDING, same_life), STATES[phase], reuse)
    assert (decision.action, decision.job) == (Action.SUBMIT, None)
    assert reuse.value in decision.why


def test_an_unconfirmed_submission_is_named() -> None:
    decision = decide(EarlierSubmission(None, True, 5.0), None, Reuse.RETRY)
    assert decision.action is Action.SUBMIT
    assert "stopped before it could confirm" in decision.why
