"""Errors of a task as Airflow's log view shows them."""

from __future__ import annotations

import pytest

from twelvelabs_provider.api.errors import TwelveLabsAuthError, TwelveLabsNotFoundError
from twelvelabs_provider.exceptions import TwelveLabsInputError, TwelveLabsRefusedError
from twelvelabs_provider.operators.indexes import TwelveLabsDeleteIndexOperator

SHOWN = 60
REJECTED = "HTTP 401 api_key_invalid: The API key is invalid. (GET /indexes, request r-1)"


@pytest.fixture
def task() -> TwelveLabsDeleteIndexOperator:
    return TwelveLabsDeleteIndexOperator(task_id="delete", index_id="i1", twelvelabs_conn_id="media")


def test_a_rejected_key_names_its_connection_first(task: TwelveLabsDeleteIndexOperator) -> None:
    with pytest.raises(TwelveLabsRefusedError) as caught, task.refusals_end_the_task():
        raise TwelveLabsAuthError(REJECTED)
    message = str(caught.value)
    assert message[:SHOWN].startswith("API key of connection 'media' was rejected: HTTP 401")
    assert message.endswith("Set a valid key in the connection's password")


def test_a_refusal_is_printed_once(task: TwelveLabsDeleteIndexOperator) -> None:
    error = TwelveLabsNotFoundError("HTTP 404 resource_not_exist: Index i1 does not exist. (GET /indexes/i1)")
    with pytest.raises(TwelveLabsRefusedError) as caught, task.refusals_end_the_task():
        raise error
    assert str(caught.value) == str(error)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_an_invalid_input_is_printed_without_its_cause(task: TwelveLabsDeleteIndexOperator) -> None:
    with pytest.raises(TwelveLabsInputError) as caught, task.refusals_end_the_task():
        raise TwelveLabsInputError("The video does not exist: 'talk.mp4'") from FileNotFoundError("talk.mp4")
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
