"""Masking of URL signatures before Airflow stores rendered fields, in every operator and sensor."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk._shared.secrets_masker import redact

from tests.unit.operator_classes import operator_classes, required_arguments

pytestmark = pytest.mark.usefixtures("masker")
SIGNATURE = "5ecre7f00dba5eba11"
SIGNED = f"https://bucket.example/a.mp4?X-Amz-Date=20261128T000000Z&X-Amz-Signature={SIGNATURE}"
FIELDS = [
    pytest.param(operator_class, field, id=f"{operator_class.__name__}.{field}")
    for operator_class in operator_classes()
    for field in operator_class.template_fields
]


def rendered(task: Any, *, mapped: bool) -> None:
    """Render as Airflow does: a mapped task is rendered through this method alone."""
    if mapped:
        environment = task.get_template_env()
        task._do_render_template_fields(task, task.template_fields, {}, environment, set())
    else:
        task.render_template_fields({})


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize(("operator_class", "field"), FIELDS)
def test_signature_in_a_template_field_is_masked(operator_class: type[Any], field: str, mapped: bool) -> None:
    task = operator_class(task_id="t", **{**required_arguments(operator_class), field: SIGNED})
    rendered(task, mapped=mapped)
    assert SIGNATURE not in str(redact(getattr(task, field), field))
    assert SIGNATURE not in redact(f"HTTP 403 for {SIGNED}")
    assert redact("the video of 20261128T000000Z") == "the video of 20261128T000000Z"


@pytest.mark.parametrize(
    "value", [[SIGNED], {"a": {"b": (SIGNED,)}}, json.dumps([SIGNED]), f'{{"url": "{SIGNED}"}}'.replace("&", "\\u0026")]
)
def test_signature_inside_of_a_nested_value_is_masked(value: Any) -> None:
    from twelvelabs_provider.operators.index_videos import TwelveLabsIndexVideosOperator

    rendered(TwelveLabsIndexVideosOperator(task_id="t", videos=value, output_path="o"), mapped=True)
    assert SIGNATURE not in str(redact(value))


def test_template_error_shows_no_signature() -> None:
    from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator

    task = TwelveLabsIndexVideoOperator(task_id="t", index_id="i", source=f"{SIGNED}&part={{{{ nothing.there }}}}")
    with pytest.raises(Exception, match="nothing"):
        rendered(task, mapped=False)
    assert SIGNATURE not in redact(task.source)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(
    ("template", "label"),
    [
        ("{{ task.source }}", "https://bucket.example/a.mp4"),
        ("Links: {{ [task.source] | tojson }}", 'Links: ["https://bucket.example/a.mp4"]'),
        ("of {{ task.source.split('=')[-1] }}", "of ***"),
        ("{% set name = task.index_id %}{{ name }} & {{ later }}", "i & then"),
    ],
)
def test_map_index_label_shows_no_signature(template: str, label: str, native: bool) -> None:
    from airflow.sdk import DAG

    from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator

    with DAG("d", schedule=None, render_template_as_native_obj=native) as dag:
        task = TwelveLabsIndexVideoOperator(task_id="t", index_id="i", source=SIGNED)
    context: Any = {"task": task, "map_index_template": template}
    environment = dag.get_template_env()
    for _ in range(2):
        task._do_render_template_fields(task, task.template_fields, context, environment, set())
        context["later"] = "then"
        assert environment.from_string(context["map_index_template"]).render(context) == label
