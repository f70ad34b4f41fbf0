"""The packages of the extra ``local``."""

from __future__ import annotations

from importlib.util import find_spec

INSTALL = "pip install 'airflow-provider-twelvelabs[local]'"
MODULES = (
    "av", "cv2", "numpy", "onnxruntime", "pocketsphinx", "pysubs2", "python_multipart", "rapidocr", "starlette",
    "uvicorn",
)  # fmt: skip
"""Modules that are imported while a video is read or a call is handled, so a missing one would fail only then."""


def missing_packages() -> str | None:
    """Return which modules of the extra are missing and how to install them, or None."""
    missing = [name for name in MODULES if find_spec(name) is None]
    return f"not installed: {', '.join(missing)}. Install the extra 'local': {INSTALL}" if missing else None
