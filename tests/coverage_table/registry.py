"""Capabilities of the service, with their paths and their place in the vendor's client."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Capability:
    """One thing that the service can do.

    :param paths: the first capability with a pattern that fits the whole path of a route has it.
    :param client: resources of the vendor's client, as attributes of ``client``.
    :param functions: what it has besides calls, as module and name below ``twelvelabs_provider``.
    """

    title: str
    paths: Sequence[str]
    client: Sequence[str] = ()
    functions: Sequence[str] = ()

    def has(self, path: str) -> bool:
        """Tell whether a route's path belongs to it."""
        return any(re.fullmatch(pattern, path) for pattern in self.paths)


ID = r"/\{[a-z_]+\}"
CAPABILITIES: Sequence[Capability] = (
    Capability("Indexes", ["/indexes", f"/indexes{ID}", f"/engines({ID})?"], ["indexes"]),
    Capability(
        "Speech, on-screen text, logos and thumbnails",
        [f"/indexes{ID}/videos{ID}/(transcription|text-in-video|logo|thumbnail)", f"/assets{ID}/transcription"],
    ),
    Capability("Videos", [f"/indexes{ID}/videos({ID})?"], ["indexes.videos"]),
    Capability(
        "Indexed assets",
        [f"/indexes{ID}/indexed-assets({ID})?", f"/assets{ID}/indexed-assets"],
        ["indexes.indexed_assets"],
    ),
    Capability("Multipart uploads", ["/assets/multipart-uploads.*"], ["multipart_upload"]),
    Capability("Assets", ["/assets", f"/assets{ID}", f"/assets{ID}/user-metadata"], ["assets"]),
    Capability("Imports", ["/connections.*", "/tasks/transfers.*"], ["data_connectors", "imports"]),
    Capability("Indexing tasks", ["/tasks.*"], ["tasks"]),
    Capability("Synchronous analysis and summaries", ["/analyze", "/generate", "/summarize", "/gist"], ["analyze"]),
    Capability("Analysis tasks", ["/analyze/tasks.*"], ["analyze_async.tasks"]),
    Capability("Analysis batches", ["/analyze/batches.*"], ["analyze_async.batches"]),
    Capability("Search", ["/search.*"], ["search"]),
    Capability("Embeddings", ["/embed-v2.*"], ["embed.v_2"]),
    Capability("Embeddings v1", ["/embed", "/embed/.*"], ["embed"]),
    Capability("Entities", ["/entity-collections.*", f"/assets{ID}/entities"], ["entity_collections"]),
    Capability(
        "Knowledge stores",
        ["/knowledge-stores.*"],
        ["knowledge_stores", "knowledge_store_items", "knowledge_store_item_collections"],
    ),
    Capability("Responses", ["/responses"], ["responses"]),
    Capability("Webhooks", [], functions=["api.webhooks.verify_webhook"]),
)

NO_CALL: Mapping[str, str] = {
    "v1.2 POST /analyze": "another name of POST /generate, which every account of that generation has",
}
"""Routes of the engine that no call of the provider goes to, with the reason. Routes that only v1.1 would lack are not
looked at: the engine has one table for v1.1 and v1.2."""

STORAGE_ONLY = ("TwelveLabsCompactCatalogOperator", "TwelveLabsDiscoverVideosOperator")
"""Operators that work on object storage and never speak to the service."""
