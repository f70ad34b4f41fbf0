"""Asset events of published results, for DAGs that are scheduled on them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from airflow.sdk import Asset, AssetAlias

from twelvelabs_provider.storage.catalog.writing import Publication
from twelvelabs_provider.storage.locations import Location

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

MOST_NAMED = 20
"""Maximum number of manifests and kinds in one event."""
MOST_EVENTS = 100
"""Events that one task registers through an alias; a task with more results registers their folder once."""
_RESERVED = "/:@!$&'()*+,;=~"


def register_events(context: Context, outlets: Iterable[Any], published: Sequence[Publication]) -> None:
    """Add the published results to the events of a task's outlets.

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
            log.info("No result was published below the outlet %s: its event has no extra", outlet)


def extra_of(published: Sequence[Publication]) -> dict[str, Any]:
    """Return the extra of an event. It is small; details are in the manifests and the catalog.

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
    """Return a location as an asset URI: percent-encoded, without connection id, credential and query."""
    scheme, separator, rest = Location.parse(place).uri.partition("://")
    return f"{scheme}{separator}{quote(rest, safe=_RESERVED)}"


def _add(event: Any, published: Sequence[Publication]) -> None:
    if len(published) > MOST_EVENTS:
        log.info("%d results: registering one asset event for their folder", len(published))
        _add_one(event, published[0].output, extra_of(published))
        return
    for one in published:
        _add_one(event, one.entry.uri, extra_of([one]))


def _add_one(event: Any, place: str, extra: Mapping[str, Any]) -> None:
    try:
        event.add(Asset(asset_uri(place)), extra=dict(extra))
    except ValueError as error:
        # The result is published and billed: an address that Airflow refuses must not fail the task.
        log.warning("No asset event for %s: %s", place, error)


def _covers(outlet: Any, published: Publication) -> bool:
    """Return whether an asset is a result, its folder, or one of its files; a name without a scheme covers all."""
    wanted = getattr(outlet, "uri", None) or ""
    if wanted.startswith("/"):
        wanted = Location.parse(wanted).uri
    if not Location.parse(wanted).scheme:
        return True
    wanted = unquote(wanted).rstrip("/")
    entry = published.entry
    files = [entry.manifest, *(f"{entry.uri}/{file.name}" for file in published.files)]
    return f"{unquote(entry.uri)}/".startswith(f"{wanted}/") or wanted in map(unquote, files)
