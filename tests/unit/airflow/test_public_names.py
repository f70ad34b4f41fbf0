"""A DAG file may import the functions for tasks at its top: that loads little."""

from __future__ import annotations

from pathlib import Path

from tests.unit.airflow.fresh import PLUGINS, run_fresh

IMPORTS = """
import json, sys
import twelvelabs_provider
before = sorted(name for name in sys.modules if name.startswith(("twelvelabs_provider", "airflow")))
from twelvelabs_provider import publish_document, publish_rows, read_catalog, read_rows
after = sorted(name for name in sys.modules if name.startswith(("twelvelabs_provider", "airflow")))
print(json.dumps([before, after]))
"""


def test_importing_the_functions_loads_no_storage_and_no_airflow(tmp_path: Path) -> None:
    before, after = run_fresh(IMPORTS, tmp_path, PLUGINS)
    assert before == ["twelvelabs_provider"]
    assert after == ["twelvelabs_provider", "twelvelabs_provider.publishing"]
