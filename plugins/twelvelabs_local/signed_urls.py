"""Links that open one thing without the key, for a while: what a store in the cloud would call presigned."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlencode

from twelvelabs_local.settings import DataFolder

SIGNED = "/_local/signed/"
"""Paths below this one take a signature instead of the key."""

HOUR = 3600
_EXPIRES, _SIGNATURE = "expires", "signature"


@dataclass(frozen=True)
class Signer:
    """Signs and checks links with the secret of one data folder.

    :param secret: known to this engine alone.
    """

    secret: bytes

    @classmethod
    def of(cls, folder: DataFolder) -> Self:
        """Return the signer of a data folder; its secret is made once, so that links outlive a restart."""
        path = folder.root / "secret"
        if not path.exists():
            fresh = path.with_suffix(".new")
            fresh.touch(0o600)
            fresh.write_bytes(secrets.token_bytes(32))
            os.replace(fresh, path)
        return cls(path.read_bytes())

    def sign(self, method: str, path: str, query: Mapping[str, str] | None = None, seconds: int = HOUR) -> str:
        """Return a path with a query that opens it.

        :param method: the only method that it is good for.
        :param path: below :data:`SIGNED`, as it is routed.
        :param query: what else belongs to the link; it cannot be changed.
        :param seconds: how long it is good.
        """
        pairs = {**(query or {}), _EXPIRES: str(int(time.time()) + seconds)}
        return f"{path}?{urlencode({**pairs, _SIGNATURE: self._signature(method, path, pairs)})}"

    def accepts(self, method: str, path: str, query_string: str) -> bool:
        """Tell whether a request may be answered: it was signed here, for this, and its time has not passed."""
        pairs = dict(parse_qsl(query_string, keep_blank_values=True))
        given, expires = pairs.pop(_SIGNATURE, ""), pairs.get(_EXPIRES, "")
        if not hmac.compare_digest(given.encode(), self._signature(method, path, pairs).encode()):
            return False
        return time.time() < float(expires)

    def _signature(self, method: str, path: str, pairs: Mapping[str, str]) -> str:
        text = "\n".join((method, path, urlencode(sorted(pairs.items()))))
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()
