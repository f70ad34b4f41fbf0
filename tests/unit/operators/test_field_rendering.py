"""Template files, and operators and fields in Airflow's UI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pytest

from tests.unit.operator_classes import operator_classes, required_arguments
from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.operators.analyze import TwelveLabsAnalyzeVideoOperator
from twelvelabs_provider.operators.batch import TwelveLabsAnalyzeBatchOperator
from twelvelabs_provider.operators.index_video import TwelveLabsIndexVideoOperator
from twelvelabs_provider.operators.knowledge_ask import TwelveLabsAskKnowledgeStoreOperator

SCHEMA = '{"type": "json_schema", "name": "{{ name }}.json"}'
# Values of other fields, and prompts, that end as the name of a template file does.
ORDINARY = ["videos/talk.md", "s3://conn@bucket/talk.json", "https://h.example/a.json", "list.json"]


@pytest.fixture
def environment(tmp_path: Path) -> jinja2.Environment:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "review.md").write_text("# Review\nName the topics of {{ name }}.md")
    (tmp_path / "schema.json").write_text(SCHEMA)
    return jinja2.Environment(loader=jinja2.FileSystemLoader(tmp_path), autoescape=False)


def rendered(task: Any, environment: jinja2.Environment) -> Any:
    """Render as Airflow renders plain and mapped tasks."""
    task._do_render_template_fields(task, task.template_fields, {"name": "the talk"}, environment, set())
    return task


def test_prompt_and_schema_files_are_read_and_rendered(environment: jinja2.Environment) -> None:
    fields: dict[str, Any] = {"prompt": "prompts/review.md", "response_format": "schema.json", "output_path": "o"}
    for task in (
        TwelveLabsAnalyzeVideoOperator(task_id="t", asset_id="a1", **fields),
        TwelveLabsAnalyzeBatchOperator(task_id="t", items="items.json", **fields),
    ):
        rendered(task, environment)
        assert task.prompt == "# Review\nName the topics of the talk.md"
        assert task.response_format == SCHEMA.replace("{{ name }}", "the talk")


def test_question_file_is_read_and_rendered(environment: jinja2.Environment) -> None:
    fields = {**required_arguments(TwelveLabsAskKnowledgeStoreOperator), "question": "prompts/review.md"}
    task = rendered(TwelveLabsAskKnowledgeStoreOperator(task_id="t", **fields), environment)
    assert task.question.startswith("# Review")


@pytest.mark.parametrize("prompt", ["Summarize README.md", "s3://bucket/review.md", "{{ name }}.md", "https://h/a.md"])
def test_prompt_text_that_ends_like_a_file_name_stays_text(environment: jinja2.Environment, prompt: str) -> None:
    task = TwelveLabsAnalyzeVideoOperator(task_id="t", asset_id="a1", prompt=prompt, output_path="o")
    assert rendered(task, environment).prompt == prompt.replace("{{ name }}", "the talk")


def test_value_inside_of_a_schema_is_not_read_as_a_file(environment: jinja2.Environment) -> None:
    schema = {"type": "json_schema", "json_schema": {"enum": ["schema.json"]}}
    task = TwelveLabsAnalyzeVideoOperator(
        task_id="t", asset_id="a1", prompt="What?", response_format=schema, output_path="o"
    )
    assert rendered(task, environment).response_format == schema


@pytest.mark.parametrize("value", ORDINARY)
@pytest.mark.parametrize(
    "operator_class",
    [pytest.param(operator_class, id=operator_class.__name__) for operator_class in operator_classes()],
)
def test_ordinary_values_are_never_read_as_files(
    operator_class: type[Any], value: str, environment: jinja2.Environment
) -> None:
    files = {"prompt", "question", "instructions", "response_format", "answer_schema", "enrichment_schema"}
    fields = [name for name in operator_class.template_fields if name not in files]
    task = operator_class(task_id="t", **{**required_arguments(operator_class), **dict.fromkeys(fields, value)})
    rendered(task, environment)
    assert {name: getattr(task, name) for name in fields} == dict.fromkeys(fields, value)


def test_missing_template_file_is_named(environment: jinja2.Environment) -> None:
    task = TwelveLabsAnalyzeVideoOperator(task_id="t", asset_id="a1", prompt="nowhere.md", output_path="o")
    with pytest.raises(TwelveLabsInputError, match=r"^prompt='nowhere.md' names a template file that does not exist"):
        rendered(task, environment)


def test_operator_names_and_field_renderers_for_the_ui() -> None:
    assert TwelveLabsIndexVideoOperator.custom_operator_name == "TwelveLabs: index video"
    assert TwelveLabsIndexVideoOperator.template_fields_renderers == {"user_metadata": "json", "models": "json"}
    renderers = TwelveLabsAnalyzeVideoOperator.template_fields_renderers
    assert (renderers["prompt"], renderers["response_format"]) == ("md", "json")
    for operator_class in operator_classes():
        assert operator_class.custom_operator_name.startswith("TwelveLabs: ")
        assert set(operator_class.template_fields_renderers) <= set(operator_class.template_fields)


def test_user_subclass_is_shown_with_its_own_name() -> None:
    class IndexTalk(TwelveLabsIndexVideoOperator):
        """A user's own operator."""

    assert IndexTalk.custom_operator_name == "IndexTalk"
    assert IndexTalk.template_fields_renderers == TwelveLabsIndexVideoOperator.template_fields_renderers


def test_serialized_dag_keeps_name_renderers_and_color() -> None:
    from airflow.sdk import DAG
    from airflow.serialization import serialized_objects

    serialized: Any = serialized_objects
    with DAG("d", schedule=None) as dag:
        fields: dict[str, Any] = {"task_id": "plain", "index_id": "i", "source": "s"}
        TwelveLabsIndexVideoOperator(**fields)
        TwelveLabsIndexVideoOperator.partial(task_id="mapped", index_name="n").expand(source=["a", "b"])
    # Airflow 3.3 has a class of its own for this.
    serialization = getattr(serialized, "DagSerialization", serialized.SerializedDAG)
    found = serialization.from_dict(serialization.to_dict(dag))
    for task in found.tasks:
        assert task.operator_name == "TwelveLabs: index video"
        assert task.template_fields_renderers["user_metadata"] == "json"
        assert task.ui_color == TwelveLabsIndexVideoOperator.ui_color
