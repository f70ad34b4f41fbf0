"""Generations of the API."""

from __future__ import annotations

from enum import StrEnum


class ApiVersion(StrEnum):
    """Generations of the API that the provider speaks."""

    V1_3 = "v1.3"
    V1_2 = "v1.2"
    V1_1 = "v1.1"


LEGACY = (ApiVersion.V1_2, ApiVersion.V1_1)
