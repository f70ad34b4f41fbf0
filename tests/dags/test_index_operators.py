"""Indexes are made once per name, never taken for what they are not, and deleted with what is in them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.dags.conftest import Account, Connect
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.operators.indexes import TwelveLabsCreateIndexOperator, TwelveLabsDeleteIndexOperator

pytestmark = pytest.mark.engine

MODELS = {
    "v1.3": ({"marengo3.0": ["audio", "visual"]}, {"marengo3.0": ["visual"]}, "marengo3.0"),
    "v1.2": ({"marengo2.6": ["text_in_video", "visual"]}, {"marengo2.6": ["conversation"]}, "marengo2.6"),
    "v1.1": ({"marengo2.5": ["visual", "conversation"]}, {"marengo2.5": ["visual"]}, "marengo2.5"),
}


def task_context() -> Any:
    return {"ti": SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, max_tries=0)}


def create(name: str, **fields: Any) -> str:
    """Run the operator and return the index id."""
    return str(TwelveLabsCreateIndexOperator(task_id="t", index_name=name, **fields).execute(task_context()))


def count(account: Account, name: str) -> int:
    """Return how many indexes have a name."""
    return int(account.get("/v1.3/indexes", index_name=name)["page_info"]["total_results"])


@pytest.mark.parametrize("api_version", MODELS)
def test_the_same_models_reuse_the_index(api_version: str, connect: Connect, account: Account) -> None:
    connect(api_version)
    models, _, _ = MODELS[api_version]
    name = f"same models {api_version}"
    backwards = {model: options[::-1] for model, options in models.items()}
    first = create(name, models=models)
    assert create(name, models=backwards) == create(name) == first
    assert count(account, name) == 1


@pytest.mark.parametrize("api_version", MODELS)
def test_other_models_are_an_error_that_says_both(api_version: str, connect: Connect, account: Account) -> None:
    connect(api_version)
    models, others, model = MODELS[api_version]
    name = f"other models {api_version}"
    first = create(name, models=models)
    with pytest.raises(TwelveLabsInputError) as caught:
        create(name, models=others)
    said = str(caught.value)
    assert name in said and first in said
    for options in (*models.values(), *others.values()):
        assert any(f"{model}({', '.join(order)})" in said for order in (options, options[::-1])), said
    assert count(account, name) == 1


def test_a_name_that_is_taken_is_refused_where_that_is_asked_for(connect: Connect) -> None:
    first = create("taken", if_exists="fail")
    with pytest.raises(TwelveLabsInputError, match=f"'taken' already exists as {first}"):
        create("taken", if_exists="fail")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"if_exists": "overwrite"}, "overwrite"),
        ({"models": {}}, "models"),
        ({"models": {"marengo3.0": "visual"}}, "list of option names"),
        ({"models": ["marengo3.0"]}, "map model names"),
    ],
)
def test_arguments_that_cannot_work(fields: dict[str, Any], said: str, connect: Connect, account: Account) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        create("never made", **fields)
    assert count(account, "never made") == 0


def test_a_deleted_index_is_gone_and_may_be_deleted_again(connect: Connect, account: Account) -> None:
    index_id = create("short-lived")
    for _ in range(2):
        TwelveLabsDeleteIndexOperator(task_id="t", index_id=index_id).execute(task_context())
        assert count(account, "short-lived") == 0
