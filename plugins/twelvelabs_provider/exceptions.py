"""Exceptions that tasks raise; their base class decides whether Airflow retries."""

from __future__ import annotations

from twelvelabs_provider.api.errors import TwelveLabsTransientError
from twelvelabs_provider.version_compat import AirflowException, AirflowFailException


class TwelveLabsInputError(AirflowFailException):
    """An argument or an input file is invalid; a retry cannot help."""


class TwelveLabsSourceChangedError(TwelveLabsTransientError):
    """A file or object changed while it was read or sent; nothing was billed, and a retry reads the new content."""


class TwelveLabsRefusedError(AirflowFailException):
    """The service refused the request (key, permission, unknown id, bad request); the message names the reason."""


class TwelveLabsUnknownOutcomeError(AirflowFailException):
    """The response of a billed request was lost; a person has to check before it is sent again."""


class TwelveLabsLostAnswerError(AirflowException):
    """The response of a billed request was lost, and ``resubmit_lost`` allows a retry, which may be billed twice."""


class TwelveLabsUnusableAnswerError(AirflowFailException):
    """The response has the wrong format; it is stored for inspection, and another request is billed again."""


class TwelveLabsPartialFailureError(AirflowFailException):
    """Some of many items failed finally; the results of the others are published."""


class TwelveLabsVideosFailedError(AirflowException):
    """Some of many videos failed; the outcome is published, and a retry may index them."""


class TwelveLabsOutputError(AirflowException):
    """Results could not be written; no partial file is visible, and a retry writes the same names."""


class TwelveLabsJobFailedError(AirflowException):
    """The remote job ended without a result."""


class TwelveLabsWatchedJobFailedError(TwelveLabsJobFailedError, AirflowFailException):
    """A job that another task started ended without a result; a retry cannot help."""


class TwelveLabsJobTimeoutError(AirflowException):
    """The deadline passed while the remote job was running; a retry attaches to it."""


class TwelveLabsUnreachableError(AirflowException):
    """The polls of a job have failed for too long; the job continues, and a retry attaches to it."""


class TwelveLabsQuotaUsedUpError(AirflowException):
    """A quota is used up; ``__cause__`` is the typed error, the message says when the quota is renewed."""


class TwelveLabsRecordError(AirflowFailException):
    """The record of an earlier attempt cannot be read; its job may be billed, so nothing is submitted."""


class TwelveLabsEventError(AirflowException):
    """The trigger event has another format; the remote job continues."""
