"""Imports every module of the provider and runs one DAG to its end, in whatever environment executes this file.

Arguments: the DAG file, its id, the run's params as JSON.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys

import twelvelabs_provider


def import_all() -> int:
    """Import all modules and return their number."""
    found = list(pkgutil.walk_packages(twelvelabs_provider.__path__, "twelvelabs_provider."))
    for module in found:
        importlib.import_module(module.name)
    return len(found)


def main(file: str, dag_id: str, params: str) -> None:
    """Print the number of modules and the state of the run as JSON."""
    modules = import_all()
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag  # type: ignore[no-redef, unused-ignore]
    bag = DagBag(dag_folder=file)
    assert not bag.import_errors, bag.import_errors
    dag = bag.dags[dag_id]
    for task in dag.tasks:
        task.retries = 0
    run = dag.test(run_conf=json.loads(params))
    print(json.dumps({"modules": modules, "state": str(getattr(run.state, "value", run.state))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
