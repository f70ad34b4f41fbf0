"""Jobs that a verb of the hook submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from twelvelabs_provider.api.jobs import JobKind, JobRef
from twelvelabs_provider.api.serializable import Answer

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True)
class Job(JobRef, Answer, Generic[R_co]):
    """A submitted job, as it passes through XCom; ``hook.wait_for(job)`` returns what it makes."""

    def __post_init__(self) -> None:
        """Read the kind of a job that passed through XCom."""
        object.__setattr__(self, "kind", JobKind(self.kind))
