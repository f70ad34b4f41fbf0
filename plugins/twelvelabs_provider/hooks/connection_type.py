"""Name of the connection type, and of its default connection; apart from the code that reads one, for DAG files."""

from __future__ import annotations

CONN_TYPE = "twelvelabs"
DEFAULT_CONN_ID = "twelvelabs_default"
