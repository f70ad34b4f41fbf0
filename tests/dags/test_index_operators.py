"""Index operators: one index per name, its models are checked, and deletion includes its videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import Account, Connect, load_dag
from tests.task_context import task_context
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.operators.indexes import (
    TwelveLabsCreateIndexOperator,
    TwelveLabsDeleteIndexOperator,
    TwelveLabsUpdateIndexOperator,
)

pytestmark = pytest.mark.engine

SAMPLE = Path(__file__).parents[1] / "data" / "sample.mp4"

MODELS = {
    "v1.3": ({"marengo3.0": ["audio", "visual"]}, {"marengo3.0": ["visual"]}, "marengo3.0"),
    "v1.2": ({"marengo2.6": ["text_in_video", "visual"]}, {"marengo2.6": ["conversation"]}, "marengo2.6"),
    "v1.1": ({"marengo2.5": ["visual", "conversation"]}, {"marengo2.5": ["visual"]}, "marengo2.5"),
}


def create(name: str, **fields: Any) -> str:
    """Run the operator and return the index id."""
    return str(TwelveLabsCreateIndexOperator(task_id="t", index_name=name, **fields).execute(task_context()))


def count(account: Account, name: str) -> int:
    """Return how many indexes have a name."""
    return int(account.get("/v1.3/indexes", index_name=name)["page_info"]["total_results"])


@pytest.mark.parametrize("api_version", MODELS)
def test_index_with_the_same_models_is_reused(api_version: str, connect: Connect, account: Account) -> None:
    connect(api_version)
    models, _, _ = MODELS[api_version]
    name = f"same models {api_version}"
    backwards = {model: options[::-1] for model, options in models.items()}
    first = create(name, models=models)
    assert create(name, models=backwards) == create(name) == first
    assert count(account, name) == 1


@pytest.mark.parametrize("api_version", MODELS)
def test_index_with_other_models_is_refused_with_both_named(
    api_version: str, connect: Connect, account: Account
) -> None:
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


def test_existing_name_is_refused_with_if_exists_fail(connect: Connect) -> None:
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
def test_invalid_arguments_are_refused(fields: dict[str, Any], said: str, connect: Connect, account: Account) -> None:
    with pytest.raises(TwelveLabsInputError, match=said):
        create("never made", **fields)
    assert count(account, "never made") == 0


def test_deleting_an_index_is_idempotent(connect: Connect, account: Account) -> None:
    index_id = create("short-lived")
    for _ in range(2):
        TwelveLabsDeleteIndexOperator(task_id="t", index_id=index_id).execute(task_context())
        assert count(account, "short-lived") == 0


MAPPED = """
from airflow.sdk import DAG
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.list_videos import TwelveLabsListVideosOperator

with DAG("mapped_by_name"):
    indexed = TwelveLabsIndexVideoOperator.partial(
        task_id="index", index_name="mapped by name", create_index=True, models={"marengo3.0": ["visual"]},
        poll_interval=0.2, deferrable=False,
    ).expand(source=["SAMPLE"])
    listed = TwelveLabsListVideosOperator.partial(task_id="list", output_path="FOLDER", output_name="all").expand(
        index_name=["mapped by name"]
    )
    indexed >> listed
"""


@pytest.mark.usefixtures("airflow_database")
def test_mapped_tasks_create_one_index_by_name(
    connect: Connect, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    file = tmp_path / "mapped_by_name.py"
    file.write_text(MAPPED.replace("SAMPLE", str(SAMPLE)).replace("FOLDER", str(tmp_path / "out")))
    run = load_dag("mapped_by_name", file).test()
    assert str(run.state) == "success"
    assert count(account, "mapped by name") == 1
    (listed,) = (tmp_path / "out").glob("*/all.jsonl")
    assert len(listed.read_text().splitlines()) == 1


def test_index_is_renamed_and_deleted_by_name(connect: Connect, account: Account) -> None:
    index_id = create("by name")
    renamed = {"task_id": "t", "index_name": "by name", "new_name": "by another name"}
    for _ in "12":
        assert TwelveLabsUpdateIndexOperator(**renamed).execute(task_context()) == index_id
    for _ in "12":
        TwelveLabsDeleteIndexOperator(task_id="t", index_name="by another name").execute(task_context())
    assert count(account, "by another name") == count(account, "by name") == 0
