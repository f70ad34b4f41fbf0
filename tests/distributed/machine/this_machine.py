"""The name of a machine that is only a process; Airflow asks for it where it would ask the system."""

from __future__ import annotations

import os


def name() -> str:
    """Return it."""
    return os.environ["THIS_MACHINE"]
