"""Airflow's own parameters on every operator and sensor, plain and mapped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG, Asset

from tests.unit.operator_classes import operator_classes, required_arguments

PARAMETERS: dict[str, Any] = {
    "multiple_outputs": False,
    "retries": 7,
    "retry_delay": timedelta(minutes=2),
    "retry_exponential_backoff": True,
    "pool": "small",
    "pool_slots": 2,
    "queue": "videos",
    "priority_weight": 5,
    "execution_timeout": timedelta(minutes=9),
    "trigger_rule": "all_done",
    "depends_on_past": True,
    "doc_md": "# Videos",
    "map_index_template": "{{ task.task_id }}",
    "max_active_tis_per_dag": 3,
    "max_active_tis_per_dagrun": 2,
    "outlets": [Asset("s3://results/a")],
    "inlets": [Asset("s3://sources/a")],
    "do_xcom_push": False,
    "email": "data@example.com",
    "owner": "video-team",
    "task_display_name": "Videos",
    "executor_config": {"a": 1},
}
CLASSES = [pytest.param(operator_class, id=operator_class.__name__) for operator_class in operator_classes()]
EFFECTS = {
    "pool",
    "retries",
    "queue",
    "execution_timeout",
    "trigger_rule",
    "do_xcom_push",
    "doc_md",
    "outlets",
    "owner",
}


def taken(task: Any, name: str) -> Any:
    """Return a parameter as it was given."""
    return getattr(task.trigger_rule, "value", task.trigger_rule) if name == "trigger_rule" else getattr(task, name)


@pytest.mark.parametrize("operator_class", CLASSES)
def test_plain_task_accepts_airflow_parameters(operator_class: type[Any]) -> None:
    task = operator_class(task_id="t", **required_arguments(operator_class), **PARAMETERS)
    for name, value in PARAMETERS.items():
        assert taken(task, name) == value, name


@pytest.mark.parametrize("operator_class", CLASSES)
def test_mapped_task_accepts_airflow_parameters(operator_class: type[Any]) -> None:
    first, *others = required_arguments(operator_class) or ["twelvelabs_conn_id"]
    with DAG("d", schedule=None):
        mapped = operator_class.partial(task_id="t", **dict.fromkeys(others, "x1"), **PARAMETERS).expand(
            **{first: ["x1", "x2"]}
        )
        rows = operator_class.partial(task_id="u", **PARAMETERS).expand_kwargs([required_arguments(operator_class)])
    for task, arguments in ((mapped, {first: "x1"}), (rows, required_arguments(operator_class))):
        made = task.unmap(arguments)
        for name in EFFECTS:
            assert taken(made, name) == PARAMETERS[name], name
        assert made.multiple_outputs is False


@pytest.mark.parametrize("multiple_outputs", [True, False])
@pytest.mark.parametrize("operator_class", CLASSES)
def test_default_args_of_the_dag_are_applied(operator_class: type[Any], multiple_outputs: bool) -> None:
    defaults = {**PARAMETERS, "multiple_outputs": multiple_outputs, "twelvelabs_conn_id": "other"}
    defaults.pop("map_index_template")
    with DAG("d", schedule=None, default_args=defaults):
        task = operator_class(task_id="t", **required_arguments(operator_class))
    assert (task.pool, task.retries, task.twelvelabs_conn_id) == ("small", 7, "other")
    # Airflow refuses to push several outputs of a result that is no mapping.
    assert task.multiple_outputs is (multiple_outputs and getattr(task, "returns_fields", True))


@pytest.mark.parametrize("operator_class", CLASSES)
def test_chained_fields_are_documented_fields_of_the_result(operator_class: type[Any]) -> None:
    returned = (operator_class.__doc__ or "").partition(":return:")[2]
    if "chained_fields" in vars(operator_class):
        assert all(f"``{name}``" in returned for name in operator_class.chained_fields)
    assert len(operator_class.chained_fields) <= 3


def test_operators_that_return_a_single_value() -> None:
    without = {
        operator_class.__name__
        for operator_class in operator_classes()
        if not getattr(operator_class, "returns_fields", True)
    }
    assert without == {
        f"TwelveLabs{name}Operator"
        for name in (
            "CreateEntityCollection",
            "CreateIndex",
            "DiscoverVideos",
            "CreateKnowledgeStore",
            "DeleteAsset",
            "DeleteEntity",
            "DeleteEntityCollection",
            "DeleteIndex",
            "DeleteKnowledgeStore",
            "DeleteVideo",
            "ListUnpublishedVideos",
            "UpdateIndex",
        )
    }
