"""What a task raises, named by what the person (or Airflow) should do next."""

from __future__ import annotations

from twelvelabs_provider.api.errors import TwelveLabsTransientError
from twelvelabs_provider.version_compat import AirflowException, AirflowFailException


class TwelveLabsInputError(AirflowFailException):
    """What was given cannot be used; a retry with the same input cannot help."""


class TwelveLabsSourceChangedError(TwelveLabsTransientError):
    """A file or object changed while it was read or sent; nothing was billed, and a retry reads its new content."""


class TwelveLabsRefusedError(AirflowFailException):
    """The service refused for good (key, permission, unknown id, bad request); ``__cause__`` is the typed error."""


class TwelveLabsUnknownOutcomeError(AirflowFailException):
    """A billed request went out and its answer was lost: a person looks before it is sent again."""


class TwelveLabsLostAnswerError(AirflowException):
    """A billed answer was lost, and the task was told to ask again (``resubmit_lost``): a retry may be billed twice."""


class TwelveLabsUnusableAnswerError(AirflowFailException):
    """The answer came, but is not what was asked for; it is kept aside, and asking again is billed again."""


class TwelveLabsPartialFailureError(AirflowFailException):
    """Some of many did not succeed; what there is was published, and a retry would find the same."""


class TwelveLabsVideosFailedError(AirflowException):
    """Some of many videos failed for reasons that may pass; the outcome was published, and a retry tries them again."""


class TwelveLabsOutputError(AirflowException):
    """Results could not be written; nothing half-written is visible, and a retry writes the same names again."""


class TwelveLabsJobFailedError(AirflowException):
    """The remote job ended without a result."""


class TwelveLabsWatchedJobFailedError(TwelveLabsJobFailedError, AirflowFailException):
    """A job that somebody else started ended without a result; watching it again cannot help."""


class TwelveLabsJobTimeoutError(AirflowException):
    """The deadline passed while the remote job was still running; a retry attaches to it again."""


class TwelveLabsUnreachableError(AirflowException):
    """The service could not be asked any more while a job was waited for; the job goes on, a retry looks again."""


class TwelveLabsQuotaUsedUpError(AirflowException):
    """A quota is used up; ``__cause__`` is the service's refusal, the message says when the quota is renewed."""


class TwelveLabsRecordError(AirflowFailException):
    """What an earlier try left about its job cannot be read; not knowing is no reason to pay again."""


class TwelveLabsEventError(AirflowException):
    """The event that woke the task is not one of ours; the remote job is left as it is."""
