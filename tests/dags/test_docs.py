"""Templates and code of the documentation and the DAGs in every kind of run, also without a logical date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import jinja2
import jinja2.meta
import jinja2.nodes
import pytest

from tests.dags.conftest import ROOT, load_dag
from tests.dags.test_dags import states
from tests.unit.storage.published import put

TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "dags").glob("*.py"))]
NEED_A_LOGICAL_DATE = re.compile(
    r"(prev_)?(logical_date|execution_date|data_interval)|^(ds|ts)(_nodash(_with_tz)?)?$|(yesterday|tomorrow)_ds"
)


def templates() -> Iterator[tuple[Path, str]]:
    """Return every template, with its file; an f-string of Python doubles its braces."""
    for file in FILES:
        for found in TEMPLATE.findall(file.read_text().replace("{{{{", "{{").replace("}}}}", "}}")):
            yield file, found


def environment() -> jinja2.Environment:
    """Return Jinja as Airflow sets it up."""
    from airflow.sdk.definitions._internal.templater import SandboxedEnvironment

    return SandboxedEnvironment(undefined=jinja2.StrictUndefined)


def test_documentation_has_templates() -> None:
    assert {"dags", "docs"} <= {file.parent.name for file, _ in templates()}


def test_provider_templates_need_no_logical_date() -> None:
    env, bad = environment(), list[str]()
    for file, template in templates():
        try:
            tree = env.parse(template)
        except jinja2.TemplateSyntaxError:
            continue
        names = jinja2.meta.find_undeclared_variables(tree)
        names |= {node.attr for node in tree.find_all(jinja2.nodes.Getattr)}
        if any(NEED_A_LOGICAL_DATE.search(name) for name in names):
            bad.append(f"{file.name}: {template}")
    assert not bad


def test_templates_of_the_documentation_render_without_a_logical_date() -> None:
    env = environment()
    run = SimpleNamespace(run_after=datetime(2026, 1, 1, tzinfo=UTC), run_id="manual__1", logical_date=None, conf={})
    context = {"dag_run": run, "run_id": run.run_id, "logical_date": None}
    for file, template in templates():
        if file.suffix == ".md" and "..." not in template:
            assert env.from_string(template).render(**context), f"{file.name}: {template}"


@pytest.mark.usefixtures("airflow_database")
def test_dag_of_events_md_reads_every_result_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(tmp_path))
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "events.md").read_text(), re.DOTALL)
    (code,) = (block for block in blocks if "NewResults" in block)
    output = tmp_path / "understood"
    (tmp_path / "downstream.py").write_text(code.replace("s3://aws_default@media/understood", str(output)))

    def run() -> list[str]:
        capsys.readouterr()
        dag_run = load_dag("downstream", tmp_path / "downstream.py").test()
        assert str(dag_run.state) == "success", states(dag_run)
        return re.findall(r"file://\S+/(\w+)/transcription.manifest.json", capsys.readouterr().out)

    published = [f"video{number}" for number in range(4)]
    for video in published:
        put(str(output), video)
    assert run() == published, "four results, one event"
    assert run() == []
    put(str(output), "video2")
    assert run() == ["video2"], "published again"
