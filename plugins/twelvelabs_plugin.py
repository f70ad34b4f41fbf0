"""The one file that Airflow's plugin loader executes in a drop-in AIRFLOW_HOME (see .airflowignore beside it)."""

from __future__ import annotations

from importlib.metadata import entry_points

# An installed package registers the same plugin through its entry point; twice would be an import error in the UI.
if not any(point.name == "twelvelabs" for point in entry_points(group="airflow.plugins")):
    from twelvelabs_provider.plugin import TwelveLabsPlugin

    __all__ = ["TwelveLabsPlugin"]
