"""Record of a billed call that leaves no object on the service, so that a retry does not pay twice.

It lies in Airflow's task state store (3.3 and newer). Without a store, a retry after the worker's death sends the call
again and pays again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twelvelabs_provider.api.analysis.generation import Generation
from twelvelabs_provider.api.errors import TwelveLabsAnswerError
from twelvelabs_provider.jobs.identity import Identity
from twelvelabs_provider.jobs.task_state import StateStore, unreadable

LARGEST_ANSWER = 64 * 1024
"""Characters of a response that is kept until it is published."""
_KEY = "twelvelabs_call"


@dataclass(frozen=True)
class BilledCall:
    """One billed call of one task instance.

    :param store: Airflow's task state store, None before Airflow 3.3.
    """

    store: StateStore | None
    identity: Identity

    def was_sent(self) -> bool:
        """Return whether an earlier attempt sent the call without a recorded end."""
        return self._record() is not None

    def response(self) -> Generation | None:
        """Return the response that an earlier attempt received but did not publish."""
        fields = (self._record() or {}).get("response")
        if fields is None:
            return None
        try:
            return Generation.read(fields)
        except TwelveLabsAnswerError as error:
            raise unreadable("billed response", error) from error

    def record_sent(self) -> None:
        """Record that the call is sent now."""
        self._write({})

    def record_response(self, generation: Generation) -> None:
        """Record the response, if it is small, until it is published."""
        if len(generation.text) > LARGEST_ANSWER:
            return self.clear()
        plain = {name: getattr(generation, name) for name in Generation.model_fields}
        return self._write({"response": {**plain, "usage": generation.usage.as_json()}})

    def clear(self) -> None:
        """Remove the record: the call was refused without cost, or its response is published."""
        if self.store is not None and self.store.get(_KEY) is not None:
            self.store.delete(_KEY)

    def _record(self) -> Mapping[str, Any] | None:
        record = None if self.store is None else self.store.get(_KEY)
        if record is None:
            return None
        if not isinstance(record, Mapping) or "identity" not in record:
            raise unreadable("billed call", record)
        return record if record["identity"] == self.identity.key() else None

    def _write(self, fields: Mapping[str, Any]) -> None:
        if self.store is not None:
            self.store.set(_KEY, {"identity": self.identity.key(), **fields})
