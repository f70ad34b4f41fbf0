"""Presigned URLs: they open one resource without the API key, for a limited time."""

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
"""The prefix of paths that need a signature instead of the API key."""

HOUR = 3600
_EXPIRES, _SIGNATURE = "expires", "signature"


@dataclass(frozen=True)
class Signer:
    """Signs and verifies URLs with the secret of one data folder.

    :param secret: the key of the signatures.
    """

    secret: bytes

    @classmethod
    def of(cls, folder: DataFolder) -> Self:
        """Return the signer of a data folder. The secret is created once, so URLs stay valid after a restart."""
        path = folder.root / "secret"
        if not path.exists():
            new_file = path.with_suffix(".new")
            new_file.touch(0o600)
            new_file.write_bytes(secrets.token_bytes(32))
            os.replace(new_file, path)
        return cls(path.read_bytes())

    def sign(self, method: str, path: str, query: Mapping[str, str] | None = None, seconds: int = HOUR) -> str:
        """Return a path with a signed query.

        :param method: the only method that the URL allows.
        :param path: a path below :data:`SIGNED`.
        :param query: other parameters, which the signature protects.
        :param seconds: time until the URL expires.
        """
        pairs = {**(query or {}), _EXPIRES: str(int(time.time()) + seconds)}
        return f"{path}?{urlencode({**pairs, _SIGNATURE: self._signature(method, path, pairs)})}"

    def accepts(self, method: str, path: str, query_string: str) -> bool:
        """Return whether the signature is valid for this request and has not expired."""
        pairs = dict(parse_qsl(query_string, keep_blank_values=True))
        given, expires = pairs.pop(_SIGNATURE, ""), pairs.get(_EXPIRES, "")
        if not hmac.compare_digest(given.encode(), self._signature(method, path, pairs).encode()):
            return False
        return time.time() < float(expires)

    def _signature(self, method: str, path: str, pairs: Mapping[str, str]) -> str:
        text = "\n".join((method, path, urlencode(sorted(pairs.items()))))
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()
