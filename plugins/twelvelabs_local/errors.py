"""The service's errors: an HTTP status, a code and a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ServiceError(Exception):
    """The response to a request that fails.

    :param status: HTTP status.
    :param code: the service's error code.
    :param message: what is wrong, with the value, and what to do.
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
    """A file or a link cannot be used as a video; the worker stores the error with the task or asset.

    :param code: the service's error code.
    :param message: what is wrong with it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def as_service_error(self) -> ServiceError:
        """Return the error as the response to a request."""
        return ServiceError(400, self.code, self.message)


class JobCanceled(Exception):
    """The subject of a job was deleted or canceled while the job ran."""


def invalid(name: str, why: str) -> ServiceError:
    """Return the error for an invalid parameter.

    :param name: the parameter.
    :param why: what is wrong with it, with the value.
    """
    return ServiceError(400, "parameter_invalid", f"The {name} parameter is invalid. {why}")


def missing(name: str) -> ServiceError:
    """Return the error for a missing parameter.

    :param name: the parameter.
    """
    return ServiceError(400, "parameter_not_provided", f"The {name} parameter is required but was not provided.")


def unknown(names: list[str]) -> ServiceError:
    """Return the error for parameters that the call does not have.

    :param names: the parameters.
    """
    listed = ", ".join(sorted(names))
    return ServiceError(400, "parameter_unknown", f"The request contains unknown parameters: {listed}.")


def not_exist(resource_id: str, collection: str, status: int = 404) -> ServiceError:
    """Return the error for an id that does not exist.

    :param resource_id: the id.
    :param collection: the collection that does not have it.
    :param status: 404 for an id in the path, mostly 400 for one in the body.
    """
    message = f"Resource with id {resource_id} does not exist in collection {collection}."
    return ServiceError(status, "resource_not_exist", message)


class UnusableError(Exception):
    """The engine cannot start; the message says why."""
