"""Modules that an import of the provider loads, because Airflow parses a DAG file repeatedly."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.unit.airflow.fresh import PLUGINS, run_fresh

# What a module imports hardly depends on the version of Airflow.
pytestmark = pytest.mark.large

# Each of them costs from 50 ms to seconds, and up to 100 MiB.
HEAVY = {"av", "cv2", "numpy", "onnxruntime", "pandas", "pocketsphinx", "pyarrow", "rapidocr"}
WORKERS_HTTP = {"requests", "requests_toolbelt", "urllib3"}
HTTP = WORKERS_HTTP | {"aiohttp", "boto3", "botocore", "httpcore", "httpx"}
# All that the operators of a DAG file load: values, arguments, base classes. Calls and collaborators are imported in
# ``execute``. Each module here costs about a millisecond whenever Airflow parses the file or runs one of its tasks.
LOADED_BY_A_DAG = {
    "api.decoding",
    "api.errors",
    "api.jobs",
    "api.redaction",
    "api.retired_models",
    "exceptions",
    "hooks.connection_type",
    "inputs.cost_limit",
    "inputs.field_rendering",
    "inputs.index_models",
    "inputs.policies",
    "inputs.text_arguments",
    "inputs.typed_arguments",
    "inputs.upload_method",
    "inputs.user_metadata",
    "jobs.attempt_clock",
    "jobs.cost",
    "jobs.durations",
    "jobs.idempotency",
    "jobs.index_resolution",
    "jobs.job",
    "jobs.polling",
    "jobs.time_range",
    "links",
    "operators.base",
    "operators.billing",
    "operators.extract",
    "operators.extraction",
    "operators.index_video",
    "operators.indexes",
    "operators.job",
    "storage.layout",
    "storage.locations",
    "task",
    "version_compat",
}
STAGES = """
import importlib, json, sys
stages = []
for names in {stages!r}:
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            if {strict}:
                raise
    stages.append(sorted(sys.modules))
print(json.dumps(stages))
"""


WITHOUT_HELPERS = """
import importlib, sys
sys.modules["airflow.providers.common.compat.connection"] = None
for name in {names!r}:
    importlib.import_module(name)
print("null")
"""


def modules_below(package: str) -> list[str]:
    """Return every module of one of the two packages, however deep it lies."""
    files = (PLUGINS / package).rglob("*.py")
    return sorted(".".join(file.relative_to(PLUGINS).with_suffix("").parts).removesuffix(".__init__") for file in files)


def modules_of(*packages: str) -> list[str]:
    """Return every module of some of the provider's packages."""
    files = (file for package in packages for file in (PLUGINS / "twelvelabs_provider" / package).glob("*.py"))
    return sorted(".".join(file.relative_to(PLUGINS).with_suffix("").parts).removesuffix(".__init__") for file in files)


def loaded_after(home: Path, *stages: list[str], strict: bool = True) -> list[set[str]]:
    """Return all that is loaded after each of several lots of imports in one process."""
    return [set(loaded) for loaded in run_fresh(STAGES.format(stages=stages, strict=strict), home, PLUGINS)]


def packages_in(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_only_the_workers_hook_loads_an_http_library_of_its_own(tmp_path: Path) -> None:
    names = modules_of("operators", "sensors", "triggers")
    assert len(names) >= 8
    reading, triggerer, worker = loaded_after(
        tmp_path, names, ["twelvelabs_provider.hooks.twelvelabs_async"], ["twelvelabs_provider.hooks.twelvelabs"]
    )
    assert packages_in(reading | triggerer) & (HEAVY | WORKERS_HTTP) == set()
    assert packages_in(worker) >= WORKERS_HTTP, "what is not loaded before would be seen"

    of_airflow = sorted(name for name in reading if name.partition(".")[0] == "airflow")
    (by_airflow,) = loaded_after(tmp_path, ["airflow.sdk", *of_airflow], strict=False)
    assert packages_in(reading) & HTTP <= packages_in(by_airflow), "Airflow alone loads less"


def test_the_operators_of_a_dag_load_no_module_that_only_a_running_task_needs(tmp_path: Path) -> None:
    names = sorted(
        node.module
        for node in ast.parse((PLUGINS.parent / "dags" / "video_understanding.py").read_text()).body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("twelvelabs_provider")
    )
    assert len(names) >= 3
    by_airflow, loaded = loaded_after(tmp_path, ["airflow.sdk.bases.operator"], names)
    rooms = {f"twelvelabs_provider.{name.partition('.')[0]}" for name in LOADED_BY_A_DAG}
    expected = {"twelvelabs_provider", *rooms, *(f"twelvelabs_provider.{name}" for name in LOADED_BY_A_DAG)}
    added = loaded - by_airflow
    assert {name for name in added if name.startswith("twelvelabs_provider")} == expected - by_airflow
    assert added & {"airflow.sdk.bases.hook", "airflow.triggers.base"} == set()


@pytest.mark.parametrize(
    "names", [modules_of("api"), ["twelvelabs_provider.get_provider_info"]], ids=["api", "get_provider_info"]
)
def test_neither_the_calls_nor_the_provider_info_load_airflow_or_http(tmp_path: Path, names: list[str]) -> None:
    (loaded,) = loaded_after(tmp_path, names)
    assert packages_in(loaded) & (HEAVY | HTTP | {"airflow"}) == set()
    assert not any(name.startswith("twelvelabs_provider.hooks") for name in loaded)


def test_every_module_imports_with_the_oldest_declared_common_compat(tmp_path: Path) -> None:
    """Version 1.7.4 has no helpers for connections, and most installations have versions between it and today's."""
    names = modules_below("twelvelabs_provider")
    assert len(names) > 200
    run_fresh(WITHOUT_HELPERS.format(names=names), tmp_path, PLUGINS)
