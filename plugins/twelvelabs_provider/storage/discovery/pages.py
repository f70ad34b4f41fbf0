"""Page-by-page listings of S3, GCS and Azure, because fsspec would hold a whole listing in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Info = Mapping[str, Any]
Pages = Callable[[Any, str, str, bool], Iterator[tuple[str, Info]]]

PAGE = 1000
"""Keys per request: the maximum of S3 and GCS."""


def pages_of(filesystem: Any) -> Pages | None:
    """Return the function that lists a store page by page; None for other stores.

    The function takes filesystem, bucket, prefix, and whether to omit keys with another slash after the prefix. It
    yields keys with their metadata.
    """
    if hasattr(filesystem, "call_s3"):
        return _s3
    if hasattr(filesystem, "call") and "gs" in _protocols(filesystem):
        return _gcs
    if hasattr(filesystem, "service_client") and "abfs" in _protocols(filesystem):
        return _azure
    return None


def _protocols(filesystem: Any) -> tuple[str, ...]:
    given = filesystem.protocol
    return (given,) if isinstance(given, str) else tuple(given)


def _s3(filesystem: Any, bucket: str, prefix: str, shallow: bool) -> Iterator[tuple[str, Info]]:
    asked = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": PAGE, **({"Delimiter": "/"} if shallow else {})}
    while True:
        page = filesystem.call_s3("list_objects_v2", **asked)
        for entry in page.get("Contents") or ():
            yield entry["Key"], {**entry, "size": entry["Size"]}
        token = page.get("NextContinuationToken")
        if not page.get("IsTruncated") or not token:
            return
        asked["ContinuationToken"] = token


def _gcs(filesystem: Any, bucket: str, prefix: str, shallow: bool) -> Iterator[tuple[str, Info]]:
    asked = {"prefix": prefix, "maxResults": PAGE, **({"delimiter": "/"} if shallow else {})}
    while True:
        page = filesystem.call("GET", "b/{}/o", bucket, json_out=True, **asked)
        for entry in page.get("items") or ():
            yield entry["name"], {**entry, "size": int(entry.get("size", 0))}
        if not page.get("nextPageToken"):
            return
        asked["pageToken"] = page["nextPageToken"]


def _azure(filesystem: Any, bucket: str, prefix: str, shallow: bool) -> Iterator[tuple[str, Info]]:
    from fsspec.asyn import sync

    client = filesystem.service_client.get_container_client(container=bucket)
    asked = {"name_starts_with": prefix, "include": ["metadata"], "results_per_page": PAGE}
    listed = client.walk_blobs(delimiter="/", **asked) if shallow else client.list_blobs(**asked)
    pages = listed.by_page()
    while (page := sync(filesystem.loop, _azure_page, pages)) is not None:
        for blob in page:
            if not hasattr(blob, "etag") or (blob.metadata or {}).get("hdi_isfolder") == "true":
                continue
            yield blob.name, {"size": blob.size, "etag": blob.etag, "last_modified": blob.last_modified}


async def _azure_page(pages: Any) -> list[Any] | None:
    """Return the next page as a list; None after the last."""
    async for page in pages:
        return [blob async for blob in page]
    return None
