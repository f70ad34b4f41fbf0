"""Models that the service refuses, with the day of their retirement."""

from __future__ import annotations

RETIRED_MODELS = {"pegasus1.2": "2026-08-18"}
