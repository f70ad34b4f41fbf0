"""Results that a consumer has not handled yet, read from the catalog."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta

from twelvelabs_provider.exceptions import TwelveLabsRecordError
from twelvelabs_provider.storage.catalog.entry import CATALOG, CatalogEntry
from twelvelabs_provider.storage.catalog.reading import read_catalog
from twelvelabs_provider.storage.layout import safe_component
from twelvelabs_provider.storage.store_errors import writing
from twelvelabs_provider.storage.stores import open_store, write_whole

_VERSION = 1
_OVERLAP = timedelta(hours=1)
"""Maximum delay of an entry: clocks of workers differ, and a retry may enter the result of a dead task."""


class NewResults:
    """Results below an output that a consumer has not handled, oldest first.

    Airflow may drop asset events that arrive while another one is queued. A DAG that such an event starts takes it as
    the signal to look, and reads here what is new::

        new = NewResults("s3://aws_default@media/understood", "downstream")
        for entry in new:
            print(entry.manifest)
        new.handled()

    A result that was published again is new again. If the task fails before :meth:`handled`, the next run returns the
    same results. Use one run at a time (``max_active_runs=1``) for each consumer.

    :param output: local path or object storage URI, with the connection as user where one is needed.
    :param consumer: name of the reader; its state is in ``{output}/_catalog/consumers/``.
    :param kinds: only results of these kinds; empty means all.
    """

    def __init__(self, output: str, consumer: str, *kinds: str) -> None:
        self._output = output
        self._kinds = frozenset(kinds)
        self._store = open_store(output)
        self._name = f"{CATALOG}/consumers/{safe_component(consumer)}.json"
        self._returned: list[CatalogEntry] = []

    def __iter__(self) -> Iterator[CatalogEntry]:
        """Return the results in the order in which they were published.

        :raises TwelveLabsRecordError: the consumer's state cannot be read.
        :raises TwelveLabsOutputError: the store does not answer; a retry may help.
        """
        known = self._known()
        earliest = _earliest(known)
        self._returned = sorted(
            (
                entry
                for entry in read_catalog(self._output)
                if (not self._kinds or entry.kind in self._kinds)
                and (earliest is None or _moment(entry.published_at) >= earliest)
                and entry.manifest_sha256 not in known
            ),
            key=lambda entry: (entry.age, entry.result),
        )
        return iter(self._returned)

    def handled(self) -> None:
        """Save the returned results, so that they are not returned again."""
        known = {**self._known(), **{entry.manifest_sha256: entry.published_at for entry in self._returned}}
        earliest = _earliest(known)
        kept = {digest: moment for digest, moment in known.items() if earliest and _moment(moment) >= earliest}
        content = json.dumps({"version": _VERSION, "handled": kept}).encode() + b"\n"
        with writing(self._store.uri(self._name)):
            write_whole(self._store, self._name, [content])

    def _known(self) -> Mapping[str, str]:
        stream = self._store.open(self._name)
        if stream is None:
            return {}
        with closing(stream):
            content = stream.read()
        try:
            document = json.loads(content)
            if document["version"] != _VERSION:
                raise ValueError(f"it is of version {document['version']!r}")
            return {str(digest): str(moment) for digest, moment in document["handled"].items()}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise TwelveLabsRecordError(
                f"{self._store.uri(self._name)!r} cannot be read: {error!r}. Restore it, or delete it to get all."
            ) from error


def _earliest(known: Mapping[str, str]) -> datetime | None:
    """Return the time before which all results are handled; None if none is."""
    return max(map(_moment, known.values())) - _OVERLAP if known else None


def _moment(published_at: str) -> datetime:
    return datetime.fromisoformat(published_at)
