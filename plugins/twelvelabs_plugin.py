"""The one file that Airflow's plugin loader executes in a drop-in AIRFLOW_HOME (see .airflowignore beside it)."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points
from pathlib import Path

# An installed package registers the same plugin through its entry point; twice would be an import error in the UI.
if not any(point.name == "twelvelabs" for point in entry_points(group="airflow.plugins")):
    from twelvelabs_provider.plugin import TwelveLabsPlugin

    __all__ = ["TwelveLabsPlugin"]

_folder = Path(__file__).parent
if not any((folder / ".airflowignore").is_file() for folder in (_folder, _folder / "twelvelabs_provider")):
    logging.getLogger(__name__).warning(
        "%s has no .airflowignore, so every Airflow process executes each file of the TwelveLabs packages, which takes"
        " seconds. Copy plugins/.airflowignore there, too.",
        _folder,
    )
