"""Clients of the stores with short retries, and without access to other servers."""

from __future__ import annotations

import os
from typing import Any

import pytest


def keep_local() -> None:
    """Has to come before gcsfs is imported: it asks a gRPC service of Google's what kind each bucket is."""
    os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"


def tame(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a store's client try as often as it does, but wait milliseconds instead of up to a minute."""
    if scheme == "abfs":
        from azure.storage.blob._shared import policies

        for policy in (policies.ExponentialRetry, policies.LinearRetry):
            monkeypatch.setattr(policy, "get_backoff_time", lambda *_: 0.01)
    if scheme == "gs":
        from gcsfs import retry
        from google.auth import credentials

        monkeypatch.setattr(retry, "asyncio", _ShortPauses(retry.asyncio))
        # It asks Google where a service account may be used from.
        for kind in vars(credentials).values():
            if "_is_regional_access_boundary_lookup_required" in getattr(kind, "__dict__", ()):
                monkeypatch.setattr(kind, "_is_regional_access_boundary_lookup_required", lambda _: False)


class _ShortPauses:
    """asyncio with short pauses."""

    def __init__(self, asyncio: Any) -> None:
        self._asyncio = asyncio

    def __getattr__(self, name: str) -> Any:
        return getattr(self._asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await self._asyncio.sleep(min(seconds, 0.01))
