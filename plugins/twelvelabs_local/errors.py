"""The service's refusals: an HTTP status, a code and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ServiceError(Exception):
    """An answer other than success.

    :param status: HTTP status.
    :param code: the service's error code.
    :param message: what was wrong, with which value, and what to do.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def flat(self) -> Mapping[str, Any]:
        """Return the body that most calls use."""
        return {"code": self.code, "message": self.message}

    def wrapped(self) -> Mapping[str, Any]:
        """Return the body that the analysis tasks use."""
        return {"error": {"code": self.code, "message": self.message}}


class MediaError(Exception):
    """A file or a link that cannot be used as a video; the worker writes it on what asked for it.

    :param code: the service's error code.
    :param message: what is wrong with it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def refused(self) -> ServiceError:
        """Return the same as the answer to a request."""
        return ServiceError(400, self.code, self.message)


class JobCanceled(Exception):
    """The subject of a job was deleted or canceled while the job ran."""


def invalid(name: str, why: str) -> ServiceError:
    """Return the refusal of a parameter's value.

    :param name: the parameter.
    :param why: what is wrong with it, with the value.
    """
    return ServiceError(400, "parameter_invalid", f"The {name} parameter is invalid. {why}")


def missing(name: str) -> ServiceError:
    """Return the refusal of a request that lacks a parameter.

    :param name: the parameter.
    """
    return ServiceError(400, "parameter_not_provided", f"The {name} parameter is required but was not provided.")


def unknown(names: list[str]) -> ServiceError:
    """Return the refusal of parameters that the call does not have.

    :param names: the parameters.
    """
    listed = ", ".join(sorted(names))
    return ServiceError(400, "parameter_unknown", f"The request contains unknown parameters: {listed}.")


def not_exist(resource_id: str, collection: str, status: int = 404) -> ServiceError:
    """Return the refusal of an id that nothing has.

    :param resource_id: the id.
    :param collection: where it was looked for.
    :param status: 404 for an id in the path, 400 for one in a body of the older calls.
    """
    message = f"Resource with id {resource_id} does not exist in collection {collection}."
    return ServiceError(status, "resource_not_exist", message)


class UnusableError(Exception):
    """The engine cannot start; the message gives the reason."""
