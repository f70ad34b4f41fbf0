"""Listing of files in storage, in no particular order and in constant memory."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.hooks.local_sources import allowed_folders, is_below
from twelvelabs_provider.storage.discovery.listed_files import ListedFile, time_of
from twelvelabs_provider.storage.discovery.pages import Pages, pages_of
from twelvelabs_provider.storage.discovery.search_roots import SearchRoot
from twelvelabs_provider.storage.source_content import fingerprint_of
from twelvelabs_provider.storage.store_errors import is_denied, is_for_good, is_missing

log = logging.getLogger(__name__)
HIDDEN = "hidden"
VANISHED = "vanished"
BROKEN_LINK = "broken_link"
LINK_LOOP = "link_loop"
LINK_OUTSIDE = "link_outside"
UNREADABLE = "unreadable"
NOT_UTF8 = "name_not_utf8"

_HIDDEN_STARTS = (".", "~$")
_HIDDEN_FOLDERS = ("_temporary", "lost+found", "@eaDir", "$RECYCLE.BIN", "__MACOSX")


def list_files(root: SearchRoot, skipped: Counter[str]) -> Iterator[tuple[str, ListedFile]]:
    """Yield the files of a root, each with its path below the root's folder.

    :param skipped: counts of skipped files by reason.
    :raises TwelveLabsInputError: the folder or bucket does not exist, or may not be listed.
    """
    if root.filesystem is None:
        yield from _local(root, skipped)
        return
    try:
        pages = pages_of(root.filesystem)
        yield from _flat(root, pages, skipped) if pages else _walked(root, skipped)
    except (TwelveLabsInputError, GeneratorExit):
        raise
    except Exception as error:
        if refusal := _refusal(error, root.shown):
            raise refusal from error
        # Other errors may pass: they go through, so that Airflow retries the task.
        error.add_note(f"while listing {root.shown!r}")
        raise


def _flat(root: SearchRoot, pages: Pages, skipped: Counter[str]) -> Iterator[tuple[str, ListedFile]]:
    bucket, _, prefix = root.prefix.lstrip("/").partition("/")
    start = len(root.folder.lstrip("/").partition("/")[2])
    start += 1 if start else 0
    for key, info in pages(root.filesystem, bucket, prefix, root.depth == 1):
        path = key[start:]
        if not path or path.endswith("/"):  # the marker object of a folder
            continue
        if any(map(is_hidden, path.split("/"))):
            skipped[HIDDEN] += 1
            continue
        yield path, ListedFile(root.uri_of(path), info.get("size"), fingerprint_of(info), time_of(info))


def _walked(root: SearchRoot, skipped: Counter[str]) -> Iterator[tuple[str, ListedFile]]:
    """List folder by folder, one of them in memory."""
    filesystem, todo = root.filesystem, [(root.folder, 1)]
    while todo:
        folder, level = todo.pop()
        # fsspec's cache may be older than the store, and grows with the listing.
        filesystem.invalidate_cache(folder)
        try:
            listed = filesystem.ls(folder, detail=True)
        except FileNotFoundError:
            if level == 1:
                raise
            continue
        finally:
            filesystem.invalidate_cache(folder)
        for info in listed:
            path = _below(root.folder, str(info["name"]))
            if not path or str(info["name"]).strip("/") == folder.strip("/"):
                continue
            if is_hidden(path.rpartition("/")[2]):
                skipped[HIDDEN] += 1
            elif info.get("type") == "directory":
                if root.depth is None or level < root.depth:
                    todo.append((str(info["name"]), level + 1))
            else:
                yield path, ListedFile(root.uri_of(path), info.get("size"), fingerprint_of(info), time_of(info))


def _below(folder: str, name: str) -> str:
    return name.strip("/")[len(folder.strip("/")) :].lstrip("/")


def _local(root: SearchRoot, skipped: Counter[str]) -> Iterator[tuple[str, ListedFile]]:
    # Links may lead into the allowed folders and the root's own folder only.
    within = (os.path.realpath(root.folder), *allowed_folders())
    todo: list[tuple[str, int, frozenset[tuple[int, int]]]] = [("", 1, frozenset())]
    while todo:
        path, level, above = todo.pop()
        folder = os.path.join(root.folder, path) if path else root.folder
        try:
            with _scanned(folder, path, root.shown) as listed:
                facts = os.stat(folder)
                here = (facts.st_dev, facts.st_ino)
                if here in above:
                    skipped[LINK_LOOP] += 1
                    continue
                for item in listed:
                    inner = f"{path}/{item.name}" if path else item.name
                    if is_hidden(item.name):
                        skipped[HIDDEN] += 1
                    elif not _is_utf8(item.name):
                        skipped[NOT_UTF8] += 1
                    elif item.is_symlink() and not _leads_within(item, within):
                        skipped[LINK_OUTSIDE] += 1
                    elif _is_folder(item):
                        if root.depth is None or level < root.depth:
                            todo.append((inner, level + 1, above | {here}))
                    elif entry := _local_entry(root, inner, item, skipped):
                        yield inner, entry
        except FileNotFoundError:
            skipped[VANISHED] += 1


def _scanned(folder: str, path: str, shown: str) -> Any:
    try:
        return os.scandir(folder)
    except FileNotFoundError:
        if path:
            raise
        raise TwelveLabsInputError(
            f"The place to look for videos {shown!r} does not exist: there is no folder {folder!r} on this worker."
        ) from None
    except OSError as error:
        if not is_for_good(error):
            raise
        # Skipping the folder would lose its videos silently.
        raise TwelveLabsInputError(
            f"The folder {folder!r} cannot be listed: {error.strerror}. Let the user that runs Airflow's tasks read it."
        ) from error


def _leads_within(item: os.DirEntry[str], folders: Iterable[str]) -> bool:
    """Return whether a link leads to one of the folders; broken links are handled as files."""
    return not os.path.exists(item.path) or any(is_below(item.path, folder) for folder in folders)


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link loop; it is counted as a file
        return False


def _local_entry(root: SearchRoot, path: str, item: os.DirEntry[str], skipped: Counter[str]) -> ListedFile | None:
    try:
        facts = item.stat()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            log.warning("%s cannot be read and is skipped: %s", root.uri_of(path), error.strerror)
            skipped[UNREADABLE] += 1
            return None
        skipped[BROKEN_LINK if item.is_symlink() else VANISHED] += 1
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    version = f"{facts.st_size}-{facts.st_mtime_ns}"
    return ListedFile(root.uri_of(path), facts.st_size, version, facts.st_mtime)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden or temporary."""
    return name.startswith(_HIDDEN_STARTS) or name in _HIDDEN_FOLDERS


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refusal(error: Exception, shown: str) -> TwelveLabsInputError | None:
    if is_missing(error):
        return TwelveLabsInputError(
            f"The place to look for videos {shown!r} does not exist: check the bucket, container or folder."
        )
    if is_denied(error):
        return TwelveLabsInputError(
            f"The place to look for videos {shown!r} cannot be listed: access denied. "
            "Give the connection's account leave to list it, or name the connection: s3://conn_id@bucket/prefix."
        )
    return None
