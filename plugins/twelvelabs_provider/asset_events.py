"""Asset events of what was published, so that DAGs can be scheduled on results and read where they are."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from airflow.sdk import Asset, AssetAlias

from twelvelabs_provider.storage.catalog.writing import Publication
from twelvelabs_provider.storage.locations import display_uri, scheme_of

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

MOST_NAMED = 20
"""Manifests and kinds that one event names."""
MOST_EVENTS = 100
"""Events that one task registers through an alias; a task with more results registers their folder once."""
_RESERVED = "/:@!$&'()*+,;=~"


def register_events(context: Context, outlets: Iterable[Any], published: Sequence[Publication]) -> None:
    """Fill the events of a task's outlets with what it published.

    The event of an asset gets the results that lie at its URI or below it; an asset that is only a name gets all. An
    alias gets an event for the folder of each result.

    :param context: of the task instance that ends now; an event is registered by Airflow only if it succeeds.
    :param outlets: as the user gave them.
    """
    latest = list({one.entry.result: one for one in published}.values())
    events: Any = context.get("outlet_events")
    if not latest or events is None:
        return
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            _add(events[outlet], latest)
        elif found := [one for one in latest if _covers(outlet, one)]:
            extra = events[outlet].extra
            extra.update({**extra_of(found), **extra})
        else:
            log.info("nothing was published at or below the outlet %s: its event says nothing of results", outlet)


def extra_of(published: Sequence[Publication]) -> dict[str, Any]:
    """What an event says: small, whatever was published; the manifests and the catalog say the rest.

    :return: ``results`` (how many), ``rows``, ``bytes``, ``published_at`` (ISO time); of one result also ``uri`` (its
        folder), ``manifest``, ``kind``, ``formats``, and ``index_id``, ``video_id``, ``asset_id`` where it has them; of
        several ``kinds`` and ``manifests`` (the first 20).
    """
    entries = [one.entry for one in published]
    counts = {
        "results": len(entries),
        "rows": sum(entry.rows for entry in entries),
        "bytes": sum(entry.bytes for entry in entries),
        "published_at": max(entry.published_at for entry in entries),
    }
    if len(entries) > 1:
        kinds = sorted({entry.kind for entry in entries})
        return {**counts, "kinds": kinds[:MOST_NAMED], "manifests": [one.manifest for one in entries[:MOST_NAMED]]}
    (entry,) = entries
    ids = {"index_id": entry.index_id, "video_id": entry.video_id, "asset_id": entry.asset_id}
    return {
        **counts,
        "uri": entry.uri,
        "manifest": entry.manifest,
        "kind": entry.kind,
        "formats": list(entry.files),
        **{name: value for name, value in ids.items() if value},
    }


def asset_uri(place: str) -> str:
    """The URI of a place as an asset has it: percent-encoded, without connection id, credential and query."""
    scheme, separator, rest = display_uri(place).partition("://")
    return f"{scheme}{separator}{quote(rest, safe=_RESERVED)}"


def _add(event: Any, published: Sequence[Publication]) -> None:
    if len(published) > MOST_EVENTS:
        log.info("%d results: their folder is registered once, not each of them", len(published))
        _add_one(event, published[0].output, extra_of(published))
        return
    for one in published:
        _add_one(event, one.entry.uri, extra_of([one]))


def _add_one(event: Any, place: str, extra: Mapping[str, Any]) -> None:
    try:
        event.add(Asset(asset_uri(place)), extra=dict(extra))
    except ValueError as error:
        # The result is there and paid for: an address that Airflow does not take is no reason to fail.
        log.warning("no asset event for %s: %s", place, error)


def _covers(outlet: Any, published: Publication) -> bool:
    """Whether an asset is a result, holds it, or is one of its files; a name without a scheme holds everything."""
    wanted = getattr(outlet, "uri", None) or ""
    if wanted.startswith("/"):
        wanted = display_uri(wanted)
    if not scheme_of(wanted):
        return True
    wanted = unquote(wanted).rstrip("/")
    entry = published.entry
    files = [entry.manifest, *(f"{entry.uri}/{file.name}" for file in published.files)]
    return f"{unquote(entry.uri)}/".startswith(f"{wanted}/") or wanted in map(unquote, files)
