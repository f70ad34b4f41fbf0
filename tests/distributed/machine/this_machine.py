"""Host name of a process, in place of the system's host name."""

from __future__ import annotations

import os


def name() -> str:
    """Return it."""
    return os.environ["THIS_MACHINE"]
